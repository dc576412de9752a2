// What lies in a store, seen as backups. Made from one listing; manifests are read only when asked
// for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/utc_time.h"
#include "common/catalog/adoption.h"
#include "common/catalog/manifest.h"
#include "common/store/store.h"

namespace pgbackup {

struct BackupFile {
  std::string name;  ///< within the folder; of an older system's the key
  uint64_t bytes = 0;
  friend auto operator<=>(const BackupFile&, const BackupFile&) = default;
};

/// A folder of ours, or what an older system wrote: one file, maybe with another for its checksum.
/// Without the object that makes it one it is no backup: a run that is still going or was killed.
struct Backup {
  std::string group;  ///< empty: of an older system that names no database
  std::string id;     ///< of an older system the key of its file
  UtcTime time;       ///< from the id
  Layout layout = Layout::ours;
  /// The object that makes it a backup exists. Of an older system's that is taken for granted: its
  /// checksum alone shows that there was one, see damage_of().
  bool complete = false;
  bool held = false;   ///< the hold beside the manifest exists: it stays until released
  uint64_t bytes = 0;  ///< of all its objects
  UtcTime newest;      ///< when its newest object was written, by the store's clock
  UtcTime committed;   ///< when what makes it a backup was written, by the store's clock
  /// That was long after `time`, and after another backup of ours had been written in time: one of
  /// an older date, or any one a week before. Whether its manifest says why is for inspect_backup()
  /// to find out. (Of a copied bucket all are late, and those that come after are in time.)
  bool is_stored_late = false;
  std::vector<BackupFile> files;  ///< sorted by name

  [[nodiscard]] bool is_ours() const { return layout == Layout::ours; }
  /// What all its keys start with: the folder without a slash, or the id of an older system's.
  [[nodiscard]] std::string folder() const;
  [[nodiscard]] std::string key_of(std::string_view file) const;
  /// The object that makes it a backup: the manifest, or the file of an older system.
  [[nodiscard]] std::string commit_key() const;
};

/// Dated later than two clocks may differ: one of them was wrong. Such a backup is never the
/// latest.
[[nodiscard]] bool is_from_future(const Backup& backup, UtcTime now);

/// A group in words: `(no database named)` for that of older systems' backups that name none.
[[nodiscard]] std::string group_title(const std::string& group);

/// By group, then oldest first.
[[nodiscard]] bool is_listed_before(const Backup& a, const Backup& b);

struct Catalog {
  std::vector<Backup> backups;             ///< as is_listed_before() says
  std::map<Layout, size_t> not_adopted{};  ///< objects of older systems that do not count
  std::optional<Error> unread{};           ///< why some folders are missing, see PartialListing
};

/// More objects of backups than any honest store has are refused with `failed`: a listing without
/// end must not take all memory.
inline constexpr size_t kMostObjects = 10'000'000;

/// All folders of ours and all that is adopted, complete or not. Anything else is not looked at,
/// nor is an adopted file without a byte in it: what a failed job of an older system left.
[[nodiscard]] Catalog read_catalog(Store& store, const Adoption& adoption);
/// Only ours, and with `group` those of one, which restricts the listing. Throws PartialListing.
[[nodiscard]] std::vector<Backup> read_catalog(Store& store, std::string_view group = "");

/// The backup as the store lists it now; without files when nothing of it is left.
[[nodiscard]] Backup look_again(Store& store, const Backup& backup);

/// Reads and checks a backup's manifest. Throws `not_found`, and `corrupt` also when it belongs to
/// another group or id: an old backup must not pass for the newest.
[[nodiscard]] Manifest read_manifest(Store& store, const Backup& backup);

}  // namespace pgbackup
