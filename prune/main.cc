// pg-prune: deletes the backups that no rule keeps. Links no libpq and has no database password.
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/output.h"
#include "common/base/signals.h"
#include "common/catalog/hold.h"
#include "common/http/transport.h"
#include "common/service/job.h"
#include "common/service/program.h"
#include "common/service/run_reporter.h"
#include "common/service/status_access.h"
#include "common/store/store_config.h"
#include "prune/check.h"
#include "prune/config.h"
#include "prune/job.h"
#include "prune/metrics.h"
#include "prune/page/html.h"
#include "prune/page/model.h"
#include "prune/page/page_server.h"
#include "prune/page/read_store.h"

namespace pgbackup {
namespace {

/// Returns what is reported of the runs. The arguments must outlive the result.
ReportedRuns reported(const PruneConfig& config, const ParsedOptions& parsed,
                      const RunStates& states, MetricsOf metrics, const LogTail& tail) {
  const std::filesystem::path& file = config.store.s3.ca_file;
  return {.program = "pg-prune",
          .job = kPruneJob,
          .states = states,
          .metrics = std::move(metrics),
          .tail = &tail,
          .transports = [&file] { return std::make_unique<CurlTransport>(file); },
          .is_once = parsed.verb == "now"};
}

ReportStyle style_of(const PruneConfig& config, const ParsedOptions& parsed) {
  if (parsed.verb == "serve") return ReportStyle::log;
  return config.json ? ReportStyle::json : ReportStyle::table;
}

/// Returns whether anyone is shown what the runs find. A file of a URL may appear while the daemon
/// runs.
bool is_watched(const PruneConfig& config, const ParsedOptions& parsed) {
  if (parsed.verb == "plan") return false;
  const ReportConfig& reports = config.reports;
  return (parsed.verb == "serve" && !config.service.status_listen.empty()) ||
         !reports.pushgateway_url.empty() || !reports.metrics_textfile.empty();
}

/// Opens the destinations. A run that cannot do so has failed.
Destinations noting_failure(RunStates& states, const Clock& clock,
                            const std::function<Destinations()>& open) {
  const UtcTime began = clock.now();
  try {
    return open();
  } catch (...) {
    states.finish_all(kPruneJob, {.began = began, .error = current_failure()});
    throw;
  }
}

/// Makes status pages. Opens stores of its own, so that a run is not held up.
class PageMaker {
 public:
  /// Both must outlive the object.
  PageMaker(const PruneConfig& config, Clock& clock)
      : config_(config),
        clock_(clock),
        quiet_(clock, LogLevel::error, LogFormat::text),
        reader_([this](const std::stop_token& stop) { return open(stop); }, config.rules,
                config.adoption.adoption, clock) {}

  [[nodiscard]] std::string make(const std::stop_token& stop) {
    const std::vector<StoreView> views = reader_.read(stop);
    return format_page(make_page(views, rules_in_force(config_), clock_.now()));
  }

  /// Reads the secrets of the settings again, while no page opens a store with them.
  void reread(const CommandLine& command, const ParsedOptions& parsed, Log& log,
              StatusAccess& access) {
    const std::lock_guard lock(settings_);
    for (const auto& note : reread_secrets(command.options, parsed, process_environment())) {
      log_note(log, note);
    }
    access.set_password(config_.access.password);
  }

 private:
  Destinations open(const std::stop_token& stop) {
    const std::lock_guard lock(settings_);
    return open_destinations(config_.store, clock_, quiet_, stop);
  }

