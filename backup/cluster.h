// The verbs of physical backups, and the jobs that stream WAL: from the settings to
// backup/physical.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backup/own_settings.h"
#include "backup/physical/wal_stream.h"
#include "backup/program.h"
#include "backup/runs.h"
#include "common/service/job.h"

namespace pgbackup {

/// Restores a base backup and logs what was done.
void restore_cluster_verb(Program& program);

/// Prints a sentence about each destination's base backups and WAL. Returns the exit code.
[[nodiscard]] int check_backup(Program& program);

/// Stores a file of the WAL, for archive_command.
void push_wal_file(Program& program, const std::string& path);

/// Brings a file of the WAL, for restore_command. Returns whether it is there.
[[nodiscard]] bool fetch_wal_file(Program& program, const std::string& name,
                                  const std::string& path);

/// A job that streams WAL, and the settings that its thread reads.
struct OwnStream {
  std::unique_ptr<OwnSettings> settings;
  std::unique_ptr<WalStream> stream;
};

/// Returns how each stream stands.
[[nodiscard]] std::vector<WalStatus> statuses_of(const std::vector<OwnStream>& streams);

/// Makes the jobs that stream WAL: one for each destination, none for dumps. All arguments must
/// outlive them. Must be called before there are threads.
[[nodiscard]] std::vector<OwnStream> make_wal_streams(Program& program, BackupRuns& runs,
                                                      Job& backups);

}  // namespace pgbackup
