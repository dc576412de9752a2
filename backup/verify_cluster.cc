#include "backup/verify_cluster.h"

#include <fmt/format.h>

#include <utility>

#include "backup/physical/recovery.h"
#include "backup/physical/restore_cluster.h"
#include "backup/verify/cluster_check.h"
#include "backup/verify/restored_server.h"
#include "backup/verify/server_process.h"
#include "common/base/error.h"

namespace pgbackup {
namespace {

/// Returns the room for the data, the WAL that it needs, twice, since a server copies it, and what
/// the server writes.
uint64_t room_for_cluster(const Manifest& manifest) {
  constexpr uint64_t kServer = uint64_t{256} << 20U;
  const uint64_t wal = manifest.cluster.end.value - manifest.cluster.start.value +
                       2 * manifest.cluster.segment_bytes;
  return kServer + manifest.uncompressed_bytes() + 2 * wal;
}

/// Puts each tablespace into the directory of the server: where it was there may be one of
/// production.
ClusterTarget target_within(const RestoredServer& server, const ClusterFacts& facts) {
  ClusterTarget target{.directory = server.data()};
  for (const TablespaceFacts& tablespace : facts.tablespaces) {
    target.tablespaces.push_back({.old_location = tablespace.location,
                                  .new_location = server.tablespace(tablespace.oid).string()});
  }
  return target;
}

}  // namespace

ClientProgram find_server_of(int server_version, const VerifyMeans& means) {
  ClientProgram program = find_server(server_version, means);
  if (major_version(program.version) == major_version(server_version)) return program;
  throw Error(ErrorKind::usage,
              fmt::format("no PostgreSQL {} is installed here", major_version(server_version)),
              "install the server programs of that major version");
}

std::vector<std::string> check_cluster_restore(Store& store, const FoundBase& base,
                                               const ClientProgram& program,
                                               const BackupConfig& config,
                                               const VerifyMeans& means) {
  const Manifest& manifest = base.manifest;
  RestoredServer server(config.verify.directory, program, room_for_cluster(manifest), means);
  static_cast<void>(
      restore_base(store, base, target_within(server, manifest.cluster), means.clock, means.log));
  server.recover(recovery_settings(recovery_of_base(manifest.cluster)));
  server.start();
  std::vector<std::string> notes = {
      fmt::format("recovered by its WAL up to {}, and started with PostgreSQL {}",
                  format_lsn(manifest.cluster.end), format_pg_version(server.version()))};
  for (std::string& note : check_cluster(server, means)) notes.push_back(std::move(note));
  return notes;
}

}  // namespace pgbackup