  const PruneConfig& config_;
  std::mutex settings_;
  Clock& clock_;
  Log quiet_;  ///< the page itself says what cannot be read
  StoreReader reader_;
};

/// What run_other() works with.
struct OneShot {
  Clock& clock;
  Log& log;
  PageMaker& pages;
  const std::stop_token& stop;
};

/// Runs a verb that prunes nothing, and returns the exit code; nullopt for `now`, `plan` and
/// `serve`.
std::optional<int> run_other(const PruneConfig& config, const ParsedOptions& parsed,
                             const PruneJob& job, const OneShot& with) {
  if (parsed.verb == kScheduleVerb.name) {
    print_result(stdout, format_next_times(config.timing, with.clock.now()));
    return 0;
  }
  if (parsed.verb == "page") {
    log_notes(with.log, parsed);
    print_result(stdout, with.pages.make(with.stop));
    return 0;
  }
  if (parsed.verb == "release") {
    const Destinations destinations =
        open_destinations(config.store, with.clock, with.log, with.stop);
    (job.dry_run ? preview_release : release_backup)(destinations, parsed.arguments.front(),
                                                     with.log);
    return 0;
  }
  if (parsed.verb == kCheck) return check_verb(config, job, with.clock, with.stop);
  return std::nullopt;
}

/// Says before a run what should be known about its rules.
void tell_rules(const PruneConfig& config, const ParsedOptions& parsed, const PruneJob& job,
                Log& log) {
  log_notes(log, parsed);
  if (const auto warning = rules_warning(parsed)) log_note(log, *warning);
  if (job.dry_run && job.style == ReportStyle::table) {
    print_result(stdout, format_rules(config) + "\n");
  }
}

int run(PruneConfig& config, const CommandLine& command, const ParsedOptions& parsed) {
  SystemClock clock;
  const UtcTime started = clock.now();
  LogTail tail;
  Log log(clock, config.service.log_level, config.service.log_format, stderr, &tail);
  std::stop_token stop;
  RequestCounter requests;
  config.store.s3.counter = &requests;
  // Opened for each run, so that a destination that was unavailable at start is found later.
  const auto open = [&] { return open_destinations(config.store, clock, log, stop); };
  RunStates states;
  PruneSummaries summaries;
  const auto metrics = [&](Verdict verdict) {
    return prune_metrics({states.all(), summaries.all(), {verdict, requests.counts(), started}});
  };
  RunReporter reporter(reported(config, parsed, states, metrics, tail), config.reports, clock, log);
  const PruneJob job{.rules = config.rules,
                     .adoption = config.adoption.adoption,
                     .dry_run = config.dry_run || parsed.verb == "plan",
                     .style = style_of(config, parsed),
                     .states = &states,
                     .refuse = [&](Refusal one) { reporter.refuse(std::move(one)); }};
  const auto prune = [&] {
    PruneJob watched = job;
    if (is_watched(config, parsed)) watched.summaries = &summaries;
    prune_once(noting_failure(states, clock, open), watched, clock, log, stop);
  };
  StatusAccess access("pg-prune", config.access.user, config.access.is_public);
  access.set_password(config.access.password);
  PageMaker pages(config, clock);
  const auto prune_and_report = [&] {
    pages.reread(command, parsed, log, access);
    reporter.run(prune);
  };
  Job pruning({.noun = kPruneJob,
               .schedule = config.timing.schedule,
               .newest = {},
               .run = prune_and_report},
              clock, log);
  const Signals signals([&pruning] { pruning.run_now(); });
  stop = signals.stop_token();
  if (const auto code = run_other(config, parsed, job, {clock, log, pages, stop})) return *code;
  tell_rules(config, parsed, job, log);
  if (parsed.verb == "plan" || parsed.verb == "now") {
    job.dry_run ? prune() : reporter.run_last(prune, stop);  // a rehearsal is no run
    return 0;
  }
  log_settings(log, "pg-prune", parsed);
  PageServer page([&](const std::stop_token& until) { return pages.make(until); }, clock, log);
  serve({.jobs = {&pruning},
         .states = states,
         .metrics = metrics,
         .page = [&](const StatusRequest& request) { return page.answer(request); },
         .access = &access},
        config.service, clock, log, stop);
  reporter.finish(stop);
  return 0;
}

}  // namespace
}  // namespace pgbackup

int main(int argc, char** argv) {
  using namespace pgbackup;
  PruneConfig config;
  const CommandLine command = prune_command_line(config);
  config.store.environment = without_secrets(process_environment(), command.options);
  return run_program(
      command, config.service, std::span(argv, static_cast<size_t>(argc)),
      [&](ParsedOptions& parsed) { check_prune_config(config, parsed); },
      [&](const ParsedOptions& parsed) { return run(config, command, parsed); });
}
