#include "common/service/job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "common/base/due.h"
#include "common/base/units.h"
#include "common/service/health.h"

namespace pgbackup {

Job::Job(JobWork work, Clock& clock, Log& log)
    : work_(std::move(work)), clock_(clock), log_(log), looked_(!work_.newest) {
  status_.begun = clock_.now();
}

JobStatus Job::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

bool Job::has_told() const {
  const std::lock_guard lock(mutex_);
  return status_.running_since || status_.has_succeeded || status_.failures > 0;
}

void Job::announce() {
  std::vector<std::string> times;
  for (UtcTime time = clock_.now(); times.size() < 3;) {
    time = work_.schedule.next(time);
    times.push_back(format_iso(time));
  }
  log_.info("schedule",
            {{"when", work_.schedule.text()}, {"next", fmt::format("{}", fmt::join(times, " "))}});
}

Health Job::health(std::optional<std::chrono::seconds> max_age, UtcTime now) const {
  return judge(status(), work_, max_age, now);
}

void Job::serve(const std::stop_token& stop) {
  UtcTime due = clock_.now();
  while (true) {
    wait_until(due, stop);
    if (stop.stop_requested()) break;
    due = step(due);
  }
}

void Job::wait_until(UtcTime due, const std::stop_token& stop) {
  // Short sleeps by the wall clock notice a clock that was set and a machine that slept.
  UtcTime now = clock_.now();
  for (UtcTime latest = now; !stop.stop_requested() && now < due && !run_now_; now = clock_.now()) {
    latest = std::max(latest, now);
    if (now + kClockStep < latest) return;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due - now);
    clock_.sleep(std::min(left, std::chrono::milliseconds(1000)), stop);
  }
}

/// Looks at the store, or runs. Returns when the next step is due.
UtcTime Job::step(UtcTime due) {
  const bool is_asked = run_now_.exchange(false);
  try {
    return looked_ || is_asked ? run_once() : look();
  } catch (...) {
    const Error error = current_error();
    if (error.kind() != ErrorKind::canceled) return failed(error, due);
    log_.info("what was under way is undone", {{"cause", error.what()}});
    return due;
  }
}

UtcTime Job::look() {
  const std::optional<UtcTime> newest = work_.newest();
  const UtcTime now = clock_.now();
  const UtcTime first = first_start(newest, work_.schedule, now);
  looked_ = true;
  succeeded(newest && *newest <= now ? newest : std::nullopt);
  if (first <= now) {
    set_running();  // nobody shall see the job late between the look and the run
    return first;
  }
  const UtcTime start = with_jitter(first);
  log_next(start);
  return start;
}

void Job::log_next(UtcTime due) {
  log_.info(fmt::format("next {}", work_.noun), {{"at", format_iso(due)}});
}

UtcTime Job::with_jitter(UtcTime due) const {
  if (work_.jitter.count() == 0) return due;
  if (work_.draw) return due + work_.draw(work_.jitter);
  std::random_device random;
  return due + std::chrono::seconds(std::uniform_int_distribution<std::chrono::seconds::rep>(
                   0, work_.jitter.count())(random));
}

/// Logs a run that took too long. Runs never overlap: all that was due meanwhile is one run, now.
void Job::log_overrun(UtcTime due, UtcTime now) {
  log_.warn("a run took longer than the time until the next one was due",
            {{"job", work_.noun}, {"due", format_iso(due)}, {"late", format_duration(now - due)}});
}

UtcTime Job::run_once() {
  const UtcTime started = clock_.now();
  set_running();
  work_.run();
  looked_ = true;
  const UtcTime counted = work_.counts_from ? work_.counts_from(started) : started;
  succeeded(counted);
  {
    const std::lock_guard lock(mutex_);
    status_.has_succeeded = true;
  }
  const UtcTime now = clock_.now();
  const UtcTime next = start_after_success(counted, work_.schedule, now);
  const UtcTime due = next_due_after(started, work_.schedule);
  if (due < now) log_overrun(due, now);
  const UtcTime start = next > now ? with_jitter(next) : next;
  log_next(start);
  return start;
}

void Job::set_running() {
  const std::lock_guard lock(mutex_);
  status_.running_since = clock_.now();
}

void Job::succeeded(std::optional<UtcTime> started) {
  const std::lock_guard lock(mutex_);
  status_.running_since.reset();
  status_.failures = 0;
  status_.last_error.clear();
  if (started) status_.last_success = started;
}

UtcTime Job::failed(const Error& error, UtcTime due) {
  int failures = 0;
  {
    const std::lock_guard lock(mutex_);
    status_.running_since.reset();
    status_.last_error = error.message();
    failures = ++status_.failures;
  }
  if (failures == 1) regular_due_ = std::min(due, clock_.now());  // a request comes before it
  const UtcTime next = start_after_failure(failures, regular_due_, work_.schedule, clock_.now());
  LogFields fields = {{"job", work_.noun}};
  if (work_.about_run) {
    for (auto& field : work_.about_run()) fields.push_back(std::move(field));
  }
  const LogFields how = {
      {"cause", error.message()}, {"failures", failures}, {"retry", format_iso(next)}};
  fields.insert(fields.end(), how.begin(), how.end());
  if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
  log_.error(error.kind() == ErrorKind::conflict ? "refused" : "failed", fields);
  return next;
}

}  // namespace pgbackup
