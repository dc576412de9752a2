// What stands in the way of `restore --clean`: pg_restore drops what the backup holds, and nothing
// else. What others have built on that makes it fail, or is dropped along unasked. Drops nothing
// itself.
// https://www.postgresql.org/docs/current/app-pgrestore.html
#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/client_program.h"
#include "backup/postgres/connection.h"
#include "backup/restore/part.h"
#include "backup/restore/stored_dump.h"
#include "backup/restore/target_database.h"
#include "common/base/options.h"

namespace pgbackup {

/// Holds what an archive contains, from its table of contents (`pg_restore --list`).
class ArchiveContents {
 public:
  explicit ArchiveContents(std::string_view list);
  /// Takes what a part of an archive holds.
  explicit ArchiveContents(const Part& part);

  /// Returns whether the archive holds this table, view, sequence or type.
  [[nodiscard]] bool holds(const TableName& name) const;
  /// Returns whether the archive holds a schema that --clean drops.
  [[nodiscard]] bool holds_schema(std::string_view name) const;

 private:
  std::set<std::string, std::less<>> known_;  ///< `schema name owner`
  std::set<std::string, std::less<>> schemas_;
};

/// Returns what `pg_restore --list` says of `dump`, of which no more is read than that takes.
/// Throws `corrupt`, `canceled`.
[[nodiscard]] std::string table_of_contents(StoredDump& dump, const ClientProgram& pg_restore,
                                            const Environment& environment,
                                            const std::stop_token& stop);

/// Says that `dependent` uses `on`: views, foreign keys, partitions and children, defaults, column
/// types.
struct Dependency {
  TableName dependent;
  TableName on;
};

[[nodiscard]] std::vector<Dependency> list_dependencies(PgConnection& target);

/// Returns those of `tables` that the archive does not hold, as `schema.name`.
[[nodiscard]] std::vector<std::string> tables_unknown_to(const std::vector<TableName>& tables,
                                                         const ArchiveContents& contents);

/// Returns those of `tables` that would make --clean fail or be dropped along, each with the
/// reason.
[[nodiscard]] std::vector<std::string> tables_in_the_way(const std::vector<TableName>& tables,
                                                         const std::vector<Dependency>& all,
                                                         const ArchiveContents& contents);

/// Throws `conflict` naming the tables_in_the_way(), if there are any.
void refuse_what_is_in_the_way(PgConnection& target, const std::vector<TableName>& tables,
                               const ArchiveContents& contents);

}  // namespace pgbackup
