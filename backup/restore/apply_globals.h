// Restores what belongs to the whole server: roles, memberships, tablespaces, settings of roles.
// pg_dumpall has dumped them as SQL. Each statement is executed on its own, since psql would stop
// at the first role that exists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/connection.h"
#include "common/base/log.h"

namespace pgbackup {

/// The statements of SQL as pg_dumpall writes it, without the semicolon; comments and psql's
/// backslash commands are left out.
[[nodiscard]] std::vector<std::string> split_statements(std::string_view sql);

/// `statement`, a GRANT, without the GRANTED BY at its end; "" when it has none.
[[nodiscard]] std::string without_grantor(std::string_view statement);

/// Whether `statement` gives `role` a password, or takes it away.
[[nodiscard]] bool sets_password_of(std::string_view statement, const std::string& role);

/// Executes `sql`. A role that exists already is altered; a tablespace whose directory is missing
/// is warned of and left out; a membership whose grantor is missing, or may no longer grant it,
/// comes from the connected role instead. A warning says when the password of that role itself is
/// another one now. What else fails is logged, the rest goes on, and then `failed` is thrown.
void apply_globals(PgConnection& server, std::string_view sql, Log& log);

}  // namespace pgbackup
