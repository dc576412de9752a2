#include "common/catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/error.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {

std::string Backup::folder() const { return backup_folder(group, id); }

std::string Backup::key_of(std::string_view file) const {
  return fmt::format("{}/{}", folder(), file);
}

std::vector<Backup> read_catalog(Store& store, std::string_view group) {
  std::map<std::pair<std::string, std::string>, Backup> found;
  const std::string prefix = group.empty() ? "" : encode_group(group) + "/";
  store.list(prefix, [&](const ObjectInfo& object) {
    std::optional<BackupKey> key = parse_key(object.key);
    if (!key) return;
    Backup& backup = found[{key->group, key->id}];
    backup.group = std::move(key->group);
    backup.id = std::move(key->id);
    backup.time = key->time;
    backup.complete = backup.complete || key->file == kManifestName;
    backup.bytes += object.bytes;
    backup.newest = std::max(backup.newest, object.modified);
    backup.files.push_back(std::move(key->file));
  });
  std::vector<Backup> backups;
  backups.reserve(found.size());
  for (auto& [name, backup] : found) {
    std::sort(backup.files.begin(), backup.files.end());
    backups.push_back(std::move(backup));
  }
  return backups;
}

const Backup* newest_complete(const std::vector<Backup>& backups, std::string_view group) {
  const Backup* newest = nullptr;
  for (const Backup& backup : backups) {
    if (backup.group == group && backup.complete && (newest == nullptr || backup.id > newest->id)) {
      newest = &backup;
    }
  }
  return newest;
}

Manifest read_manifest(Store& store, const Backup& backup) {
  const std::string key = backup.key_of(kManifestName);
  return with_context(store.location(key), [&] {
    Manifest manifest = parse_manifest(read_small_object(store, key));
    if (manifest.group != as_utf8(backup.group)) {
      throw Error(ErrorKind::corrupt,
                  fmt::format("it is the manifest of {}, not of {}", manifest.group, backup.group));
    }
    return manifest;
  });
}

}  // namespace pgbackup
