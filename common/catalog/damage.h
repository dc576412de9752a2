// Whether a backup whose manifest exists is all there, told by names and sizes alone: by the
// listing, which costs nothing, and by the manifest. Contents are checked when it is restored.
#pragma once

#include <optional>
#include <string>

#include "common/catalog/catalog.h"

namespace pgbackup {

/// Why a complete backup cannot be restored as far as the listing tells: it holds no data. Empty:
/// nothing is known to be wrong.
[[nodiscard]] std::string damage_of(const Backup& backup);

/// The same with its manifest: an object is missing or has another size.
[[nodiscard]] std::string damage_of(const Backup& backup, const Manifest& manifest);

/// Why a backup that was stored late may not be of the time that it is dated: its manifest does not
/// say that the run went on for so long, or says that it took longer than any does. Whoever may
/// write into a store, and nothing else, can put backups of any date there, and each would take the
/// place of a genuine one. Empty: nothing is known against it.
[[nodiscard]] std::string backdating_of(const Backup& backup,
                                        const std::optional<Manifest>& manifest);

struct Inspection {
  std::optional<Manifest> manifest;  ///< of ours
  std::string damage;                ///< empty: it is whole
  std::string backdating{};          ///< empty: it is of its time
  bool was_slow = false;             ///< it says that its run went on until it was stored
};

/// Reads the manifest of a complete backup and compares. What looks damaged is listed again before
/// it is called so: the listing may be from before the backup's end, or from the middle of its
/// removal. Throws as read_manifest(), and `not_found` when it has been removed since.
[[nodiscard]] Inspection inspect_backup(Store& store, const Backup& backup);

}  // namespace pgbackup
