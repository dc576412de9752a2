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

/// Executes `sql`. A role that exists already is altered; a tablespace whose directory is missing
/// is warned of and left out. What else fails is logged, the rest goes on, and then `failed` is
/// thrown.
void apply_globals(PgConnection& server, std::string_view sql, Log& log);

}  // namespace pgbackup
