// What lies in a store, seen as backups. Made from one listing; manifests are read only when asked
// for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/manifest.h"
#include "common/store/store.h"

namespace pgbackup {

/// A folder of ours. Without a manifest it is no backup: a run that is still going or was killed.
struct Backup {
  std::string group;
  std::string id;
  UtcTime time;                    ///< from the id
  bool complete = false;           ///< the manifest exists
  uint64_t bytes = 0;              ///< of all its objects
  UtcTime newest;                  ///< when its newest object was written, by the store's clock
  std::vector<std::string> files;  ///< names within the folder, sorted

  [[nodiscard]] std::string folder() const;
  [[nodiscard]] std::string key_of(std::string_view file) const;
};

/// All folders of ours, complete or not, by group and then oldest first. `group` restricts the
/// listing to one.
[[nodiscard]] std::vector<Backup> read_catalog(Store& store, std::string_view group = "");

/// The newest complete backup of exactly this group, or nullptr. `backups` as from read_catalog().
[[nodiscard]] const Backup* newest_complete(const std::vector<Backup>& backups,
                                            std::string_view group);

/// Reads and checks a backup's manifest. Throws `not_found`, and `corrupt` also when it belongs to
/// another group.
[[nodiscard]] Manifest read_manifest(Store& store, const Backup& backup);

}  // namespace pgbackup
