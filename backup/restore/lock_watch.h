// Who holds the locks that a restore waits for. pg_restore has no limit of its own for that, and
// says nothing while it waits; meanwhile everybody else waits behind it. So a connection of ours
// looks, names the holder, and cancels the statement when it has waited for too long.
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
  /// its own and until its end. A `limit` of zero only names the holder. Without a connection it
  /// says so and watches nothing.
  LockWatch(PgConfig config, std::string application, std::chrono::seconds limit, Log& log);

  /// Names who held the lock when a statement was canceled; "" when none was.
  [[nodiscard]] std::string verdict() const;

 private:
  void watch(const std::stop_token& stop);
  struct Wait {
    std::string holder;   ///< of the lock, for people; "": the session waits for none
    std::string started;  ///< when the statement that waits was started, as the server writes it
  };
  /// One look.
  [[nodiscard]] static Wait look(PgConnection& connection, const std::string& application);
  void cancel(PgConnection& connection, const std::string& holder);

  PgConfig config_;
  std::string application_;
  std::chrono::seconds limit_;
  Log& log_;
  mutable std::mutex mutex_;
  std::string verdict_;
  std::jthread thread_;  ///< last: it ends before what it uses
};

}  // namespace pgbackup
