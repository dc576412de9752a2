// One base backup from beginning to end: the server's files and their list through the chain of
// stages into every destination, and the manifests, each written only when the destination holds
// all WAL that the backup needs. Any exception unwinds to "nothing happened". Repeats only a backup
// that the server has torn: all else is for runs.h.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "backup/postgres/base_backup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/schedule.h"
#include "common/catalog/backup_run.h"
#include "common/catalog/backup_writer.h"
#include "common/catalog/cluster_facts.h"
#include "common/catalog/manifest.h"
#include "common/codec/progress.h"
#include "common/service/run_state.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Says who stores the WAL that a base backup needs.
enum class WalStreaming {
  here,       ///< the run itself, over a connection of its own for each destination
  elsewhere,  ///< a WalStream of this daemon
  off,        ///< the server's archive_command; where the server does not archive, the run itself
};

/// Returns whether the archive_command of a server with this archive_mode stores the WAL that a
/// base backup needs. A standby archives nothing unless it is told to archive `always`.
[[nodiscard]] bool is_archiving(std::string_view archive_mode, bool is_standby);

/// Returns how long nothing of the WAL may come after the end of the base backup, where the newest
/// bytes are stored every `flush_interval`. A standby does not end a base backup with a whole
/// segment, so that the last bytes come only then.
[[nodiscard]] std::chrono::seconds wal_patience(std::chrono::seconds flush_interval);

struct BaseBackupConfig {
  std::function<PgConfig()> pg;  ///< how to connect; called by other threads, too
  CheckpointPace checkpoint = CheckpointPace::fast;
  uint64_t max_rate = 0;  ///< bytes per second; 0 is without a limit
  Packing packing{};
  PackingEffort effort{};
  WalStreaming wal_stream = WalStreaming::here;
  std::chrono::seconds flush_interval{0};  ///< how often WalStreaming::elsewhere stores what is new
  std::function<Destinations()> open;      ///< opens the destinations once more, for WAL
  const RunStates* states = nullptr;       ///< where WalStreaming::elsewhere notes how it stands
  std::optional<Schedule> schedule;        ///< for `next_due`
  std::chrono::seconds jitter{0};          ///< the next backup may start so much later
  ProgressCount* progress = nullptr;       ///< where its bytes are counted; nullptr: nowhere
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

  void make(const SomeDestinations& destinations, BackupOutcome& outcome, Log& log);
  void take(const SomeDestinations& destinations, std::unique_ptr<OwnWal>& wal,
            BackupOutcome& outcome, Log& log);
  [[nodiscard]] std::chrono::seconds find_clock_ahead(ReplicationConnection& server, Log& log);
  [[nodiscard]] std::unique_ptr<OwnWal> start_wal(ReplicationConnection& server, bool is_standby,
                                                  const SomeDestinations& destinations);
  void wait_for_streams(const SomeDestinations& destinations);
  [[nodiscard]] Manifest describe(ReplicationConnection& server) const;

  BaseBackupConfig config_;
  RunInfo run_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
};

}  // namespace pgbackup
