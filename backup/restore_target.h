// The database that a restore goes to: is it empty, and how does a session in it begin.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/pg.h"
#include "backup/stored_dump.h"
#include "common/base/options.h"

namespace pgbackup {

struct TableName {
  std::string schema;
  std::string name;
};

/// Tables, views, sequences and the like that are the user's and belong to no extension.
[[nodiscard]] std::vector<TableName> list_tables(PgConnection& target);

/// Throws `conflict` when the database holds any of these, saying what to do with a dump of `form`.
void refuse_if_not_empty(PgConnection& target, std::string_view name, DumpForm form);

/// What PGOPTIONS must hold so that a session of this role in this database can write, and writes
/// what the dump says: "" where no setting of the role, the database or the server stands against
/// that.
[[nodiscard]] std::string session_options(PgConnection& target);

/// The environment for pg_restore and psql: a session of that application name, whose messages
/// are the ones that we know. `options` are those of session_options(): PGOPTIONS is used only
/// where it is needed, since poolers refuse it.
[[nodiscard]] Environment restore_environment(const Environment& environment,
                                              const std::string& application,
                                              const std::string& options);

}  // namespace pgbackup
