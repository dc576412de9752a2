#include "common/http/request_counter.h"

#include <array>

namespace pgbackup {

std::string_view status_class(int status) {
  constexpr std::array<std::string_view, 6> kClasses = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  return status < 100 || status > 599 ? kClasses[0]
                                      : kClasses.at(static_cast<size_t>(status) / 100);
}

std::string_view retry_cause(int status) {
  constexpr int kTooManyRequests = 429;
  constexpr int kServiceUnavailable = 503;
  if (status == kTooManyRequests || status == kServiceUnavailable) return "throttled";
  const std::string_view reply = status_class(status);
  if (reply == "none") return "no_reply";
  if (reply == "2xx") return "interrupted";
  return reply == "5xx" ? "server_error" : "other";
}

void RequestCounter::count_request(std::string_view operation, int status) {
  const std::lock_guard lock(mutex_);
  ++counts_.requests[{std::string(operation), status_class(status)}];
}

void RequestCounter::count_retry(int status) {
  const std::lock_guard lock(mutex_);
  ++counts_.retries[retry_cause(status)];
}

void RequestCounter::note_clock(std::chrono::seconds ahead) {
  const std::lock_guard lock(mutex_);
  counts_.clock_ahead = ahead;
}

RequestCounts RequestCounter::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace pgbackup
