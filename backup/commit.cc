#include "backup/commit.h"

#include <fmt/format.h>

#include <string>

#include "common/base/error.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

/// The reply to the manifest may be lost although it was written: it goes first, as in pruning.
/// After a conflict the one that is there belongs to someone else.
void withdraw(Store& store, const std::string& folder, const std::vector<StoredObject>& objects,
              ErrorKind cause, Log& log) {
  std::vector<std::string> keys;
  if (cause != ErrorKind::conflict) keys.push_back(fmt::format("{}/{}", folder, kManifestName));
  for (const StoredObject& object : objects) keys.push_back(object.key);
  keys.push_back(fmt::format("{}/{}", folder, kSumsName));
  try {
    for (const std::string& key : keys) store.remove(key);
  } catch (...) {
    // The cause is already on its way up; pg-prune sweeps folders without a manifest.
    log.warn(fmt::format("could not clean up {}: {}", store.location(folder),
                         current_error().message()));
  }
}

}  // namespace

void commit_backup(Store& store, const Manifest& manifest, const std::vector<StoredObject>& objects,
                   Log& log) {
  const std::string folder = backup_folder(manifest.group, manifest.id);
  Manifest written = manifest;
  written.locked_until = store.locked_until();
  try {
    store.commit(folder, format_manifest(written), objects);
  } catch (...) {
    const Error error = current_error();
    withdraw(store, folder, objects, error.kind(), log);
    throw error;
  }
}

}  // namespace pgbackup
