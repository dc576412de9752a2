// `restore --replace`: a database is restored beside the existing one under a temporary name, and
// then the two names are swapped in one transaction. Whenever the restore ends, the name stands
// either for the old database or for the new one, complete. The old one is kept under a dated name.
// https://www.postgresql.org/docs/current/sql-alterdatabase.html
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "backup/postgres/connection.h"
#include "common/base/log.h"
#include "common/base/utc_time.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

/// Returns `name` and `suffix`, of which `name` is cut, between two characters of UTF-8, where the
/// server would cut the suffix off.
[[nodiscard]] std::string with_suffix(std::string_view name, std::string_view suffix);

class ReplacedDatabase {
 public:
  /// Replaces the database `name`. All arguments must outlive the object.
  ReplacedDatabase(const PgConfig& config, const std::string& name, UtcTime now, Log& log);

  /// Returns the name under which the new database is restored.
  [[nodiscard]] const std::string& temporary_name() const { return temporary_; }

  /// Finds out, before anything is touched, whether the old database may be renamed, and names what
  /// earlier attempts have left. Throws `denied`, `conflict`, `usage`.
  void check(PgConnection& maintenance);
  /// Returns what belongs to the old database itself, its privileges among it; nullopt where there
  /// is none. Throws what keeps that from being read.
  [[nodiscard]] std::optional<DatabaseProperties> read_old_properties(const std::stop_token& stop);
  /// Ends the sessions of the old database and swaps the names. Throws, with the commands that do
  /// so by hand, when that fails: the new database remains under its temporary name.
  void swap();

 private:
  void name_leftovers(PgConnection& maintenance);
  void rename_both(PgConnection& maintenance, bool has_old);

  const PgConfig& config_;
  const std::string& name_;
  std::string temporary_;
  std::string kept_;
  Log& log_;
};

}  // namespace pgbackup
