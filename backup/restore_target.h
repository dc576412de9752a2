// The database that a restore goes to: is it empty, how is it made, how is it unmade, what would
// remain.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "backup/pg.h"
#include "backup/stored_dump.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

struct TableName {
  std::string schema;
  std::string name;
};

/// Tables, views, sequences and the like that are the user's and belong to no extension.
[[nodiscard]] std::vector<TableName> list_tables(PgConnection& target);

/// Throws `conflict` when the database holds any of these, saying what to do with a dump of `form`.
void refuse_if_not_empty(PgConnection& target, std::string_view name, DumpForm form);

/// Those of `tables` that the table of contents (`pg_restore --list`) does not hold, as
/// `schema.name`.
[[nodiscard]] std::vector<std::string> tables_unknown_to(const std::vector<TableName>& tables,
                                                         std::string_view contents);

/// The names of a list setting: `"$user", public` are two, `""` is one empty name.
[[nodiscard]] std::vector<std::string> split_name_list(std::string_view text);

/// CREATE DATABASE with encoding and locale as dumped; with nullptr the server decides. Throws
/// `conflict` when it exists.
void create_database(PgConnection& maintenance, const std::string& name,
                     const DatabaseProperties* properties);
/// ALTER DATABASE ... SET for each setting as dumped.
void apply_settings(PgConnection& maintenance, const std::string& name,
                    const DatabaseProperties& properties);
/// Drops what create_database() made, also after a stop request. What fails is logged.
void drop_created_database(const PgConfig& config, const std::string& name, Log& log);

/// The environment for pg_restore: settings of the database itself must not stop it.
[[nodiscard]] Environment restore_environment(const Environment& environment);

}  // namespace pgbackup
