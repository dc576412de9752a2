// What every connection to PostgreSQL has in common, over libpq: how it is made, how an answer is
// waited for, and what an error means. Knows no statement: connection.h sends SQL, replication.h
// sends replication commands.
//
// libpq sends and reads here without blocking. All waits are ours, so that each has a bound and
// ends when a stop is requested.
// https://www.postgresql.org/docs/current/libpq-async.html
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include "backup/postgres/connection_config.h"
#include "backup/postgres/hosts.h"
#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/handle.h"

namespace pgbackup {

struct ConnectFailure {
  ErrorKind kind =
      ErrorKind::transient;  ///< `denied`, `not_found`, or `transient` for what may pass by itself
  std::string hint;          ///< what the user can do about it
};

/// Judges libpq's `message`, since libpq gives no SQLSTATE for connections.
[[nodiscard]] ConnectFailure judge_connect_failure(std::string_view message);

using PgResult = Handle<PGresult, PQclear>;

class PgLink {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  /// Connects as `config` says; `further` settings are stronger. The only place that they name has
  /// 30 s to answer; each of several (hosts, or addresses of one) has 10 s, all together a minute.
  /// Throws libpq's own words with the kind of judge_connect_failure(), or `canceled`.
  PgLink(const PgConfig& config, const PgSettings& further, const std::stop_token& stop);

  [[nodiscard]] PGconn* get() const { return connection_.get(); }
  /// Returns the server's server_version_num.
  [[nodiscard]] int server_version() const { return PQserverVersion(connection_.get()); }

  /// Checks what a function of libpq that sends returned: 1 for success.
  void check_sent(int status) const;
  /// Sends what waits to be sent, waits for bytes of the server and takes them in. Returns false
  /// when none came until `deadline`. Throws `transient` when the connection is lost.
  [[nodiscard]] bool read(Deadline deadline);
  /// Waits for the next result of a statement, and returns nullptr after the last one. Throws
  /// `transient` when it has not come until `deadline`, with `what` took too long.
  [[nodiscard]] PgResult next_result(Deadline deadline, std::string_view what);
  /// Returns the error for a lost connection: `transient`.
  [[nodiscard]] Error lost() const;

 private:
  void start(const PgSettings& settings, const PgConfig& config);
  [[nodiscard]] bool connect(std::chrono::seconds limit);
  [[nodiscard]] PgPlace present_place() const;
  [[nodiscard]] bool holds_bytes() const;

  StopFd stop_;
  Handle<PGconn, PQfinish> connection_;
};

/// Returns `text`, which libpq may have left out, trimmed and in one line where libpq breaks it.
[[nodiscard]] std::string libpq_message(const char* text);

/// Returns the SQLSTATE of a failed statement, or "".
/// https://www.postgresql.org/docs/current/errcodes-appendix.html
[[nodiscard]] std::string_view sqlstate_of(const PGresult* result);

/// Returns the error of a failed statement: `denied` for missing privileges (SQLSTATE 42501),
/// `not_found` for an unknown database or other object (3D000, 42704) or file (58P01), `conflict`
/// for what exists already (42P04, 42710), `transient` for what another session holds (55006), when
/// the statement was canceled (57014) or the server ends (57P01 to 57P03), and `failed` otherwise.
[[nodiscard]] Error statement_error(const PGresult* result);

}  // namespace pgbackup
