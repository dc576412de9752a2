#include "backup/restore/restore_clients.h"

#include <vector>

#include "common/base/error.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

/// Finds a client for a server of that version, not older than `least`.
ClientProgram find_client(const ClientSearch& search, const char* name, int server_version,
                          int least) {
  const std::vector<ClientProgram> clients =
      find_clients(name, search.bindir, search.environment, search.stop);
  const ClientProgram& fitting = choose_client(clients, name, server_version);
  if (major_version(fitting.version) >= major_version(least)) return fitting;
  return choose_client(clients, name, least);
}

/// Refuses --keep-going where psql executes the SQL of an archive, as pg_restore cannot do so
/// itself. Throws before anything is changed.
void check_clients(const RestoreClients& clients, const RestoreRequest& request) {
  if (!clients.psql || (!request.keep_going && request.jobs == 1)) return;
  throw Error(
      ErrorKind::usage,
      "--keep-going and --jobs need a pg_restore of the target's own major version, and the "
      "only one that can read the backup is newer",
      "leave them out, or restore into a server of the newer version");
}

}  // namespace

RestoreClients find_restore_clients(const ClientSearch& search, PgConnection& server,
                                    const StoredDump& dump, const RestoreRequest& request) {
  const int target = server.server_version();
  const bool is_sql = dump.format() == StreamFormat::plain;
  RestoreClients clients{
      // An archive can only be read by a pg_restore that is not older than the pg_dump that wrote
      // the archive.
      .program = find_client(search, is_sql ? "psql" : "pg_restore", target,
                             is_sql ? 0 : dump.client_version()),
      .psql = {},
      .versions = {.dumped = dump.server_version(),
                   .target = target,
                   .is_sql = is_sql,
                   .is_superuser = server.is_superuser()}};
  clients.versions.client = clients.program.version;
  // pg_restore commits a part as soon as it has all of it, which is before the end of the archive
  // has been checked. psql leaves that to us.
  const bool is_part =
      !request.part.is_whole() && request.in_one_transaction() && request.jobs == 1;
  if (!is_sql && (is_part || sets_unknown(clients.program.version, target))) {
    clients.psql = find_client(search, "psql", target, 0);
  }
  if (is_sql || clients.psql) {
    require_restricted_psql(is_sql ? clients.program.version : clients.psql->version);
  }
  check_clients(clients, request);
  return clients;
}

}  // namespace pgbackup
