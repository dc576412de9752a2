#include "common/catalog/damage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

bool is_data(const BackupFile& file) {
  return file.bytes > 0 && file.name != kManifestName && file.name != kSumsName &&
         file.name != kSealedName && file.name != kSignatureName && file.name != kHoldName &&
         !parse_verification(file.name);
}

const BackupFile* find_file(const Backup& backup, std::string_view name) {
  const auto found = std::lower_bound(
      backup.files.begin(), backup.files.end(), name,
      [](const BackupFile& file, std::string_view wanted) { return file.name < wanted; });
  return found != backup.files.end() && found->name == name ? &*found : nullptr;
}

std::string damage_known(const Backup& backup, const std::optional<Manifest>& manifest) {
  std::string damage = damage_of(backup);
  return damage.empty() && manifest ? damage_of(backup, *manifest) : damage;
}

bool was_stored_at_its_end(const Backup& backup, const Manifest& manifest) {
  constexpr std::chrono::hours kMostDelay{24};
  return backup.committed <= manifest.finished + kMostDelay;
}

}  // namespace

std::string damage_of(const Backup& backup) {
  if (!backup.is_ours()) {
    const bool is_there = find_file(backup, backup.id) != nullptr;
    return is_there ? "" : "only its checksum is left, its file is missing or empty";
  }
  const bool has_data = std::any_of(backup.files.begin(), backup.files.end(), is_data);
  return has_data ? "" : "its data is missing or empty";
}

std::string damage_of(const Backup& backup, const Manifest& manifest) {
  for (const ManifestObject* const object : manifest.objects()) {
    const BackupFile* const file = find_file(backup, object->name);
    if (file == nullptr) return fmt::format("{} is missing", printable(object->name));
    if (file->bytes != object->bytes) {
      return fmt::format("{} has {} bytes, the manifest says {}", printable(object->name),
                         file->bytes, object->bytes);
    }
  }
  return "";
}

std::string backdating_of(const Backup& backup, const std::optional<Manifest>& manifest) {
  constexpr std::chrono::days kLongestRun{3};
  const bool is_explained = manifest && was_stored_at_its_end(backup, *manifest) &&
                            manifest->finished <= backup.time + kLongestRun;
  if (!backup.is_stored_late || is_explained) return "";
  return fmt::format(
      "it was stored at {}, long after its date, when others had been stored in time",
      format_iso(backup.committed));
}

Inspection inspect_backup(Store& store, const Backup& backup) {
  Inspection seen;
  if (backup.is_ours()) {
    JudgedManifest judged = judge_manifest(store, backup);
    seen.manifest = std::move(judged.manifest);
    seen.is_signed = store.signatures().are_wanted() && judged.distrust.empty();
    seen.distrust = std::move(judged.distrust);
  } else {
    seen.distrust = distrust_of_older(store);
  }
  seen.backdating = backdating_of(backup, seen.manifest);
  seen.was_slow = seen.manifest && was_stored_at_its_end(backup, *seen.manifest);
  if (damage_known(backup, seen.manifest).empty()) return seen;
  const Backup now = look_again(store, backup);
  if (!now.complete) {
    throw Error(ErrorKind::not_found,
                fmt::format("{} has been deleted", store.location(backup.commit_key())));
  }
  seen.damage = damage_known(now, seen.manifest);
  return seen;
}

}  // namespace pgbackup
