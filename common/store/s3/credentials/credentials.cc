#include "common/store/s3/credentials/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace pgbackup {
namespace {

using std::chrono::minutes;

/// The time that the SDKs of AWS use: services hand out the next credentials from then on at the
/// latest.
constexpr minutes kRenewAhead{15};
constexpr minutes kBetweenTries{1};

bool are_same(const Credentials& a, const Credentials& b) {
  return a.access_key.reveal() == b.access_key.reveal() &&
         a.secret_key.reveal() == b.secret_key.reveal() &&
         a.session_token.reveal() == b.session_token.reveal();
}

}  // namespace

Credentials Credentials::clone() const {
  return {.access_key = access_key.clone(),
          .secret_key = secret_key.clone(),
          .session_token = session_token.clone(),
          .expires = expires,
          .source = source};
}

UtcTime renewal_time(UtcTime now, UtcTime expires) {
  return std::max(expires - kRenewAhead, now + (expires - now) / 2);
}

CredentialKeeper::CredentialKeeper(CredentialFetch fetch, Clock& clock, Log& log)
    : fetch_(std::move(fetch)), clock_(clock), log_(log) {}

CredentialKeeper::CredentialKeeper(Credentials lasting, Clock& clock, Log& log)
    : clock_(clock), log_(log), current_(std::move(lasting)) {}

Credentials CredentialKeeper::current(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (!is_usable() || (is_renewal_due() && !is_fetching_)) {
    if (is_fetching_) {
      wait_for_fetch(lock, stop);
      // A fetch that was stopped says nothing about the source.
      if (failure_ && failure_->kind() == ErrorKind::canceled) continue;
    } else {
      fetch(lock, stop);
    }
    if (is_usable()) break;
    if (failure_) throw Error(*failure_);
  }
  return current_->clone();
}

Credentials CredentialKeeper::held() {
  const std::lock_guard lock(mutex_);
  if (!current_) throw Error(ErrorKind::denied, "no credentials are available");
  return current_->clone();
}

bool CredentialKeeper::renew(const Credentials& refused, const std::stop_token& stop) {
  if (!fetch_) return false;
  Lock lock(mutex_);
  const bool has_waited = is_fetching_;
  while (is_fetching_) wait_for_fetch(lock, stop);
  if (current_ && !are_same(*current_, refused)) return true;  // another thread was faster
  if (has_waited && failure_ && failure_->kind() != ErrorKind::canceled) throw Error(*failure_);
  fetch(lock, stop);
  if (failure_) throw Error(*failure_);
  return !are_same(*current_, refused);
}

bool CredentialKeeper::is_usable() const {
  return current_ && (!current_->expires || clock_.now() < *current_->expires);
}

bool CredentialKeeper::is_renewal_due() const {
  return current_ && current_->expires && clock_.now() >= renew_at_ && clock_.steady() >= next_try_;
}

void CredentialKeeper::fetch(Lock& lock, const std::stop_token& stop) {
  is_fetching_ = true;
  failure_.reset();
  std::optional<Credentials> fresh;
  std::optional<Error> failure;
  lock.unlock();
  try {
    fresh = fetch_(stop);
  } catch (...) {
    failure = current_error();
  }
  lock.lock();
  is_fetching_ = false;
  ++fetches_;
  fetched_.notify_all();  // they go on once the lock is free
  next_try_ = clock_.steady() + kBetweenTries;
  failure_ = failure;
  if (fresh) take(std::move(*fresh));
  if (failure_ && is_usable() && failure_->kind() != ErrorKind::canceled) {
    log_.warn("the credentials could not be renewed; the old ones are still valid",
              {{"cause", failure_->message()}});
  }
}

void CredentialKeeper::wait_for_fetch(Lock& lock, const std::stop_token& stop) {
  const uint64_t seen = fetches_;
  if (!fetched_.wait(lock, stop, [&] { return fetches_ != seen; })) {
    throw Error(ErrorKind::canceled, "stopped while waiting for credentials");
  }
}

void CredentialKeeper::take(Credentials fresh) {
  const UtcTime now = clock_.now();
  if (fresh.expires && *fresh.expires <= now) {
    failure_ = Error(ErrorKind::denied,
                     fmt::format("{}: the credentials expired at {}, it is {} now", fresh.source,
                                 format_iso(*fresh.expires), format_iso(now)));
    return;
  }
  const bool is_news = !current_ || !are_same(*current_, fresh);
  current_ = std::move(fresh);
  if (current_->expires) renew_at_ = renewal_time(now, *current_->expires);
  if (!is_news) return;
  next_try_ = clock_.steady();
  if (current_->source.empty()) return;
  LogFields fields = {{"source", current_->source}};
  if (current_->expires) fields.emplace_back("until", format_iso(*current_->expires));
  log_.info("credentials for the bucket", fields);
}

}  // namespace pgbackup
