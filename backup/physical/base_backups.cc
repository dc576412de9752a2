#include "backup/physical/base_backups.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"
#include "common/catalog/damage.h"

namespace pgbackup {
namespace {

/// Returns the base backup, or nullopt where it cannot be restored; logs why.
std::optional<FoundBase> read_base_backup(Store& store, Backup& backup, Log& log) {
  std::string damage;
  try {
    Inspection inspection = inspect_backup(store, backup);
    if (inspection.damage.empty() && inspection.manifest) {
      return FoundBase{std::move(backup), *std::move(inspection.manifest)};
    }
    damage = inspection.damage;
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    if (error.kind() == ErrorKind::not_found) return std::nullopt;  // deleted since the listing
    damage = error.message();
  }
  log.warn(fmt::format("{} is left out: {}", store.location(backup.folder()), damage));
  return std::nullopt;
}

}  // namespace

void visit_base_backups(Store& store, UtcTime now, Log& log,
                        const std::function<bool(FoundBase)>& visit) {
  std::vector<Backup> backups = read_catalog(store, Group::cluster());
  for (auto backup = backups.rbegin(); backup != backups.rend(); ++backup) {
    if (!backup->complete || is_from_future(*backup, now)) continue;
    std::optional<FoundBase> found = read_base_backup(store, *backup, log);
    if (found && !visit(*std::move(found))) return;
  }
}

std::vector<FoundBase> read_base_backups(Store& store, UtcTime now, size_t most, Log& log) {
  std::vector<FoundBase> all;
  visit_base_backups(store, now, log, [&](FoundBase found) {
    all.push_back(std::move(found));
    return all.size() < most;
  });
  return all;
}

BaseBackup base_of(const Manifest& manifest) {
  return {.id = manifest.id,
          .system_identifier = manifest.system_identifier,
          .finished = manifest.finished,
          .facts = manifest.cluster};
}

}  // namespace pgbackup
