// Finds out whether a backup that has a manifest is whole, by names and sizes alone: by the
// listing, which costs nothing, and by the manifest. Contents are checked when the backup is
// restored.
#pragma once

#include <optional>
#include <string>

#include "common/catalog/catalog.h"

namespace pgbackup {

/// Returns why a complete backup cannot be restored as far as the listing tells: it holds no data.
/// Returns an empty string when nothing is known to be wrong.
[[nodiscard]] std::string damage_of(const Backup& backup);

/// Returns why a backup cannot be restored according to its manifest: an object is missing or has
/// another size. Returns an empty string when nothing is known to be wrong.
[[nodiscard]] std::string damage_of(const Backup& backup, const Manifest& manifest);

/// Returns why a backup that was stored late may not be from the time of its date: its manifest
/// does not say that the run took so long, or names a longer time than any run takes. Anyone who
/// may only write into a store can put backups of any date there, and each would take the place of
/// a genuine one. Returns an empty string when nothing is known against the backup.
[[nodiscard]] std::string backdating_of(const Backup& backup,
                                        const std::optional<Manifest>& manifest);

struct Inspection {
  std::optional<Manifest> manifest;  ///< only for ours
  std::string damage;                ///< empty: it is whole
  std::string distrust{};            ///< empty: it is signed, or need not be
  bool is_signed = false;            ///< by a key that is trusted
  std::string backdating{};          ///< empty: it is from the time of its date
  bool was_slow = false;             ///< its manifest says that the run went on until it was stored
};

/// Reads the manifest of a complete backup and compares. A backup that looks damaged is listed
/// again first: the listing may be from before the end of the backup, or from the middle of its
/// deletion. Throws as judge_manifest() does, and `not_found` when the backup has been deleted
/// since.
[[nodiscard]] Inspection inspect_backup(Store& store, const Backup& backup);

}  // namespace pgbackup
