// `pg-backup restore`: a backup into a database or a file. The target is untouched unless
// everything arrived and matched: pg_restore, or psql, runs in one transaction and gets the end
// last of all. An archive of a newer pg_dump goes through psql as SQL, without the settings that an
// older target does not know.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "backup/client_sink.h"
#include "backup/config.h"
#include "backup/pg_client.h"
#include "backup/sql_guard.h"
#include "backup/stored_dump.h"
#include "backup/version_advice.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/store/store.h"

namespace pgbackup {

/// What executes a dump.
struct RestoreClients {
  ClientProgram program;              ///< pg_restore, or psql for SQL
  std::optional<ClientProgram> psql;  ///< gets pg_restore's SQL, of which the target knows a part
  RestoreVersions versions;
};

/// What has come into a database.
struct Restored {
  uint64_t bytes = 0;
  std::optional<Error> failure{};  ///< of statements after which the restore went on
};

/// What the clients of one restore into a database are started with.
struct RestoreSession {
  const RestoreClients& clients;
  const RestoreRequest& request;
  const PgConfig& target;
  Environment environment;
};

class Restore {
 public:
  Restore(const BackupConfig& config, const Environment& environment, Clock& clock, Log& log,
          std::stop_token stop);

  /// Restores `backup` of `store` as `request` says. Throws `conflict` when the target exists
  /// already (--create) or holds tables (without --clean), or the answer was no, `usage` when plain
  /// SQL shall --clean or no database is named, `corrupt`, `not_found`, `canceled`, `failed` with
  /// pg_restore's own words.
  void run(Store& store, const Backup& backup, const RestoreRequest& request);

 private:
  [[nodiscard]] std::unique_ptr<StoredDump> open_dump(Store& store, const Backup& backup);
  void to_file(StoredDump& dump, const std::filesystem::path& output);
  void to_database(StoredDump& dump, const RestoreRequest& request);
  void to_server(StoredDump& dump, const RestoreRequest& request);
  [[nodiscard]] Restored to_existing(StoredDump& dump, const RestoreRequest& request);
  [[nodiscard]] Restored to_created(StoredDump& dump, const RestoreRequest& request);
  [[nodiscard]] Restored feed(const RestoreClients& clients, StoredDump& dump,
                              const RestoreRequest& request);
  [[nodiscard]] Restored feed_pg_restore(const RestoreSession& session, StoredDump& dump);
  [[nodiscard]] Restored feed_psql(const RestoreSession& session, StoredDump& dump);
  [[nodiscard]] uint64_t copy_as_sql(const RestoreSession& session, StoredDump& dump,
                                     SqlGuard& guard);
  [[nodiscard]] static ClientHint hint_of(const RestoreSession& session);
  void announce_clean(PgConnection& target, const ClientProgram& pg_restore, StoredDump& dump,
                      const RestoreRequest& request);
  [[nodiscard]] RestoreClients find_clients_for(PgConnection& server, const StoredDump& dump);
  [[nodiscard]] ClientProgram find_client(const char* name, int server_version, int least);

  const BackupConfig& config_;
  const Environment& environment_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
};

}  // namespace pgbackup
