// The key pair that signs requests, kept current for all threads. Credentials that end are renewed
// ahead of time by whichever request notices, while the others go on with the old ones. Where they
// come from is decided elsewhere (credential_chain).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/secret.h"

namespace pgbackup {

struct Credentials {
  Secret access_key{};
  Secret secret_key{};
  Secret session_token{};            ///< empty: lasting keys
  std::optional<UtcTime> expires{};  ///< by this machine's clock; nullopt: not said
  std::string source{};              ///< for the log: `web identity`; empty: nothing to tell

  [[nodiscard]] Credentials clone() const;
};

/// Gets credentials anew. Errors: `transient` is worth a repeat, all others are not; bounded in
/// time and ended by the stop. Called by one thread at a time.
using CredentialFetch = std::function<Credentials(const std::stop_token&)>;

/// When credentials that were got at `now` are to be renewed: 15 minutes before their end, but not
/// before half of what is left of their life.
[[nodiscard]] UtcTime renewal_time(UtcTime now, UtcTime expires);

/// Thread-safe. `clock` and `log` must outlive it.
class CredentialKeeper {
 public:
  CredentialKeeper(CredentialFetch fetch, Clock& clock, Log& log);
  /// Always these.
  CredentialKeeper(Credentials lasting, Clock& clock, Log& log);

  /// A copy of the current ones. A renewal that fails or brings nothing new is tried again at most
  /// once a minute, and told in the log; its error is thrown only when there are none that still
  /// hold.
  [[nodiscard]] Credentials current(const std::stop_token& stop);

  /// A copy of the last ones, for those who have no time to renew. `denied` when there were none.
  [[nodiscard]] Credentials held();

  /// The store says that `refused` do not hold (any more). True: others are there, a repeat is
  /// worth it. Throws the error of getting them.
  [[nodiscard]] bool renew(const Credentials& refused, const std::stop_token& stop);

 private:
  using Lock = std::unique_lock<std::mutex>;

  [[nodiscard]] bool is_usable() const;
  [[nodiscard]] bool is_renewal_due() const;
  /// Fetches while the lock is open. `failure_` says how it ended.
  void fetch(Lock& lock, const std::stop_token& stop);
  void wait_for_fetch(Lock& lock, const std::stop_token& stop);
  void take(Credentials fresh);

  CredentialFetch fetch_;  ///< empty: there are no others
  Clock& clock_;
  Log& log_;

  std::mutex mutex_;
  std::condition_variable_any fetched_;
  std::optional<Credentials> current_;
  UtcTime renew_at_{};
  std::chrono::steady_clock::time_point next_try_{};  ///< not before, while the old ones hold
  bool is_fetching_ = false;
  uint64_t fetches_ = 0;          ///< that have ended
  std::optional<Error> failure_;  ///< of the last one
};

}  // namespace pgbackup
