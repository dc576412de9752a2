// Repeats what failed for a passing cause: with full jitter, bounded by time and not by count, with
// every wait logged and stoppable. The kind of the Error decides whether a cause is passing.
// https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/http/outage.h"
#include "common/http/request_counter.h"

namespace pgbackup {

struct RetryLimits {
  /// The time for attempts after the first failure, or after the row began to wait for another one
  /// that probes: none is begun later. Zero: a single attempt, which waits for no other row.
  std::chrono::milliseconds total = std::chrono::minutes(15);
  std::chrono::milliseconds first_wait{200};
  std::chrono::milliseconds longest_wait{20'000};
};

/// Returns `fraction` × min(longest_wait, first_wait × 2^repeat), with `fraction` drawn from [0, 1)
/// and `repeat` counted from 0.
[[nodiscard]] std::chrono::milliseconds backoff(const RetryLimits& limits, int repeat,
                                                double fraction);

/// Holds what an attempt knows about its place in the row, and what it has learned.
struct Attempt {
  int number = 1;
  /// The wait that the server asks for (`Retry-After`). An attempt sets it before it throws.
  std::optional<std::chrono::seconds> retry_after;
  int status = 0;  ///< that of the reply, once there is one; set as `retry_after` is
};

/// Refers to what all rows of attempts for one server share.
struct RetryContext {
  Clock& clock;
  Log& log;
  Outage& outage;
  RequestCounter* counter = nullptr;  ///< where repeats are counted; nullptr: nowhere
};

/// Runs one row of attempts, or several rows of one piece of work that share their time and their
/// waits (see start_over()). Not thread-safe; all arguments must outlive it.
class Retrier {
 public:
  Retrier(const RetryLimits& limits, const RetryContext& context, std::stop_token stop);

  /// Forgets the failures so far, because the work has made progress since.
  void start_over();

  /// Calls `body(Attempt&)` until it returns. Throws the error of `body` when that is not
  /// `transient` or the time is over, and `canceled` once a stop is requested. `body` must not
  /// begin another row.
  template <class Body>
  auto run(Body&& body) {
    for (;;) {
      try {
        resume();
        wait_for_turn();
        if constexpr (std::is_void_v<decltype(body(attempt_))>) {
          body(attempt_);
          suspend();
          return;
        } else {
          auto result = body(attempt_);
          suspend();
          return result;
        }
      } catch (const Error& error) {
        wait_after(error);
      }
    }
  }

 private:
  /// Leaves out the time since suspend(): between two calls of run() it is the caller's and does
  /// not count.
  void resume();
  void suspend();
  void wait_for_turn();
  void wait_after(const Error& error);
  /// Returns the time since the first failure or the first wait.
  [[nodiscard]] std::chrono::milliseconds passed();

  RetryLimits limits_;
  Clock& clock_;
  Log& log_;
  RequestCounter* counter_;
  std::stop_token stop_;
  Outage::Row row_;
  std::optional<std::chrono::steady_clock::time_point> begun_;
  std::optional<std::chrono::steady_clock::time_point> suspended_;
  Attempt attempt_;
};

}  // namespace pgbackup
