// Restores what belongs to the whole server: roles, memberships, tablespaces, settings of roles.
// pg_dumpall has dumped them as SQL. Each statement is executed on its own, since psql would stop
// at the first role that exists. Restores no database: restore.h does.
// https://www.postgresql.org/docs/current/app-pg-dumpall.html
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/connection.h"
#include "common/base/log.h"

namespace pgbackup {

/// Returns the statements of SQL as pg_dumpall writes it, without the semicolons, comments and
/// psql's backslash commands.
[[nodiscard]] std::vector<std::string> split_statements(std::string_view sql);

/// Returns `statement`, a GRANT, without the GRANTED BY at its end; "" when there is none.
[[nodiscard]] std::string without_grantor(std::string_view statement);

/// Returns whether `statement` sets or clears the password of `role`.
[[nodiscard]] bool sets_password_of(std::string_view statement, const std::string& role);

/// Executes `sql`. A role that exists already is altered. A tablespace whose directory is missing
/// is left out with a warning. A membership whose grantor is missing, or may no longer grant it, is
/// granted by the connected role instead. Warns when the password of that role itself has changed.
/// Logs every other failure, goes on, and throws `failed` at the end.
void apply_globals(PgConnection& server, std::string_view sql, Log& log);

}  // namespace pgbackup
