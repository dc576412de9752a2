#include "common/service/run_reporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "common/base/due.h"
#include "common/base/error.h"
#include "common/service/ping.h"

namespace pgbackup {
namespace {

using std::chrono::steady_clock;

// How long the end of a program waits for its receivers: of a program that ends by itself, and of
// one that was asked to stop.
constexpr std::chrono::seconds kLongestEnd{20};
constexpr std::chrono::seconds kLongestStop{3};

}  // namespace

RunReporter::RunReporter(ReportedRuns runs, const ReportConfig& config, Clock& clock, Log& log)
    : runs_(std::move(runs)),
      config_(config),
      clock_(clock),
      log_(log),
      means_(means()),
      notifier_(means(), config.notify_on, config.notify_format),
      pusher_(means(), {.job = config.metrics_job,
                        .instance = config.metrics_instance,
                        .program = runs_.program}) {
  add(kPingUrl, &config.ping_url, true,
      [this](const Letter& letter, const std::stop_token& stop) { ping(means_, letter, stop); });
  add(kNotifyUrl, &config.notify_url, false,
      [this](const Letter& letter, const std::stop_token& stop) { notifier_.tell(letter, stop); });
  add(kPushgatewayUrl, &config.pushgateway_url, false,
      [this](const Letter& letter, const std::stop_token& stop) {
        pusher_.push(letter.url.reveal(), metrics_after(letter.report), stop);
      });
  if (config.metrics_textfile.empty()) return;
  add(kMetricsTextfile, nullptr, false, [this](const Letter& letter, const std::stop_token&) {
    with_context(kMetricsTextfile, [&] {
      write_textfile(config_.metrics_textfile, format_metrics(metrics_after(letter.report)));
    });
  });
}

RunReporter::~RunReporter() = default;

void RunReporter::add(std::string_view setting, const Secret* url, bool wants_starts,
                      Courier::Hand hand) {
  receivers_.push_back({.setting = setting,
                        .url = url,
                        .wants_starts = wants_starts,
                        .courier = std::make_unique<Courier>(std::move(hand), log_)});
}

DeliveryMeans RunReporter::means() const {
  return {.transports = runs_.transports, .clock = clock_, .log = log_};
}

std::vector<MetricFamily> RunReporter::metrics_after(const RunReport& report) const {
  return runs_.metrics({.is_good = report.is_good(), .is_of_run = true});
}

void RunReporter::run(const std::function<void()>& body) {
  begin();
  try {
    body();
  } catch (...) {
    end(current_error());
    throw;
  }
  end(std::nullopt);
}

void RunReporter::run_last(const std::function<void()>& body, const std::stop_token& stop) {
  try {
    run(body);
  } catch (...) {
    finish(stop);
    throw;
  }
  finish(stop);
}

std::optional<UtcTime> RunReporter::look(const std::function<std::optional<UtcTime>()>& body) {
  present_ = new_report();
  begun_ = clock_.steady();
  try {
    const std::optional<UtcTime> newest = body();
    if (is_bad_ && !is_due(newest)) end(std::nullopt);  // no run will tell it soon
    return newest;
  } catch (...) {
    end(current_error());
    throw;
  }
}

bool RunReporter::is_due(std::optional<UtcTime> newest) const {
  const UtcTime now = clock_.now();
  return runs_.schedule == nullptr || first_start(newest, *runs_.schedule, now) <= now;
}

void RunReporter::finish(const std::stop_token& stop) {
  const auto deadline = steady_clock::now() + kLongestEnd;
  for (const Receiving& one : receivers_) one.courier->wait(deadline, stop);
  const auto last =
      stop.stop_requested() ? std::min(deadline, steady_clock::now() + kLongestStop) : deadline;
  for (const Receiving& one : receivers_) {
    if (one.courier->wait(last, {})) continue;
    log_.warn("a report is given up, because the program ends", {{"setting", one.setting}});
  }
}

std::vector<RunState> RunReporter::states_of_job() const {
  std::vector<RunState> states = runs_.states.all();
  std::erase_if(states, [this](const RunState& state) { return state.job != runs_.job; });
  return states;
}

std::vector<Work> RunReporter::overdue(UtcTime now) const {
  std::vector<Work> late;
  if (runs_.schedule == nullptr) return late;
  const Schedule& schedule = *runs_.schedule;
  for (const RunState& state : states_of_job()) {
    if (!state.last_success || *state.last_success > now) continue;
    const UtcTime due = next_due_after(*state.last_success, schedule) + runs_.jitter;
    if (now <= late_from(due, schedule)) continue;
    late.push_back({.group = state.group, .destination = state.destination});
  }
  return late;
}

RunReport RunReporter::new_report() const {
  return {.program = runs_.program,
          .instance = config_.metrics_instance,
          .job = runs_.job,
          .started = clock_.now()};
}

void RunReporter::begin() noexcept {
  try {
    present_ = new_report();
    begun_ = clock_.steady();
    refused_.clear();
    if (std::exchange(is_first_, false)) present_.late = overdue(present_.started);
    post(present_, true);
  } catch (...) {
    warn("the start of the run is not reported", current_error());
  }
}

void RunReporter::end(std::optional<Error> error) noexcept {
  // A daemon that is stopped repeats the run when it starts again.
  if (error && error->kind() == ErrorKind::canceled && !runs_.is_once) return;
  is_bad_ = error.has_value();
  try {
    present_.ended = clock_.now();
    present_.taken = std::chrono::duration_cast<std::chrono::seconds>(clock_.steady() - begun_);
    present_.states = states_of_job();
    present_.refused = std::exchange(refused_, {});
    if (error && runs_.tail != nullptr) present_.last_lines = runs_.tail->text();
    present_.error = std::move(error);
    post(present_, false);
  } catch (...) {
    warn("the run is not reported", current_error());
  }
}

void RunReporter::warn(std::string_view what, const Error& error) noexcept {
  try {
    log_.warn(what, {{"cause", error.message()}});
  } catch (...) {
    return;  // out of memory
  }
}

void RunReporter::post(const RunReport& report, bool is_start) {
  for (const Receiving& one : receivers_) {
    const bool is_off = one.url != nullptr && one.url->empty();
    if (is_off || (is_start && !one.wants_starts)) continue;
    try {
      one.courier->post({.is_start = is_start,
                         .report = report,
                         .url = one.url == nullptr ? Secret() : one.url->clone()});
    } catch (...) {  // the others are told
      warn("a receiver is not told of the run", current_error().within(one.setting));
    }
  }
}

}  // namespace pgbackup
