// One backup from beginning to end: pg_dump, or pg_dumpall for what belongs to the whole server,
// through the chain of stages into every destination, and the manifests. Any exception unwinds to
// "nothing happened". Repeats nothing: runs.h does.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/dump/dump_options.h"
#include "backup/postgres/client_program.h"
#include "backup/postgres/connection.h"
#include "backup/postgres/server_info.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/schedule.h"
#include "common/catalog/backup_writer.h"
#include "common/catalog/manifest.h"
#include "common/store/destinations.h"

namespace pgbackup {

struct BackupJobConfig {
  const PgConfig& pg;
  std::filesystem::path bindir;
  const DumpOptions& dump;
  std::optional<Schedule> schedule;  ///< for `next_due`
  std::chrono::seconds jitter{0};    ///< the next backup may start so much later
};

/// Holds what the backups of one run share.
struct RunInfo {
  std::string id;
  UtcTime started;
  std::vector<Group> groups;      ///< what the run is for, also what need not be made again
  std::vector<LeftOut> left_out;  ///< databases of the server that the run does not take
};

class BackupJob {
 public:
  struct Outcome {
    std::vector<std::string> holders;          ///< names of the destinations that have the backup
    std::vector<DestinationFailure> failures;  ///< why the other destinations do not have it
    std::optional<Error> error;                ///< set unless every destination has the backup
  };

  BackupJob(const BackupJobConfig& config, const Environment& environment, RunInfo run,
            Clock& clock, Log& log, std::stop_token stop);

  /// Makes one backup of `group`, a database or the globals, and logs where it is. In a
  /// destination that does not have the backup, no manifest and no object of it are visible. Throws
  /// `canceled` only.
  [[nodiscard]] Outcome back_up(const Group& group, const SomeDestinations& destinations);

 private:
  void make(const Group& group, const SomeDestinations& destinations, Outcome& outcome);
  /// Dumps a database. `warning` is what is known before the dump; empty: nothing.
  void dump(const ServerInfo& server, const std::string& warning, BackupWriter& writer);
  void dump_globals(const ServerInfo& server, BackupWriter& writer);
  [[nodiscard]] Manifest describe(const ServerInfo& server, const ClientProgram& client) const;
  [[nodiscard]] const ClientProgram& client(const std::string& name, int server_version);
  void report(const BackupWriter& writer, Outcome& outcome);

  BackupJobConfig config_;
  const Environment& environment_;
  RunInfo run_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
  std::map<std::string, std::vector<ClientProgram>> clients_;  ///< searched once
};

}  // namespace pgbackup
