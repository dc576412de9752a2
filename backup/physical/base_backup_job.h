// One base backup from beginning to end: the server's files and their list through the chain of
// stages into every destination, and the manifests, each written only when the destination holds
// all WAL that the backup needs. Any exception unwinds to "nothing happened". Repeats nothing:
// runs.h does.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "backup/postgres/base_backup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/schedule.h"
#include "common/catalog/backup_run.h"
#include "common/catalog/backup_writer.h"
#include "common/catalog/cluster_facts.h"
#include "common/catalog/manifest.h"
#include "common/service/run_state.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Says who stores the WAL that a base backup needs.
enum class WalStreaming {
  here,       ///< the run itself, over a connection of its own for each destination
  elsewhere,  ///< a WalStream of this daemon
  off,        ///< the server's archive_command; where the server does not archive, the run itself
};

struct BaseBackupConfig {
  const PgConfig& pg;
  CheckpointPace checkpoint = CheckpointPace::fast;
  uint64_t max_rate = 0;  ///< bytes per second; 0 is without a limit
  Packing packing{};
  PackingEffort effort{};
  WalStreaming wal_stream = WalStreaming::here;
  std::function<Destinations()> open;  ///< opens the destinations once more, for WAL
  const RunStates* states = nullptr;   ///< where WalStreaming::elsewhere notes how it stands
  std::optional<Schedule> schedule;    ///< for `next_due`
  std::chrono::seconds jitter{0};      ///< the next backup may start so much later
};

class BaseBackupJob final : public GroupBackup {
 public:
  BaseBackupJob(BaseBackupConfig config, RunInfo run, Clock& clock, Log& log, std::stop_token stop);

  /// Makes one base backup. `group` is the cluster.
  [[nodiscard]] BackupOutcome back_up(const Group& group,
                                      const SomeDestinations& destinations) override;

 private:
  class Receiver;
  class OwnWal;

  void make(const SomeDestinations& destinations, BackupOutcome& outcome);
  void wait_for_streams(const SomeDestinations& destinations);
  [[nodiscard]] Manifest describe(const ReplicationConnection& server) const;

  BaseBackupConfig config_;
  RunInfo run_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
};

}  // namespace pgbackup
