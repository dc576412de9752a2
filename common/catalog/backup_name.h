// How a person names a backup: `GROUP/ID` as logs print it, an id alone, or an unambiguous
// beginning of either id. What an older system wrote is named by its key, see old_layouts.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/catalog/group.h"
#include "common/store/destinations.h"

namespace pgbackup {

struct BackupName {
  Group group{};   ///< unnamed: of any group
  std::string id;  ///< an id or its beginning, not empty

  /// Returns whether it names one backup without a look into a store.
  [[nodiscard]] bool is_whole() const;
};

/// Parses `GROUP/ID`, `GROUP/BEGINNING`, an id or its beginning. The name of a database may hold
/// slashes, an id does not. Returns nullopt for anything else: an id begins with the digits of its
/// time.
[[nodiscard]] std::optional<BackupName> parse_backup_name(std::string_view text);

/// Appends a sentence to `problems` unless parse_backup_name() takes `name`.
void check_backup_name(std::string_view verb, std::string_view name,
                       std::vector<std::string>& problems);

/// Returns the names with group and id of the complete backups of `destinations` that `name` may
/// mean, sorted. Throws when none is found and a destination cannot be listed.
[[nodiscard]] std::vector<BackupName> find_backup_names(const Destinations& destinations,
                                                        const BackupName& name);

/// Returns the one backup that `name` means; a name that is whole is returned as it is, whether
/// there is such a backup or not. Throws `not_found` where there is none, `usage` naming the
/// candidates where there are several, and what find_backup_names() throws.
[[nodiscard]] BackupName complete_backup_name(const Destinations& destinations,
                                              const BackupName& name);

/// Returns the error for a name that may mean each of `candidates`, and that for one that means
/// none.
[[nodiscard]] Error ambiguous_name(std::string_view name,
                                   const std::vector<std::string>& candidates);
[[nodiscard]] Error unknown_name(std::string_view name);

/// Returns `GROUP/ID`, for messages.
[[nodiscard]] std::string format_backup_name(const BackupName& name);

}  // namespace pgbackup
