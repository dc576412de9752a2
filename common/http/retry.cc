#include "common/http/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace pgbackup {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr int kMostDoublings = 30;

double random_fraction() {
  std::random_device device;
  return std::uniform_real_distribution<double>(0.0, 1.0)(device);
}

std::string seconds_text(milliseconds time) {
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1000.0);
}

}  // namespace

milliseconds backoff(const RetryLimits& limits, int repeat, double fraction) {
  const auto doublings = static_cast<unsigned>(std::clamp(repeat, 0, kMostDoublings));
  const milliseconds bound =
      std::min(limits.longest_wait, limits.first_wait * (int64_t{1} << doublings));
  return milliseconds(static_cast<int64_t>(static_cast<double>(bound.count()) * fraction));
}

Retrier::Retrier(const RetryLimits& limits, const RetryContext& context, std::stop_token stop)
    : limits_(limits),
      clock_(context.clock),
      log_(context.log),
      counter_(context.counter),
      stop_(std::move(stop)),
      row_(context.outage) {}

milliseconds Retrier::passed() {
  const auto now = clock_.steady();
  if (!begun_) begun_ = now;
  return duration_cast<milliseconds>(now - *begun_);
}

void Retrier::start_over() {
  begun_.reset();
  attempt_ = {};
}

void Retrier::resume() {
  if (begun_ && suspended_) *begun_ += clock_.steady() - *suspended_;
  suspended_.reset();
}

void Retrier::suspend() {
  row_.succeed();
  suspended_ = clock_.steady();
}

void Retrier::wait_for_turn() {
  if (limits_.total == milliseconds(0) || row_.may_enter()) return;
  static_cast<void>(passed());
  log_.debug("waiting while another request tests whether the server is back");
  if (!row_.enter(stop_)) {
    throw Error(ErrorKind::canceled, "stopped while waiting for the server to come back");
  }
}

void Retrier::wait_after(const Error& error) {
  if (!is_retryable(error.kind())) throw error;
  row_.fail();
  const milliseconds already = passed();
  if (already >= limits_.total) {
    if (attempt_.number == 1) throw error;
    throw Error(error.kind(),
                fmt::format("{} (gave up after {} attempts in {})", error.message(),
                            attempt_.number, seconds_text(already)),
                error.hint());
  }
  milliseconds wait = backoff(limits_, attempt_.number - 1, random_fraction());
  if (attempt_.retry_after) wait = std::max<milliseconds>(wait, *attempt_.retry_after);
  wait = std::min(wait, limits_.total - already);
  if (!stop_.stop_requested()) {
    log_.warn(
        "trying again",
        {{"cause", error.message()}, {"attempt", attempt_.number}, {"wait", seconds_text(wait)}});
    clock_.sleep(wait, stop_);
  }
  if (stop_.stop_requested()) {
    throw Error(ErrorKind::canceled,
                fmt::format("stopped while waiting to repeat: {}", error.message()));
  }
  if (counter_ != nullptr) counter_->count_retry(attempt_.status);
  attempt_ = {.number = attempt_.number + 1, .retry_after = std::nullopt};
}

}  // namespace pgbackup
