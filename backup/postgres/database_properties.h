// What belongs to a database itself and is in no dump of it, read at backup time: what `pg_dump
// --create` would write. backup/restore/database_sql.h turns it into SQL.
#pragma once

#include <string>

#include "backup/postgres/connection.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

/// Gives the first server version that has ICU rules of a database.
inline constexpr int kFirstWithIcuRules = 160000;

/// Returns the query for the connected database, on a server of `version` (server_version_num).
[[nodiscard]] std::string further_properties_sql(int version);

/// Adds to `properties` what the connected database has: ICU rules, owner, comment, tablespace,
/// connection limit, whether it is a template, privileges, and settings of roles in it.
void read_further_properties(PgConnection& connection, DatabaseProperties& properties);

}  // namespace pgbackup
