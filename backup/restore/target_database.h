// The database that a restore goes to: whether it is empty, and how a session in it begins.
// Creating one is in created_database.h.
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

/// Returns tables, views, sequences and the like that are the user's and belong to no extension.
[[nodiscard]] std::vector<TableName> list_tables(PgConnection& target);

/// Returns whether the server has a database of that name.
[[nodiscard]] bool database_exists(PgConnection& server, const std::string& name);

/// Throws `conflict` when the database holds any of list_tables(), saying what to do with a dump of
/// `form`.
void refuse_if_not_empty(PgConnection& target, std::string_view name, StreamFormat form);

/// Returns the options with which a session of this role in this database can write, writes what
/// the dump says, and is not ended within 10 s; "" where no setting of the role, the database or
/// the server prevents that.
[[nodiscard]] std::string session_options(PgConnection& target);

/// Returns how the clients of a restore connect to `target`: with an application name, by which
/// their session is found, and with the `options` of session_options() after those of the user. The
/// result is stronger than the environment, a URL and a service file. Poolers refuse options, so
/// there are none where none are needed.
[[nodiscard]] PgConfig session_config(PgConfig target, const Environment& environment,
                                      const std::string& application, const std::string& options);

/// Returns the environment for pg_restore and psql, in which their messages are the English ones
/// that we know.
[[nodiscard]] Environment restore_environment(const Environment& environment);

}  // namespace pgbackup
