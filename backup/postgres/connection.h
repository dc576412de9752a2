// Our own connection to PostgreSQL over libpq: the few questions that a backup or restore asks the
// server itself. Data goes through pg_dump and pg_restore (client_program.h), never through here.
//
// The owner of a database chooses its settings, among them the search_path, and may put functions,
// operators and tables into its schemas: what they shadow would run with our privileges, which are
// often a superuser's. So the first statement of every connection empties the search_path. Names
// without a schema are then looked up in pg_catalog alone, where nobody but a superuser can create
// anything, and in the session's temporary schema, which stays empty and is never searched for
// functions and operators. Queries qualify every name and operator nevertheless, since a pooler may
// send each statement to another session. What runs before the first statement is no way in either:
// event triggers for logins and session_preload_libraries are for superusers, and
// local_preload_libraries only loads what an administrator has put into $libdir/plugins.
// https://www.postgresql.org/docs/current/ddl-schemas.html
// https://www.postgresql.org/docs/current/sql-createeventtrigger.html
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/connection_config.h"
#include "backup/postgres/link.h"
#include "common/base/error.h"

namespace pgbackup {

/// Returns the first statement of a connection to a server of `version` (server_version_num): names
/// are looked up in pg_catalog alone, and no limit that a role or a database has by ALTER ROLE or
/// ALTER DATABASE ends our statements, which have limits of their own.
[[nodiscard]] std::string session_sql(int version);

using PgRows = std::vector<std::vector<std::string>>;  ///< NULL is ""

class PgConnection {
 public:
  /// Connects as PgLink does, and prepares the session.
  PgConnection(const PgConfig& config, const std::stop_token& stop);

  /// Executes one statement in text form, to be answered within `limit`. Throws the error of
  /// statement_error(). Every name and operator in `sql` must have its schema.
  PgRows query(const std::string& sql, const std::vector<std::string>& parameters = {},
               std::chrono::seconds limit = std::chrono::minutes(1));

  /// Keeps the statement, which may hold a secret, out of all further messages.
  void hide_statements();

  /// Returns the server's server_version_num.
  [[nodiscard]] int server_version() const { return link_.server_version(); }
  /// Returns whether the role is a superuser; false where a pooler in between does not say.
  [[nodiscard]] bool is_superuser() const;
  [[nodiscard]] std::string quote_identifier(std::string_view name) const;
  [[nodiscard]] std::string quote_literal(std::string_view text) const;

 private:
  void prepare_session();

  PgLink link_;
};

/// Returns the error for when neither database can be connected to: the second error only where it
/// differs from the first.
[[nodiscard]] Error maintenance_error(const Error& of_postgres, const Error& of_template1);

/// Connects to `postgres`, or to `template1` if that fails: for what belongs to no database.
[[nodiscard]] PgConnection connect_maintenance(const PgConfig& config, const std::stop_token& stop);

}  // namespace pgbackup
