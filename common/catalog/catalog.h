// What lies in a store, seen as backups. Made from one listing; manifests are read only when asked
// for.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/adoption.h"
#include "common/catalog/manifest.h"
#include "common/store/store.h"

namespace pgbackup {

/// A folder of ours, or what an older system wrote: one file, maybe with another for its checksum.
/// Without the object that makes it one it is no backup: a run that is still going or was killed.
struct Backup {
  std::string group;  ///< empty: of an older system that names no database
  std::string id;     ///< of an older system the key of its file
  UtcTime time;       ///< from the id
  Layout layout = Layout::ours;
  bool complete = false;           ///< the object that makes it a backup exists
  bool held = false;               ///< the hold beside the manifest exists: it stays until released
  uint64_t bytes = 0;              ///< of all its objects
  UtcTime newest;                  ///< when its newest object was written, by the store's clock
  std::vector<std::string> files;  ///< sorted names within the folder; of an older system keys

  [[nodiscard]] bool is_ours() const { return layout == Layout::ours; }
  /// What all its keys start with: the folder without a slash, or the id of an older system's.
  [[nodiscard]] std::string folder() const;
  [[nodiscard]] std::string key_of(std::string_view file) const;
  /// The object that makes it a backup: the manifest, or the file of an older system.
  [[nodiscard]] std::string commit_key() const;
};

/// A group in words: `(no database named)` for that of older systems' backups that name none.
[[nodiscard]] std::string group_title(const std::string& group);

/// By group, then oldest first.
[[nodiscard]] bool is_listed_before(const Backup& a, const Backup& b);

struct Catalog {
  std::vector<Backup> backups;             ///< as is_listed_before() says
  std::map<Layout, size_t> not_adopted{};  ///< objects of older systems that do not count
};

/// All folders of ours and all that is adopted, complete or not. Anything else is not looked at,
/// nor is an adopted file without a byte in it: what a failed job of an older system left.
[[nodiscard]] Catalog read_catalog(Store& store, const Adoption& adoption);
/// Only ours, and with `group` those of one, which restricts the listing.
[[nodiscard]] std::vector<Backup> read_catalog(Store& store, std::string_view group = "");

/// The newest complete backup of exactly this group, or nullptr.
[[nodiscard]] const Backup* newest_complete(const std::vector<Backup>& backups,
                                            std::string_view group);

/// Reads and checks a backup's manifest. Throws `not_found`, and `corrupt` also when it belongs to
/// another group.
[[nodiscard]] Manifest read_manifest(Store& store, const Backup& backup);

}  // namespace pgbackup
