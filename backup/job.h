// One backup from beginning to end: pg_dump through the chain of stages into every target, and the
// manifests. Any exception unwinds to "nothing happened".
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/backup_writer.h"
#include "backup/pg.h"
#include "backup/pg_client.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/schedule.h"
#include "common/catalog/manifest.h"
#include "common/store/targets.h"

namespace pgbackup {

struct BackupJobConfig {
  const PgConfig& pg;
  std::filesystem::path bindir;
  int zstd_level = 3;
  std::optional<Schedule> schedule;  ///< for `next_due`
};

class BackupJob {
 public:
  BackupJob(const BackupJobConfig& config, const Environment& environment, const Targets& targets,
            Clock& clock, Log& log, std::stop_token stop);

  /// Makes one backup and logs where it is. Throws what stopped it; then no manifest and no object
  /// of it are visible. When some targets have it and others do not, throws `failed` saying which.
  void run();
  /// After run(), also when it has thrown: the names of the targets that have the backup.
  [[nodiscard]] const std::vector<std::string>& holders() const { return holders_; }
  [[nodiscard]] UtcTime started() const { return started_; }

 private:
  void dump(const ClientProgram& pg_dump, const ServerInfo& server, BackupWriter& writer);
  [[nodiscard]] Manifest describe(const ServerInfo& server, const ClientProgram& pg_dump) const;
  void report(const BackupWriter& writer);

  BackupJobConfig config_;
  const Environment& environment_;
  const Targets& targets_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
  UtcTime started_;
  std::string id_;
  std::vector<std::string> holders_;
};

}  // namespace pgbackup
