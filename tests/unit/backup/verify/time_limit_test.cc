#include "backup/verify/time_limit.h"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

/// Waits until a stop is requested; returns whether one was within a minute.
bool is_stopped(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, token, std::chrono::minutes(1), [] { return false; });
  return token.stop_requested();
}

TEST_CASE("What takes longer than its limit is stopped, and the limit says so") {
  TimeLimit limit(std::chrono::milliseconds(1), {});
  CHECK(is_stopped(limit.token()));
  CHECK(limit.is_over());
}

TEST_CASE("A stop request from outside goes through a limit, which is not over then") {
  std::stop_source outer;
  TimeLimit limit(std::chrono::hours(1), outer.get_token());
  CHECK_FALSE(limit.token().stop_requested());
  outer.request_stop();
  CHECK(limit.token().stop_requested());
  CHECK_FALSE(limit.is_over());
  const TimeLimit late(std::chrono::hours(1), outer.get_token());
  CHECK(late.token().stop_requested());
}

TEST_CASE("A limit that is not reached stops nothing") {
  std::optional<TimeLimit> limit(std::in_place, std::chrono::hours(1), std::stop_token());
  const std::stop_token token = limit->token();
  CHECK_FALSE(token.stop_requested());
  limit.reset();
  CHECK_FALSE(token.stop_requested());
}

}  // namespace
}  // namespace pgbackup
