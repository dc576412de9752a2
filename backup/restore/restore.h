// `pg-backup restore`: a backup into a database or a file. The target stays as it was unless
// everything arrived and matched: pg_restore, or psql, runs in one transaction and gets the end
// last of all. An archive of a newer pg_dump goes through psql as SQL, without the settings that an
// older target does not know.
// https://www.postgresql.org/docs/current/app-pgrestore.html
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "backup/postgres/connection.h"
#include "backup/postgres/sql_guard.h"
#include "backup/restore/announce.h"
#include "backup/restore/client_sink.h"
#include "backup/restore/local_copy.h"
#include "backup/restore/request.h"
#include "backup/restore/restore_clients.h"
#include "backup/restore/stored_dump.h"
#include "backup/restore/target_part.h"
#include "backup/restore/toc.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/store/store.h"

namespace pgbackup {

/// Says what has come into a database.
struct Restored {
  uint64_t bytes = 0;
  std::optional<Error> failure{};  ///< statements that failed although the restore went on
  std::optional<int64_t> tables{};
  std::optional<int64_t> rows{};
};

/// Holds what the clients of one restore into a database are started with.
struct RestoreSession {
  const RestoreClients& clients;
  const RestoreRequest& request;
  const PgConfig& target;
  Environment environment;
  const TargetPart* part = nullptr;  ///< nullptr: the whole
  const LocalCopy* copy = nullptr;   ///< nullptr: the dump is streamed
};

/// Says where a restore goes and with what. Everything that the settings refer to must outlive the
/// restore.
struct RestoreSettings {
  const PgConfig& pg;
  std::filesystem::path bindir;  ///< directory of the client programs; empty: where they are found
  std::chrono::seconds lock_timeout;  ///< limit of --clean for waiting for a lock; 0: none
  const AgeKeys* keys = nullptr;      ///< open what is encrypted; nullptr: nothing does
};

/// Says what a restore did, for whoever asked for it.
struct RestoreReport {
  std::string outcome;              ///< `restored app_copy`, `wrote app.sql`
  uint64_t bytes = 0;               ///< uncompressed
  std::optional<int64_t> tables{};  ///< as the manifest counts them, or the part has them
  std::optional<int64_t> rows{};    ///< as the server counts them, where it can
  std::chrono::seconds elapsed{0};
};

class Restore {
 public:
  /// Takes the `environment` of the client programs, without secrets. All references must outlive
  /// the object.
  Restore(RestoreSettings settings, const Environment& environment, Clock& clock, Log& log,
          std::stop_token stop);

  /// Restores `backup` of `store` as `request` says. Throws `conflict` when the target exists
  /// already (--create) or holds tables (without --clean), or the answer was no, `usage` when plain
  /// SQL shall --clean or no database is named, `corrupt`, `not_found`, `canceled`, `failed` with
  /// pg_restore's own words.
  [[nodiscard]] RestoreReport run(Store& store, const Backup& backup,
                                  const RestoreRequest& request);

 private:
  [[nodiscard]] std::unique_ptr<StoredDump> open_dump(Store& store, const Backup& backup);
  [[nodiscard]] RestoreReport to_list(StoredDump& dump, const RestoreRequest& request);
  [[nodiscard]] RestoreReport to_target(StoredDump& dump, const RestoreRequest& request);
  [[nodiscard]] RestoreReport to_database(StoredDump& dump, const RestoreRequest& request);
  [[nodiscard]] RestoreReport to_server(StoredDump& dump, const RestoreRequest& request);
  [[nodiscard]] Restored to_existing(StoredDump& dump, const RestoreRequest& request,
                                     const Toc* toc);
  [[nodiscard]] Restored to_created(StoredDump& dump, const RestoreRequest& request, const Toc* toc,
                                    const DatabaseProperties* properties);
  [[nodiscard]] Restored to_replaced(StoredDump& dump, const RestoreRequest& request);
  [[nodiscard]] bool may_go_on(PgConnection& server, const StoredDump& dump,
                               const RestoreRequest& request, Novelty novelty);
  void look_after(Restored& restored, const RestoreRequest& request, const TargetPart* part);
  [[nodiscard]] Restored feed(const RestoreClients& clients, StoredDump& dump,
                              const RestoreRequest& request, const TargetPart* part,
                              const LocalCopy* copy = nullptr);
  [[nodiscard]] Restored feed_pg_restore(const RestoreSession& session, StoredDump& dump);
  [[nodiscard]] Restored feed_psql(const RestoreSession& session, StoredDump& dump);
  [[nodiscard]] uint64_t copy_as_sql(const RestoreSession& session, StoredDump& dump,
                                     SqlGuard& guard);
  [[nodiscard]] static ClientHint hint_of(const RestoreSession& session);
  void check_clean(PgConnection& target, const ClientProgram& pg_restore, StoredDump& dump,
                   const RestoreRequest& request);
  [[nodiscard]] RestoreClients find_clients_for(PgConnection& server, const StoredDump& dump,
                                                const RestoreRequest& request);

  RestoreSettings settings_;
  const Environment& environment_;
  Clock& clock_;
  Log& log_;
  std::stop_token stop_;
};

}  // namespace pgbackup
