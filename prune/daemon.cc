#include "prune/daemon.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "common/base/error.h"

namespace pgbackup {

PruneDaemon::PruneDaemon(std::chrono::seconds interval, std::function<void()> run, Clock& clock,
                         Log& log)
    : interval_(interval), run_(std::move(run)), clock_(clock), log_(log) {}

void PruneDaemon::run_now() {
  const std::lock_guard lock(mutex_);
  wake_.request_stop();
}

std::stop_token PruneDaemon::renew_wake() {
  const std::lock_guard lock(mutex_);
  wake_ = std::stop_source();
  return wake_.get_token();
}

void PruneDaemon::serve(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { run_now(); });
  while (true) {
    // Renewed before the run, so that a request during it is not lost; looked at after that, so
    // that neither is a stop.
    const std::stop_token wake = renew_wake();
    if (stop.stop_requested()) return;
    const auto due = clock_.steady() + interval_;
    run_logged(stop);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - clock_.steady());
    if (left.count() > 0) clock_.sleep(left, wake);
  }
}

void PruneDaemon::run_logged(const std::stop_token& stop) {
  try {
    run_();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled && stop.stop_requested()) return;
    LogFields fields;
    if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
    log_.error(fmt::format("{}: {}", error.kind() == ErrorKind::conflict ? "refused" : "failed",
                           error.message()),
               fields);
  } catch (const std::exception& error) {
    log_.error(fmt::format("failed: unexpected: {}", error.what()));
  }
}

}  // namespace pgbackup
