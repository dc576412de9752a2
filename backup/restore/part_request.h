// The flags of `pg-backup restore` that restore a part of a backup, and the checks on them. Which
// entries of an archive that means is in part.h.
#pragma once

#include <string>
#include <vector>

#include "backup/restore/part.h"
#include "common/base/options.h"

namespace pgbackup {

struct PartRequest {
  std::string schemas{};     ///< a list of names
  std::string tables{};      ///< a list of names
  std::string excluded{};    ///< a list of names
  bool schema_only = false;  ///< its row is that of SCHEMA_ONLY, in backup/dump
  bool data_only = false;
  std::string sections{};  ///< a list of pre-data, data, post-data
  bool disable_triggers = false;
  bool list_contents = false;

  /// Returns the names that were given. Throws `usage`.
  [[nodiscard]] PartNames names() const;
  /// Returns whether everything is to be restored.
  [[nodiscard]] bool is_whole() const;
  /// Returns whether this section of the archive is restored. Throws `usage`.
  [[nodiscard]] bool restores(TocSection section) const;
};

/// Returns the rows of the option table, which point into `request`.
[[nodiscard]] std::vector<Option> part_options(PartRequest& request);

/// Appends one sentence to `problems` for each mistake in `request`.
void check_part(const PartRequest& request, std::vector<std::string>& problems);

/// Returns the flags that are given, without their values.
[[nodiscard]] std::vector<std::string> part_flags(const PartRequest& request);

/// Returns the options of pg_restore that choose sections.
[[nodiscard]] std::vector<std::string> section_options(const PartRequest& request);

}  // namespace pgbackup
