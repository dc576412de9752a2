// One backup from beginning to end: pg_dump, or pg_dumpall for what belongs to the whole server,
// through the chain of stages into every destination, and the manifests. Any exception unwinds to
// "nothing happened". Repeats nothing: runs.h does.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/dump/dump_options.h"
#include "backup/dump/dump_snapshot.h"
#include "backup/postgres/client_program.h"
#include "backup/postgres/connection.h"
#include "backup/postgres/server_info.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/schedule.h"
#include "common/catalog/backup_run.h"
#include "common/catalog/backup_writer.h"
#include "common/catalog/manifest.h"
#include "common/codec/progress.h"
#include "common/store/destinations.h"

namespace pgbackup {

struct BackupJobConfig {
  const PgConfig& pg;
  std::filesystem::path bindir;
  const DumpOptions& dump;
  std::optional<Schedule> schedule;   ///< for `next_due`
  std::chrono::seconds jitter{0};     ///< the next backup may start so much later
  ProgressCount* progress = nullptr;  ///< where the bytes of a dump are counted; nullptr: nowhere
};

class BackupJob final : public GroupBackup {
 public:
  BackupJob(const BackupJobConfig& config, const Environment& environment, RunInfo run,
            Clock& clock, Log& log, std::stop_token stop);

  /// Makes one backup of `group`, a database or the globals.
  [[nodiscard]] BackupOutcome back_up(const Group& group,
                                      const SomeDestinations& destinations) override;

 private:
  void make(const Group& group, const SomeDestinations& destinations, BackupOutcome& outcome,
            Log& log);
  /// Dumps a database. `warning` is what is known before the dump; empty: nothing.
  void dump(const ServerInfo& server, const std::string& warning, BackupWriter& writer, Log& log);
  [[nodiscard]] std::unique_ptr<DumpSource> start_dump(const ServerInfo& server,
                                                       const ClientProgram& pg_dump,
                                                       const std::string& snapshot);
  [[nodiscard]] std::unique_ptr<DumpSnapshot> take_snapshot(const ServerInfo& server, Log& log);
  void dump_globals(const ServerInfo& server, BackupWriter& writer);
  [[nodiscard]] Manifest describe(const ServerInfo& server, const ClientProgram& client) const;
  [[nodiscard]] const ClientProgram& client(const std::string& name, int server_version);

  BackupJobConfig config_;
  const Environment& environment_;
  RunInfo run_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
  std::map<std::string, std::vector<ClientProgram>> clients_;  ///< searched once
};

}  // namespace pgbackup
