// The backups in a store, found by one listing. Manifests are read only on request.
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
#include "common/catalog/group.h"
#include "common/catalog/manifest.h"
#include "common/catalog/verification.h"
#include "common/store/store.h"

namespace pgbackup {

struct BackupFile {
  std::string name;  ///< within the directory; for an older system's the key
  uint64_t bytes = 0;
  friend auto operator<=>(const BackupFile&, const BackupFile&) = default;
};

/// Holds a directory of ours, or what an older system wrote: one file, perhaps with another for its
/// checksum. Without the object that makes it complete it is no backup, but what a run has written
/// that still goes on or was killed.
struct Backup {
  Group group;     ///< unnamed: of an older system that names no database
  std::string id;  ///< for an older system's the key of its file
  UtcTime time;    ///< from the id
  Layout layout = Layout::ours;
  /// Is true when the object exists that makes it a backup. Always true for an older system's: the
  /// checksum alone shows that there was a backup, see damage_of().
  bool complete = false;
  bool held = false;   ///< has a hold beside its manifest, and stays until released
  uint64_t bytes = 0;  ///< of all its objects
  UtcTime newest;      ///< when its newest object was written, by the store's clock
  UtcTime committed;   ///< when the manifest or the old file was written, by the store's clock
  /// Is true when the manifest was written long after `time`, and after another backup of ours had
  /// been written in time: after one of an older date, or any one a week before. inspect_backup()
  /// finds out whether the manifest explains this. (In a copied bucket all are late, and those that
  /// come after are in time.)
  bool is_stored_late = false;
  std::vector<BackupFile> files;  ///< sorted by name
  /// Holds what its verifications found, oldest first, without those that are dated later than they
  /// were stored.
  std::vector<Verification> verifications{};

  [[nodiscard]] bool is_ours() const { return layout == Layout::ours; }
  /// Returns the verification that counts, as standing_verification() does.
  [[nodiscard]] std::optional<Verification> verification() const {
    return standing_verification(verifications);
  }
  /// Returns whether a verification found that it cannot be restored: it counts for nothing, and is
  /// restored only where it is named.
  [[nodiscard]] bool has_failed() const {
    const std::optional<Verification> found = verification();
    return found && !found->is_passed;
  }
  /// Returns what all its keys start with: the directory without a slash, or the id of an older
  /// system's.
  [[nodiscard]] std::string folder() const;
  [[nodiscard]] std::string key_of(std::string_view file) const;
  /// Returns the key of the object that makes it a backup: the manifest, or the file of an older
  /// system.
  [[nodiscard]] std::string commit_key() const;
};

/// Returns whether the backup is dated later than two clocks may differ, which means that a clock
/// was wrong. Such a backup is never the latest.
[[nodiscard]] bool is_from_future(const Backup& backup, UtcTime now);

/// Orders backups by group, then oldest first.
[[nodiscard]] bool is_listed_before(const Backup& a, const Backup& b);

struct Catalog {
  std::vector<Backup> backups;             ///< in the order of is_listed_before()
  std::map<Layout, size_t> not_adopted{};  ///< objects of older systems that do not count
  std::optional<Error> unread{};           ///< why some directories are missing, see PartialListing
  bool has_wal = false;                    ///< a write-ahead log is stored, too: see wal_listing.h
};

/// The most objects of backups that a store may list. More are refused with `failed`: a listing
/// without end must not take all memory.
inline constexpr size_t kMostObjects = 10'000'000;

/// Returns all backups of ours and all that are adopted, complete or not. Ignores everything else,
/// and adopted files without a byte, which a failed job of an older system left.
[[nodiscard]] Catalog read_catalog(Store& store, const Adoption& adoption);
/// Returns only our backups, of one group where `group` is named, which restricts the listing.
/// Throws PartialListing.
[[nodiscard]] std::vector<Backup> read_catalog(Store& store, const Group& group = {});

/// Returns the backup as the store lists it now, without files when nothing of it exists any more.
[[nodiscard]] Backup look_again(Store& store, const Backup& backup);

/// Holds a manifest, and whether it may be believed.
struct JudgedManifest {
  Manifest manifest;
  std::string distrust{};  ///< why it is not signed as BACKUP_VERIFY_KEY wants; empty: it is
};

/// Reads and checks a backup's manifest, and its signature where the store's signatures() are
/// wanted. Throws `not_found`, and `corrupt`, also for the manifest of another group or id: an old
/// backup must not pass for the newest.
[[nodiscard]] JudgedManifest judge_manifest(Store& store, const Backup& backup);
/// Returns why the manifest is not signed as BACKUP_VERIFY_KEY wants, whether or not the manifest
/// can be understood; empty where it is signed, or need not be. Throws what the store throws.
[[nodiscard]] std::string distrust_of_manifest(Store& store, const Backup& backup);

/// Reads a manifest as judge_manifest() does, and throws `conflict` for one that is not signed.
[[nodiscard]] Manifest read_manifest(Store& store, const Backup& backup);

/// Returns why a backup of an older system, which nothing signs, is not believed by `store`; empty
/// where no signatures are wanted.
[[nodiscard]] std::string distrust_of_older(const Store& store);

/// Returns the `conflict` error for a backup at `place` that is not believed.
[[nodiscard]] Error not_signed(std::string_view place, std::string_view distrust);

}  // namespace pgbackup
