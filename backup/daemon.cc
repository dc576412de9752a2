#include "backup/daemon.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backup/due.h"

namespace pgbackup {

Daemon::Daemon(std::chrono::seconds interval, std::function<std::optional<UtcTime>()> newest,
               std::function<void()> run, Clock& clock, Log& log)
    : interval_(interval),
      newest_(std::move(newest)),
      run_(std::move(run)),
      clock_(clock),
      log_(log) {}

void Daemon::serve(const std::stop_token& stop) {
  UtcTime due = clock_.now();
  while (true) {
    wait_until(due, stop);
    if (stop.stop_requested()) break;
    due = run_once(due);
  }
  log_.info("stopped");
}

void Daemon::wait_until(UtcTime due, const std::stop_token& stop) {
  // Short sleeps by the wall clock: a clock that is set and a machine that slept are noticed.
  while (!stop.stop_requested() && clock_.now() < due && !run_now_) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due - clock_.now());
    clock_.sleep(std::min(left, std::chrono::milliseconds(1000)), stop);
  }
}

/// One step: the look at the store, or a run. Returns when the next is due.
UtcTime Daemon::run_once(UtcTime due) {
  const UtcTime started = clock_.now();
  const bool asked = run_now_.exchange(false);
  try {
    if (!looked_ && !asked) {
      const UtcTime first = first_start(newest_(), interval_, clock_.now());
      looked_ = true;
      failures_ = 0;
      if (first > clock_.now()) log_.info("next backup", {{"at", format_iso(first)}});
      return first;
    }
    run_();
    looked_ = true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled) {
      log_.info(fmt::format("{}; nothing of this run remains", error.what()));
      return due;
    }
    return failed(error, due);
  } catch (const std::exception& error) {
    return failed(Error(ErrorKind::failed, fmt::format("unexpected: {}", error.what())), due);
  }
  failures_ = 0;
  const UtcTime next = start_after_success(started, interval_, clock_.now());
  log_.info("next backup", {{"at", format_iso(next)}});
  return next;
}

UtcTime Daemon::failed(const Error& error, UtcTime due) {
  if (failures_++ == 0) regular_due_ = due;
  const UtcTime next = start_after_failure(failures_, regular_due_, interval_, clock_.now());
  LogFields fields = {{"failures", std::to_string(failures_)}, {"retry", format_iso(next)}};
  if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
  log_.error(error.message(), fields);
  return next;
}

}  // namespace pgbackup
