#include "backup/restore/lock_watch.h"

#include <fmt/format.h>

#include <condition_variable>
#include <utility>

#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

using std::chrono::steady_clock;

/// Delays the first look: by then pg_restore has connected, even as a role that may do so only once
/// or twice.
constexpr auto kFirstLook = std::chrono::seconds(3);
constexpr auto kWatchInterval = std::chrono::seconds(1);

constexpr const char* kHolderSql =
    "SELECT h.pid, b.application_name, b.usename, pg_catalog.to_char("
    "pg_catalog.timezone('UTC', b.query_start), 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), w.query_start "
    "FROM pg_catalog.pg_stat_activity w "
    "CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) h(pid) "
    "LEFT JOIN pg_catalog.pg_stat_activity b ON b.pid OPERATOR(pg_catalog.=) h.pid "
    "WHERE w.application_name OPERATOR(pg_catalog.=) $1 LIMIT 1";

constexpr const char* kCancelSql =
    "SELECT pg_catalog.pg_cancel_backend(w.pid) FROM pg_catalog.pg_stat_activity w "
    "WHERE w.application_name OPERATOR(pg_catalog.=) $1";

/// Sleeps for `time`; returns false when asked to stop.
bool sleep_for(const std::stop_token& stop, std::chrono::seconds time) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::condition_variable_any never;
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

LockWatch::LockWatch(PgConfig config, std::string application, std::chrono::seconds limit, Log& log)
    : config_(std::move(config)),
      application_(std::move(application)),
      limit_(limit),
      log_(log),
      thread_([this](const std::stop_token& stop) {
        try {
          watch(stop);
        } catch (...) {
          const Error error = current_error();
          if (error.kind() == ErrorKind::canceled) return;
          log_.warn(fmt::format("LOCK_TIMEOUT has no effect for the rest of this restore: {}",
                                error.message()));
        }
      }) {}

std::string LockWatch::verdict() const {
  const std::lock_guard lock(mutex_);
  return verdict_;
}

void LockWatch::watch(const std::stop_token& stop) {
  if (!sleep_for(stop, kFirstLook)) return;
  PgConnection connection(config_, stop);
  std::string named;
  std::string statement;
  auto since = steady_clock::now();
  do {
    const auto [holder, started] = look(connection, application_);
    if (holder.empty() || started != statement) since = steady_clock::now();
    statement = started;
    if (!holder.empty() && holder != named) {
      log_.warn(fmt::format("the restore waits for a lock of {}", holder));
      named = holder;
    }
    if (limit_.count() > 0 && steady_clock::now() - since >= limit_) {
      cancel(connection, holder);
      since = steady_clock::now();
    }
  } while (sleep_for(stop, kWatchInterval));
}

LockWatch::Wait LockWatch::look(PgConnection& connection, const std::string& application) {
  const PgRows rows = connection.query(kHolderSql, {application});
  if (rows.empty()) return {};
  const auto& row = rows[0];
  // pg_blocking_pids() has no other number for it.
  if (row.at(0) == "0") return {"a prepared transaction (pg_prepared_xacts)", row.at(4)};
  return {
      fmt::format("pid {} ({}{}{}{})", row.at(0), row.at(1), row.at(1).empty() ? "" : ", ",
                  "role " + row.at(2), row.at(3).empty() ? "" : ", its statement of " + row.at(3)),
      row.at(4)};
}

void LockWatch::cancel(PgConnection& connection, const std::string& holder) {
  {
    const std::lock_guard lock(mutex_);
    verdict_ = fmt::format("a statement waited {} (LOCK_TIMEOUT) for a lock of {}",
                           format_duration(limit_), holder);
  }
  connection.query(kCancelSql, {application_});
}

}  // namespace pgbackup
