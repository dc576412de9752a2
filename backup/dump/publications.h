// Publications that name what a dump leaves out. pg_dump 18 and 19 put such a name into the dump
// all the same (17 did not), so that the dump cannot be restored as it is.
// https://www.postgresql.org/docs/current/sql-createpublication.html
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backup/dump/dump_flags.h"
#include "backup/postgres/connection.h"

namespace pgbackup {

/// Holds a pattern of pg_dump as regular expressions of PostgreSQL.
struct DumpPattern {
  std::string schema;  ///< empty: any
  std::string name;
};

/// Parses a pattern as pg_dump reads `audit.log_*`: `*` stands for any characters and `?` for one,
/// capitals are lowercase outside of double quotes, and a dot separates schema and name. Of more
/// than two parts the last two count.
/// https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-PATTERNS
[[nodiscard]] DumpPattern parse_dump_pattern(std::string_view pattern);

/// Returns the warning about members of publications that `flags` leave out; empty when there is
/// none, or pg_dump of `client_version` writes no publication that names one.
[[nodiscard]] std::string publications_warning(PgConnection& connection,
                                               std::span<const GivenDumpFlag> flags,
                                               int client_version);

}  // namespace pgbackup
