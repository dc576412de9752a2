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

/// Returns the base backup, or nullopt where it cannot be restored; logs why.
std::optional<FoundBase> read_base_backup(Store& store, Backup& backup, Log& log) {
  std::string damage;
  try {
    Inspection inspection = inspect_backup(store, backup);
    if (inspection.damage.empty() && inspection.distrust.empty() && inspection.manifest) {
      return FoundBase{std::move(backup), *std::move(inspection.manifest)};
    }
    damage = inspection.damage.empty() ? inspection.distrust : inspection.damage;
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    if (error.kind() == ErrorKind::not_found) return std::nullopt;  // deleted since the listing
    damage = error.message();
  }
  log.warn("a base backup is left out", {{"backup", store.location(backup.folder())},
                                         {"database", backup.group.name()},
                                         {"run", backup.id},
                                         {"cause", damage}});
  return std::nullopt;
}

/// Calls `visit` with those of `backups`, oldest first, that are undamaged: newest first, until
/// that returns false.
void visit_undamaged(Store& store, std::vector<Backup> backups, Log& log,
                     const std::function<bool(FoundBase)>& visit) {
  for (auto backup = backups.rbegin(); backup != backups.rend(); ++backup) {
    std::optional<FoundBase> found = read_base_backup(store, *backup, log);
    if (found && !visit(*std::move(found))) return;
  }
}

}  // namespace

void visit_base_backups(Store& store, UtcTime now, Log& log,
                        const std::function<bool(FoundBase)>& visit) {
  std::vector<Backup> backups = complete_backups(store);
  std::erase_if(backups, [&](const Backup& backup) { return is_from_future(backup, now); });
  visit_undamaged(store, std::move(backups), log, visit);
}

std::vector<FoundBase> read_base_backups(Store& store, UtcTime now, size_t most, Log& log) {
  std::vector<FoundBase> all;
  visit_base_backups(store, now, log, [&](FoundBase found) {
    all.push_back(std::move(found));
    return all.size() < most;
  });
  return all;
}

std::vector<FoundBase> read_base_backups_of(Store& store, UtcTime now, std::string_view id,
                                            Log& log) {
  std::vector<Backup> backups = complete_backups(store);
  std::erase_if(backups, [&](const Backup& backup) {
    const bool is_named = backup.id == id;
    if (backup.has_failed()) {
      LogFields fields = {{"backup", store.location(backup.folder())},
                          {"database", backup.group.name()},
                          {"run", backup.id}};
      if (!is_named) fields.emplace_back("hint", "it is not the latest; --id restores it");
      log.warn("the verification of a base backup has failed", fields);
      return !is_named;
    }
    if (!is_from_future(backup, now)) return false;
    LogFields fields = {{"backup", store.location(backup.folder())},
                        {"database", backup.group.name()},
                        {"run", backup.id},
                        {"now", format_iso(now)}};
    if (!is_named) fields.emplace_back("hint", "it is not the latest; --id restores it");
    log.warn("a base backup is dated in the future", fields);
    return !is_named;
  });
  std::vector<FoundBase> all;
  visit_undamaged(store, std::move(backups), log, [&](FoundBase found) {
    all.push_back(std::move(found));
    return all.size() < kMostBases;
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
