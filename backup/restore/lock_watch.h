// Who holds the locks that a restore waits for. pg_restore has no limit of its own for that, and
// says nothing while it waits; meanwhile everybody else waits behind it. So a connection of ours
// looks, names the holder, and cancels the statement when it has waited for too long.
// https://www.postgresql.org/docs/current/functions-info.html (pg_blocking_pids)
#pragma once

#include <chrono>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "backup/postgres/connection.h"
#include "common/base/log.h"

namespace pgbackup {

class LockWatch {
 public:
  /// Watches the session with that application name in the database of `config`, from a thread of
  /// its own until the object is destroyed. A `limit` of zero only names the holder. Warns when it
  /// cannot connect, and then watches nothing.
  LockWatch(PgConfig config, std::string application, std::chrono::seconds limit, Log& log);

  /// Returns who held the lock when a statement was canceled; "" when none was. Any thread may
  /// call.
  [[nodiscard]] std::string verdict() const;

 private:
  void watch(const std::stop_token& stop);
  struct Wait {
    std::string holder;   ///< who holds the lock, for people; "": the session waits for none
    std::string started;  ///< when the statement that waits was started, as the server writes it
  };
  /// Looks once for whom the session waits.
  [[nodiscard]] static Wait look(PgConnection& connection, const std::string& application);
  void cancel(PgConnection& connection, const std::string& holder);

  PgConfig config_;
  std::string application_;
  std::chrono::seconds limit_;
  Log& log_;
  mutable std::mutex mutex_;
  std::string verdict_;
  std::jthread thread_;  ///< declared last: ends before what it uses
};

}  // namespace pgbackup
