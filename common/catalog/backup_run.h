// What the backups of one run have in common, of whatever kind: a run makes one backup of each of
// its groups, all under one id.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/utc_time.h"
#include "common/catalog/backup_writer.h"
#include "common/catalog/group.h"
#include "common/catalog/manifest.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Holds what the backups of one run share.
struct RunInfo {
  std::string id;
  UtcTime started;
  std::vector<Group> groups;      ///< what the run is for, also what need not be made again
  std::vector<LeftOut> left_out;  ///< databases of the server that the run does not take
};

/// Says how large a backup is.
struct BackupSize {
  uint64_t stored_bytes = 0;
  uint64_t uncompressed_bytes = 0;
};

/// Names a destination that has the backup.
struct BackupHolder {
  std::string destination;
  BackupSize size{};
};

/// Says how one backup went.
struct BackupOutcome {
  std::vector<BackupHolder> holders;
  std::vector<DestinationFailure> failures;  ///< why the other destinations do not have it
  std::optional<Error> error;                ///< set unless every destination has the backup
  StageTimes stages{};                       ///< where a destination has the backup
};

/// A seam: makes one backup from beginning to end.
class GroupBackup {
 public:
  GroupBackup() = default;
  GroupBackup(const GroupBackup&) = delete;
  GroupBackup& operator=(const GroupBackup&) = delete;
  virtual ~GroupBackup() = default;

  /// Makes one backup of `group`, and logs where it is. In a destination that does not have the
  /// backup, no manifest and no object of it are visible. Throws `canceled` only.
  [[nodiscard]] virtual BackupOutcome back_up(const Group& group,
                                              const SomeDestinations& destinations) = 0;
};

/// Logs the warnings of a backup that is written, and completes `outcome`. Throws `failed` when a
/// destination does not have the backup.
void report_written(const BackupWriter& writer, BackupOutcome& outcome, Log& log);

}  // namespace pgbackup
