#include "backup/physical/base_backups.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/catalog/damage.h"

namespace pgbackup {
namespace {

/// Limits how many base backups a restore looks at, newest first.
constexpr size_t kMostBases = 1000;

/// Returns the complete backups, oldest first.
std::vector<Backup> complete_backups(Store& store) {
  std::vector<Backup> backups = read_catalog(store, Group::cluster());
  std::erase_if(backups, [](const Backup& backup) { return !backup.complete; });
  return backups;
}

/// Returns those of `backups`, oldest first, that are undamaged: newest first, at most `most`.
std::vector<FoundBase> inspect(Store& store, std::vector<Backup> backups, size_t most, Log& log) {
  std::vector<FoundBase> found;
  for (auto backup = backups.rbegin(); backup != backups.rend() && found.size() < most; ++backup) {
    try {
      Inspection inspection = inspect_backup(store, *backup);
      if (inspection.damage.empty() && inspection.manifest) {
        found.push_back({std::move(*backup), *std::move(inspection.manifest)});
        continue;
      }
      log.warn(
          fmt::format("{} is left out: {}", store.location(backup->folder()), inspection.damage));
    } catch (...) {
      const Error error = current_failure();
      if (error.kind() == ErrorKind::transient) throw error;
      if (error.kind() == ErrorKind::not_found) continue;  // deleted since the listing
      log.warn(
          fmt::format("{} is left out: {}", store.location(backup->folder()), error.message()));
    }
  }
  return found;
}

}  // namespace

std::vector<FoundBase> read_base_backups(Store& store, UtcTime now, size_t most, Log& log) {
  std::vector<Backup> backups = complete_backups(store);
  std::erase_if(backups, [&](const Backup& backup) { return is_from_future(backup, now); });
  return inspect(store, std::move(backups), most, log);
}

std::vector<FoundBase> read_base_backups_of(Store& store, UtcTime now, std::string_view id,
                                            Log& log) {
  std::vector<Backup> backups = complete_backups(store);
  std::erase_if(backups, [&](const Backup& backup) {
    if (!is_from_future(backup, now)) return false;
    const bool is_named = backup.id == id;
    log.warn(fmt::format("{} is dated in the future (it is {} now){}",
                         store.location(backup.folder()), format_iso(now),
                         is_named ? "" : ": it is not the latest; --id restores it"));
    return !is_named;
  });
  return inspect(store, std::move(backups), kMostBases, log);
}

BaseBackup base_of(const Manifest& manifest) {
  return {.id = manifest.id,
          .system_identifier = manifest.system_identifier,
          .finished = manifest.finished,
          .facts = manifest.cluster};
}

}  // namespace pgbackup
