// Answers `GET /`: hands out the last page while it is fresh, and has a new one made when it is
// not. One page is made at a time, in a thread that lives no longer than that, whoever asks how
// often. Knows nothing of what is on a page.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/service/status_server.h"

namespace pgbackup {

/// Limits the age of a page that is handed out without a look at the store, failures included.
inline constexpr std::chrono::seconds kPageAge{30};
/// Limits how long a request waits for a new page.
inline constexpr std::chrono::seconds kPageWait{8};
/// Limits the age of a page that is handed out when a new one is not ready in time.
inline constexpr std::chrono::minutes kPageStale{5};
/// Limits how long a page may be in the making.
inline constexpr std::chrono::minutes kPageTime{2};

class PageServer {
 public:
  /// Returns the page. Called in a thread of its own, one call at a time. Throws what the store
  /// throws.
  using Make = std::function<std::string(const std::stop_token& stop)>;

  /// Keeps references to `clock` and `log`, which must outlive the object.
  PageServer(Make make, Clock& clock, Log& log)
      : make_(std::move(make)), clock_(clock), log_(log) {}
  PageServer(const PageServer&) = delete;
  PageServer& operator=(const PageServer&) = delete;
  /// Stops a page that is being made.
  ~PageServer() = default;

  /// Answers as a StatusHandler does. One thread at a time.
  [[nodiscard]] std::optional<StatusReply> answer(const StatusRequest& request);

 private:
  using Text = std::shared_ptr<const std::string>;
  using SteadyTime = std::chrono::steady_clock::time_point;

  /// A page as it is handed out.
  struct Shown {
    int status = 200;
    Text html{};
    Text gzip{};
    SteadyTime made_at{};
  };

  void start(SteadyTime now);
  void run(const std::stop_token& stop) noexcept;
  void show(Text html, int status);
  void show_failure();
  [[nodiscard]] StatusReply reply_of(const Shown& shown, bool takes_gzip) const;

  Make make_;
  Clock& clock_;
  Log& log_;
  Text last_good_{};  ///< of the making thread: for the page that says that no new one can be made
  std::mutex mutex_;  ///< guards the next three
  std::optional<Shown> shown_{};
  bool is_making_ = false;
  SteadyTime begun_{};
  std::jthread thread_;  // last: ends before what it uses
};

}  // namespace pgbackup
