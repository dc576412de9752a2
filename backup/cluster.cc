#include "backup/cluster.h"

#include <fmt/format.h>

#include <cstdio>

#include "backup/physical/check_backup.h"
#include "backup/physical/restore_cluster.h"
#include "backup/physical/wal_fetch.h"
#include "backup/physical/wal_push.h"
#include "backup/physical/wal_server.h"
#include "backup/postgres/replication.h"
#include "backup/restore_verb.h"
#include "common/base/error.h"
#include "common/base/output.h"

namespace pgbackup {

namespace {

/// Throws `conflict` where only what is signed may be restored: WAL is not.
void refuse_wal_where_signed(const Program& program) {
  if (program.config.store.signatures.verify_keys.empty()) return;
  throw Error(
      ErrorKind::conflict,
      "BACKUP_VERIFY_KEY is set, and write-ahead logs are not signed: whoever may write "
      "into the store may have written what a server would replay",
      "run this without BACKUP_VERIFY_KEY where you trust all who may write into the store");
}

}  // namespace

void restore_cluster_verb(Program& program) {
  refuse_wal_where_signed(program);
  program.config.cluster.keys = program.config.age.for_reading();
  const Destinations destinations = program.open();
  const std::string id = complete_id(destinations, Group::cluster(), program.config.restore.id);
  const ClusterReport report =
      restore_cluster(destinations, program.config.cluster, id, program.clock, program.log);
  program.log.info(
      "restored the cluster",
      {{"files", report.files}, {"bytes", report.bytes}, {"seconds", report.elapsed.count()}});
}

int check_backup(Program& program) {
  const Destinations destinations = program.open();
  const auto ask = [&]() -> AskedServer {
    ReplicationConnection server(program.config.pg, program.stop);
    return {.system_id = server.identify_system().system_id, .place = read_position(server)};
  };
  bool is_well = true;
  const std::vector<DestinationFailure> failures =
      for_each_destination(destinations, [&](const Destination& destination) {
        for (const Health& health :
             check_freshness(destination.store(), program.config.physical.freshness(), ask,
                             time_of(destinations, program.clock), program.log)) {
          is_well = is_well && health.is_well;
          const std::string& name = destination.name();
          print_result(stdout, fmt::format("{}{}{}: {}\n", name, name.empty() ? "" : ": ",
                                           health.is_well ? "well" : "unwell", health.sentence));
        }
      });
  if (!failures.empty()) throw join_failures(failures);
  return is_well ? 0 : 1;
}

void push_wal_file(Program& program, const std::string& path) {
  push_wal({.path = path,
            .system_id = program.config.wal_file.system_id,
            .packing = program.config.dump.packing,
            .effort = program.config.dump.effort},
           program.open(), program.log);
}

bool fetch_wal_file(Program& program, const std::string& name, const std::string& path) {
  refuse_wal_where_signed(program);
  return fetch_wal(
      {.name = name,
       .path = path,
       .system_id = program.config.wal_file.system_id,
       .keys = program.config.age.for_reading()},
      [&] { return program.open(); }, program.log);
}

std::vector<WalStatus> statuses_of(const std::vector<OwnStream>& streams) {
  std::vector<WalStatus> all;
  all.reserve(streams.size());
  for (const OwnStream& one : streams) all.push_back(one.stream->status());
  return all;
}

std::vector<OwnStream> make_wal_streams(Program& program, BackupRuns& runs, Job& backups) {
  std::vector<OwnStream> streams;
  const BackupConfig& config = program.config;
  if (config.method != BackupMethod::physical || !config.physical.wal_stream) return streams;
  for (const std::string& name : destination_names(config.store)) {
    auto own = std::make_unique<OwnSettings>(program.arguments, process_environment(),
                                             config.store.s3.counter);
    OwnSettings& settings = *own;
    auto stream = std::make_unique<WalStream>(
        WalStreamSettings{
            .slot = name.empty() ? config.physical.slot : config.physical.slot + "_" + name,
            .flush_interval = config.physical.flush_interval,
            .is_synchronous = config.physical.is_synchronous,
            .packing = settings.config().dump.packing,
            .effort = settings.config().dump.effort},
        WalStreamContext{.pg =
                             [&] {
                               settings.refresh(program.log, program.stop);
                               const PgConfig& pg = settings.config().pg;
                               return pg.with_database(pg.database);
                             },
                         .open =
                             [&] {
                               return open_destinations(settings.config().store, program.clock,
                                                        program.log, program.stop);
                             },
                         .destination = name,
                         .want_backup =
                             [&] {
                               runs.ask();
                               backups.run_now();
                             },
                         .states = &runs.states()},
        program.clock, program.log);
    streams.push_back({std::move(own), std::move(stream)});
  }
  return streams;
}

}  // namespace pgbackup
