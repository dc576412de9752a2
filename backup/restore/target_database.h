// The database that a restore goes to: is it empty, and how does a session in it begin.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/connection.h"
#include "backup/restore/stored_dump.h"
#include "common/base/options.h"

namespace pgbackup {

struct TableName {
  std::string schema;
  std::string name;
};

/// Tables, views, sequences and the like that are the user's and belong to no extension.
[[nodiscard]] std::vector<TableName> list_tables(PgConnection& target);

/// Throws `conflict` when the database holds any of these, saying what to do with a dump of `form`.
void refuse_if_not_empty(PgConnection& target, std::string_view name, DumpFormat form);

/// The options with which a session of this role in this database can write, and writes
/// what the dump says: "" where no setting of the role, the database or the server stands against
/// that.
[[nodiscard]] std::string session_options(PgConnection& target);

/// How the clients of a restore connect to `target`: with a name of their own, by which their
/// session is found, and with the `options` of session_options() behind those of the user. Stronger
/// than the environment, a URL and a service file. Poolers refuse options, so there are none where
/// none are needed.
[[nodiscard]] PgConfig session_config(PgConfig target, const Environment& environment,
                                      const std::string& application, const std::string& options);

/// The environment for pg_restore and psql: their messages are the ones that we know.
[[nodiscard]] Environment restore_environment(const Environment& environment);

}  // namespace pgbackup
