// The SQL that makes a database like a dumped one, after the model of `pg_dump --create`: decides
// only, and asks nobody. Names and values come from a manifest, which is not trusted: each is
// quoted, and only the privileges that a database can have are granted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/restore/request.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

[[nodiscard]] std::string sql_identifier(std::string_view name);
[[nodiscard]] std::string sql_literal(std::string_view text);

/// Returns the names of a list setting: `"$user", public` are two, `""` is one empty name.
[[nodiscard]] std::vector<std::string> split_name_list(std::string_view text);

/// Returns CREATE DATABASE for `request`, on a server of `version` (server_version_num). `mark` is
/// the connection limit that tells the database from everybody else's until it is complete. Without
/// `properties` the server decides; a tablespace counts only with `has_tablespace`.
[[nodiscard]] std::string create_database_sql(const RestoreRequest& request,
                                              const DatabaseProperties* properties, int version,
                                              int mark, bool has_tablespace);

/// Returns what the server cannot give a database as it was, one sentence each: without these
/// properties the order of texts may change.
[[nodiscard]] std::vector<std::string> lost_properties(const RestoreRequest& request,
                                                       const DatabaseProperties& properties,
                                                       int version);

/// Holds one statement, and what it brings, for people: `the owner app`.
struct PropertySql {
  std::string what;
  std::string sql;
};

/// Returns what the dump itself may need: owner, privileges, comment, and the settings that do not
/// hinder the restore.
[[nodiscard]] std::vector<PropertySql> sql_before_restore(const RestoreRequest& request,
                                                          const DatabaseProperties& properties,
                                                          int version);

/// Returns the rest: the settings that would hinder a restore, settings of roles, whether the
/// database is a template, and the connection limit in place of the mark. `properties` may be
/// nullptr.
[[nodiscard]] std::vector<PropertySql> sql_after_restore(const RestoreRequest& request,
                                                         const DatabaseProperties* properties,
                                                         int version);

}  // namespace pgbackup
