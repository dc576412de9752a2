// The key pair that signs requests, kept current for all threads. Credentials that expire are
// renewed ahead of time by the first request that notices, while the others go on with the old
// ones. Where credentials come from is decided elsewhere (credential_chain).
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
  std::optional<UtcTime> expires{};  ///< by this machine's clock; nullopt: unknown
  std::string source{};              ///< for the log: `web identity`; empty: nothing to tell

  [[nodiscard]] Credentials clone() const;
};

/// Gets new credentials. Throws `transient` when a repeat is worth it, and other kinds when not.
/// Bounded in time and ended by the stop. Called by one thread at a time.
using CredentialFetch = std::function<Credentials(const std::stop_token&)>;

/// Returns when credentials that were got at `now` are to be renewed: 15 minutes before they
/// expire, but not before half of the time until then.
[[nodiscard]] UtcTime renewal_time(UtcTime now, UtcTime expires);

/// Keeps credentials current. Thread-safe. `clock` and `log` must outlive it.
class CredentialKeeper {
 public:
  CredentialKeeper(CredentialFetch fetch, Clock& clock, Log& log);
  /// Keeps these credentials for good.
  CredentialKeeper(Credentials lasting, Clock& clock, Log& log);

  /// Returns a copy of the current credentials. A renewal that fails or brings nothing new is
  /// logged and tried again at most once a minute. Throws the error of the renewal only when no
  /// credentials are still valid.
  [[nodiscard]] Credentials current(const std::stop_token& stop);

  /// Returns a copy of the last credentials, for callers that have no time to renew. Throws
  /// `denied` when there were none.
  [[nodiscard]] Credentials held();

  /// Notes that the store no longer accepts `refused`. Returns true when there are other
  /// credentials, so that a repeat is worth it. Throws the error of getting them.
  [[nodiscard]] bool renew(const Credentials& refused, const std::stop_token& stop);

 private:
  using Lock = std::unique_lock<std::mutex>;

  [[nodiscard]] bool is_usable() const;
  [[nodiscard]] bool is_renewal_due() const;
  /// Fetches with the lock open, and keeps in `failure_` how that ended.
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
  std::chrono::steady_clock::time_point next_try_{};  ///< no earlier, while the old ones are valid
  bool is_fetching_ = false;
  uint64_t fetches_ = 0;          ///< how many have ended
  std::optional<Error> failure_;  ///< the failure of the last fetch
};

}  // namespace pgbackup
