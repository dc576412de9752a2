// Trying again what failed for a passing cause: full jitter, bounded by time and not by count,
// every wait logged and stoppable. What counts as passing is decided by the kind of the Error.
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

namespace pgbackup {

struct RetryLimits {
  /// No attempt is begun later than this after the first failure (or after the row began to wait
  /// for another one that probes); zero: a single attempt, which waits for nobody.
  std::chrono::milliseconds total = std::chrono::minutes(15);
  std::chrono::milliseconds first_wait{200};
  std::chrono::milliseconds longest_wait{20'000};
};

/// `fraction` × min(longest_wait, first_wait × 2^repeat), with `fraction` drawn from [0, 1) and
/// `repeat` counted from 0.
[[nodiscard]] std::chrono::milliseconds backoff(const RetryLimits& limits, int repeat,
                                                double fraction);

/// What an attempt knows about its place in the row, and what it has learned.
struct Attempt {
  int number = 1;
  /// The server's wish (`Retry-After`): set by an attempt before it throws.
  std::optional<std::chrono::seconds> retry_after;
};

/// One row of attempts, or several of one piece of work that share their time and their waits: see
/// start_over(). Not thread-safe; all that is passed in must outlive it.
class Retrier {
 public:
  Retrier(const RetryLimits& limits, Clock& clock, Log& log, Outage& outage, std::stop_token stop);

  /// Forgets the failures so far: the work has got on since.
  void start_over();

  /// Calls `body(Attempt&)` until it returns. Throws its error when that is not `transient` or the
  /// time is over, and `canceled` once a stop is requested. `body` must not begin another row.
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
  /// The time between two calls of run() is the caller's and does not count.
  void resume();
  void suspend();
  void wait_for_turn();
  void wait_after(const Error& error);
  /// Since the first failure or the first wait.
  [[nodiscard]] std::chrono::milliseconds passed();

  RetryLimits limits_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
  Outage::Row row_;
  std::optional<std::chrono::steady_clock::time_point> begun_;
  std::optional<std::chrono::steady_clock::time_point> suspended_;
  Attempt attempt_;
};

}  // namespace pgbackup
