#include "backup/physical/base_backups.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"
#include "common/catalog/damage.h"

namespace pgbackup {
std::vector<FoundBase> read_base_backups(Store& store, UtcTime now, size_t most, Log& log) {
  std::vector<Backup> backups = read_catalog(store, Group::cluster());
  std::vector<FoundBase> found;
  for (auto backup = backups.rbegin(); backup != backups.rend() && found.size() < most; ++backup) {
    if (!backup->complete || is_from_future(*backup, now)) continue;
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

BaseBackup base_of(const Manifest& manifest) {
  return {.id = manifest.id,
          .system_identifier = manifest.system_identifier,
          .finished = manifest.finished,
          .facts = manifest.cluster};
}

}  // namespace pgbackup
