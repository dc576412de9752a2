// One backup from beginning to end: pg_dump through the chain of stages into the store, then the
// manifest. Any exception unwinds to "nothing happened".
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/pg.h"
#include "backup/pg_client.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/schedule.h"
#include "common/catalog/manifest.h"
#include "common/store/store.h"

namespace pgbackup {

struct BackupJobConfig {
  const PgConfig& pg;
  std::filesystem::path bindir;
  int zstd_level = 3;
  std::optional<Schedule> schedule;  ///< for `next_due`
};

class BackupJob {
 public:
  BackupJob(const BackupJobConfig& config, const Environment& environment, Store& store,
            Clock& clock, Log& log, std::stop_token stop);

  /// Makes one backup and returns its manifest, as committed. Throws what stopped it; then no
  /// manifest and no object of it are visible.
  Manifest run();

 private:
  struct Dumped {
    std::vector<StoredObject> objects;
    uint64_t plain_bytes = 0;
    std::string plain_sha256;
    std::vector<std::string> warnings;
  };

  Dumped dump(const ClientProgram& pg_dump, const ServerInfo& server, const std::string& key);
  [[nodiscard]] Manifest describe(const ServerInfo& server, const ClientProgram& pg_dump,
                                  const Dumped& dumped) const;

  BackupJobConfig config_;
  const Environment& environment_;
  Store& store_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
  UtcTime started_;
  std::string id_;
};

}  // namespace pgbackup
