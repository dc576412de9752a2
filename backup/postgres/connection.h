// Our own connection to PostgreSQL over libpq: the few questions that a backup or restore asks the
// server itself. Data goes through pg_dump and pg_restore (pg_client.h), never through here.
//
// The owner of a database chooses its settings, among them the search_path, and may put functions,
// operators and tables into its schemas: what they shadow would run with our privileges, which are
// often a superuser's. So the first statement of every connection empties the search_path. Names
// without a schema are then looked up in pg_catalog alone, where nobody but a superuser can create
// anything, and in the session's temporary schema, which stays empty and is never searched for
// functions and operators. Queries qualify every name and operator nevertheless, since a pooler may
// send each statement to another session. What runs before the first statement is no way in
// either: event triggers for logins and session_preload_libraries are for superusers, and
// local_preload_libraries only loads what an administrator has put into $libdir/plugins.
// https://www.postgresql.org/docs/current/ddl-schemas.html
// https://www.postgresql.org/docs/current/sql-createeventtrigger.html
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/connection_config.h"
#include "backup/postgres/hosts.h"
#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/handle.h"

namespace pgbackup {

/// The first statement of a connection to a server of `version` (server_version_num): names are
/// looked up in pg_catalog alone, and no limit that a role or a database has by ALTER ROLE or ALTER
/// DATABASE ends our statements, which have bounds of their own.
[[nodiscard]] std::string session_sql(int version);

struct ConnectFailure {
  ErrorKind kind = ErrorKind::transient;  ///< `denied`, `not_found`, or what may pass by itself
  const char* hint = "";                  ///< what the user can do about it
};

/// By libpq's `message`, since it gives no SQLSTATE for connections.
[[nodiscard]] ConnectFailure judge_connect_failure(std::string_view message);

using PgRows = std::vector<std::vector<std::string>>;  ///< NULL is ""

class PgConnection {
 public:
  /// Connects: the only place that `config` names has 30 s to answer, each of several (hosts, or
  /// addresses of one) 10 s, all together a minute. Throws libpq's own words by
  /// judge_connect_failure(), `canceled`.
  PgConnection(const PgConfig& config, const std::stop_token& stop);

  /// One statement in text form, answered within a minute or `limit`. Throws `denied` for missing
  /// rights (SQLSTATE 42501), `not_found` for an unknown database or other object (3D000, 42704) or
  /// directory (58P01), `conflict` for what exists already (42P04, 42710), `transient` when it was
  /// canceled (57014), else `failed`. Every name and operator in `sql` has its schema.
  PgRows query(const std::string& sql, const std::vector<std::string>& parameters = {},
               std::chrono::seconds limit = std::chrono::minutes(1));

  /// From now on messages do not quote the statement, which may hold a secret.
  void hide_statements();

  /// server_version_num
  [[nodiscard]] int server_version() const { return PQserverVersion(connection_.get()); }
  /// Whether the role is one; false where a pooler between does not say.
  [[nodiscard]] bool is_superuser() const;
  [[nodiscard]] std::string quote_identifier(std::string_view name) const;
  [[nodiscard]] std::string quote_literal(std::string_view text) const;

 private:
  void start(const PgSettings& settings, const PgConfig& config);
  [[nodiscard]] bool connect(std::chrono::seconds limit);
  [[nodiscard]] PgPlace present_place() const;
  void prepare_session();
  void wait_for(short events, std::chrono::steady_clock::time_point deadline, const char* what);

  StopFd stop_;
  Handle<PGconn, PQfinish> connection_;
};

/// What to say when neither database can be connected to: the second error only where it is another
/// one.
[[nodiscard]] Error maintenance_error(const Error& of_postgres, const Error& of_template1);

/// Connected to `postgres`, else to `template1`: for what belongs to no database.
[[nodiscard]] PgConnection connect_maintenance(const PgConfig& config, const std::stop_token& stop);

}  // namespace pgbackup
