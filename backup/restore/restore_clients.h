// Which client programs a restore needs: what read the dump, and what the target understands.
#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>

#include "backup/postgres/client_program.h"
#include "backup/postgres/connection.h"
#include "backup/postgres/version_advice.h"
#include "backup/restore/request.h"
#include "backup/restore/stored_dump.h"

namespace pgbackup {

/// Holds the client programs that execute a dump.
struct RestoreClients {
  ClientProgram program;              ///< pg_restore, or psql for SQL
  std::optional<ClientProgram> psql;  ///< set where psql executes what pg_restore turns into SQL
  RestoreVersions versions;
};

/// Says where client programs are looked for: find_clients().
struct ClientSearch {
  const std::filesystem::path& bindir;
  const Environment& environment;
  const std::stop_token& stop;
};

/// Returns the clients that restore `dump` into `server` as `request` says. Throws `failed` when
/// one is missing, `usage` when they cannot do what is asked.
[[nodiscard]] RestoreClients find_restore_clients(const ClientSearch& search, PgConnection& server,
                                                  const StoredDump& dump,
                                                  const RestoreRequest& request);

}  // namespace pgbackup
