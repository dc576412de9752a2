// `pg-backup restore --cluster`: a base backup into an empty directory, with the WAL beside it that
// makes it consistent, or with a command that fetches it. Everything that can be refused is refused
// before the first byte is written. Which backup is restored is decided by choose_base.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "backup/physical/file_record.h"
#include "backup/physical/recovery.h"
#include "backup/physical/restore_target.h"
#include "backup/physical/restored_directory.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/catalog/cluster_facts.h"
#include "common/catalog/manifest.h"
#include "common/store/store.h"

namespace pgbackup {

/// The names of the streams of a base backup; those of tablespaces are their OIDs.
inline constexpr std::string_view kBaseStream = "base";
inline constexpr std::string_view kFileListStream = "backup_manifest";

/// Names a stored base backup. All references must outlive the restore.
struct StoredCluster {
  Store& store;
  const Backup& backup;
  const Manifest& manifest;
  const ClusterFacts& facts;
  const AgeKeys* keys = nullptr;  ///< open what is encrypted; nullptr: nothing does
};

struct ClusterTarget {
  std::filesystem::path directory;
  std::vector<TablespaceMapping> tablespaces{};
};

/// Writes the file of the write-ahead log with that name into the sink, unpacked, and does not
/// finish the sink. Throws `not_found` when it is not stored.
using FetchWal = std::function<void(const std::string& name, Sink& sink)>;

/// Says which files of the write-ahead log are copied beside the data: segments and histories.
struct WalCopies {
  std::vector<std::string> names{};
  FetchWal fetch{};            ///< must be set where there are names
  FetchWal fetch_elsewhere{};  ///< from another store, what is damaged in the first one
};

/// Says what a restore did.
struct ClusterReport {
  size_t files = 0;
  uint64_t bytes = 0;  ///< of those files
  std::vector<TablespacePlace> tablespaces{};
  std::chrono::seconds elapsed{0};
};

class ClusterRestore {
 public:
  /// Both must outlive the object.
  ClusterRestore(Clock& clock, Log& log) : clock_(clock), log_(log) {}

  /// Restores the backup into the target, so that a server which starts there recovers as
  /// `recovery` says. A damaged segment of WAL that neither the backup nor a target position needs
  /// is left out with a warning. Throws `conflict` when a directory is not empty or a file system
  /// too small, `usage` for a mapping that fits no tablespace, `corrupt` for bytes that are not
  /// those of the backup, `denied` for an encrypted one whose private part is
  /// not known. After an error the directory is unfinished, and says so.
  [[nodiscard]] ClusterReport run(const StoredCluster& cluster, const ClusterTarget& target,
                                  const RecoveryRequest& recovery, const WalCopies& wal);

 private:
  void require_space_for(const StoredCluster& cluster, const ClusterTarget& target,
                         const std::vector<TablespacePlace>& places, const WalCopies& wal);
  void unpack_to(const StoredCluster& cluster, std::string_view stream, Sink& sink);
  [[nodiscard]] FileList fetch_file_list(const StoredCluster& cluster,
                                         RestoredDirectory& directory);
  void unpack_files(const StoredCluster& cluster, const RestoredDirectory& directory,
                    FileRecord& record);
  void copy_wal(const WalCopies& wal, const StoredCluster& cluster, const RecoveryTarget& target,
                RestoredDirectory& directory);

  Clock& clock_;
  Log& log_;
};

}  // namespace pgbackup
