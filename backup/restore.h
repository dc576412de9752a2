// `pg-backup restore`: a backup into a database or a file. The target is untouched unless
// everything arrived and matched: pg_restore runs in one transaction and gets the archive's end
// last of all.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "backup/archive.h"
#include "backup/config.h"
#include "backup/pg_client.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/store/store.h"

namespace pgbackup {

class Restore {
 public:
  Restore(const BackupConfig& config, const Environment& environment, Clock& clock, Log& log,
          std::stop_token stop);

  /// Restores `backup` of `store` as `request` says. Throws `conflict` when the target exists
  /// already (--create) or holds tables (without --clean), `corrupt`, `not_found`, `canceled`,
  /// `failed` with pg_restore's own words.
  void run(Store& store, const Backup& backup, const RestoreRequest& request);

 private:
  void to_file(const StoredArchive& archive, const std::filesystem::path& output);
  void to_database(const StoredArchive& archive, const RestoreRequest& request);
  void to_existing(const StoredArchive& archive, const RestoreRequest& request);
  void to_created(const StoredArchive& archive, const RestoreRequest& request);
  void feed(const ClientProgram& pg_restore, const StoredArchive& archive,
            const RestoreRequest& request);
  void announce_clean(PgConnection& target, const ClientProgram& pg_restore,
                      const StoredArchive& archive, const RestoreRequest& request);
  [[nodiscard]] std::string table_of_contents(const ClientProgram& pg_restore,
                                              const StoredArchive& archive);
  [[nodiscard]] ClientProgram find_pg_restore(int server_version, const Manifest& manifest);

  const BackupConfig& config_;
  const Environment& environment_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
};

}  // namespace pgbackup
