// Counts what is asked of servers, and keeps what their clock says, for the metrics. Knows no
// format: common/service/metrics.h does.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pgbackup {

/// Holds the counts so far.
struct RequestCounts {
  /// Counts requests by operation and class of the reply's status: `2xx` and the like, or `none`
  /// where there was no reply.
  std::map<std::pair<std::string, std::string_view>, uint64_t> requests{};
  std::map<std::string_view, uint64_t> retries{};  ///< by retry_cause()
  /// Says how far the server's clock was ahead of this machine's at the last reply with a Date.
  std::optional<std::chrono::seconds> clock_ahead{};
};

/// Returns `2xx` to `5xx`; `none` for 0 and for what is no status.
[[nodiscard]] std::string_view status_class(int status);

/// Returns why an attempt is repeated, by the status of its reply; 0: there was none. `no_reply`,
/// `throttled`, `server_error`, `interrupted` (the reply was a good one, but broke off) or `other`.
[[nodiscard]] std::string_view retry_cause(int status);

/// Thread-safe. Shared by all clients of a program.
class RequestCounter {
 public:
  /// Counts a request of `operation`, one of a fixed set of names. `status` is that of the reply, 0
  /// without a reply.
  void count_request(std::string_view operation, int status);
  /// Counts a repeat of an attempt whose reply had `status`.
  void count_retry(int status);
  /// Notes the difference of the clocks, as RequestCounts::clock_ahead has it.
  void note_clock(std::chrono::seconds ahead);

  /// Returns a copy.
  [[nodiscard]] RequestCounts counts() const;

 private:
  mutable std::mutex mutex_;
  RequestCounts counts_;
};

}  // namespace pgbackup
