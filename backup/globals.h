// What belongs to the whole server: roles, memberships, tablespaces, settings of roles. Dumped by
// pg_dumpall as SQL; restored by us statement by statement, since psql would stop at the first role
// that exists.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/pg.h"
#include "common/base/log.h"

namespace pgbackup {

inline constexpr const char* kGlobalsKind = "globals";  ///< of a manifest
inline constexpr const char* kNoPasswordsWarning =
    "without the passwords of roles, which this role may not read (SELECT on pg_authid)";

/// Of pg_dumpall. Its SQL is in UTF-8, as our connections are.
[[nodiscard]] std::vector<std::string> globals_arguments(bool with_passwords);

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
