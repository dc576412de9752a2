// What belongs to a database itself and is in no dump of it, read at backup time: what `pg_dump
// --create` would write.
#pragma once

#include <string>

#include "backup/postgres/connection.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

/// The first server that has them.
inline constexpr int kFirstWithIcuRules = 160000;

/// For the database that one is connected to, on a server of `version` (server_version_num).
[[nodiscard]] std::string further_properties_sql(int version);

/// Adds to `properties` of the database that `connection` goes to: ICU rules, owner, comment,
/// tablespace, connection limit, whether it is a template, privileges, and settings of roles in it.
void read_further_properties(PgConnection& connection, DatabaseProperties& properties);

}  // namespace pgbackup
