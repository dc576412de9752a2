#include "backup/job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "backup/pg_dump.h"
#include "backup/progress.h"
#include "common/base/error.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/digest.h"
#include "common/codec/zstd.h"

namespace pgbackup {
namespace {

std::string newer_client_warning(int server_version, int client_version) {
  return fmt::format(
      "made by pg_dump {} of a PostgreSQL {} server: it may not load into PostgreSQL {}",
      format_pg_version(client_version), format_pg_version(server_version),
      major_version(server_version));
}

}  // namespace

BackupJob::BackupJob(const BackupJobConfig& config, const Environment& environment,
                     const Targets& targets, Clock& clock, Log& log, std::stop_token stop)
    : config_(config),
      environment_(environment),
      targets_(targets),
      clock_(clock),
      log_(log),
      stop_(std::move(stop)) {}

void BackupJob::run() {
  started_ = clock_.now();
  id_ = make_backup_id(started_);
  const ServerInfo server = [&] {
    PgConnection connection(config_.pg, stop_);
    return read_server_info(connection);
  }();
  with_context(fmt::format("backup of {}", server.database), [&] {
    const std::vector<ClientProgram> clients =
        find_clients("pg_dump", config_.bindir, environment_, stop_);
    const ClientProgram& pg_dump = choose_client(clients, "pg_dump", server.version);
    const std::string folder = backup_folder(server.database, id_);
    log_.info(fmt::format("backing up {}", server.database),
              {{"id", id_},
               {"to", locations(targets_, folder)},
               {"server", format_pg_version(server.version)},
               {"pg_dump", format_pg_version(pg_dump.version)}});
    BackupWriter writer(targets_, fmt::format("{}/{}", folder, dump_file_name(server.database)),
                        clock_, log_);
    dump(pg_dump, server, writer);
    report(writer);
  });
}

void BackupJob::dump(const ClientProgram& pg_dump, const ServerInfo& server, BackupWriter& writer) {
  // Built from right to left: each stage knows the next. Leaving this function without finish()
  // kills pg_dump; the writer then abandons what it has.
  ZstdSink zstd(writer, config_.zstd_level);
  HashSink plain(zstd);
  ProgressSink progress(plain, server.database, server.table_bytes, clock_, log_);
  DumpSource source(pg_dump, config_.pg.with_database(server.database), environment_, stop_);
  pour(source, progress);
  Manifest manifest = describe(server, pg_dump);
  manifest.plain_bytes = plain.bytes();
  manifest.plain_sha256 = plain.sha256();
  const std::vector<std::string> warnings = source.warnings();
  manifest.warnings.insert(manifest.warnings.begin(), warnings.begin(), warnings.end());
  writer.describe(std::move(manifest));
  progress.finish();
}

/// All that is known before the dump.
Manifest BackupJob::describe(const ServerInfo& server, const ClientProgram& pg_dump) const {
  Manifest manifest{.group = server.database,
                    .kind = "dump",
                    .id = id_,
                    .started = started_,
                    .finished = {},
                    .tool = fmt::format("pg-backup {}", PROJECT_VERSION),
                    .server_version = server.version,
                    .client_version = pg_dump.version,
                    .system_identifier = server.system_identifier,
                    .databases = {server.database},
                    .tables = server.tables,
                    .objects = {},
                    .plain_bytes = 0,
                    .plain_sha256 = {},
                    .warnings = {},
                    .next_due = {},
                    .database = server.properties};
  if (major_version(pg_dump.version) > major_version(server.version)) {
    manifest.warnings.push_back(newer_client_warning(server.version, pg_dump.version));
  }
  if (config_.schedule) manifest.next_due = config_.schedule->next(started_);
  return manifest;
}

/// Throws when a target has not got the backup.
void BackupJob::report(const BackupWriter& writer) {
  for (const auto& [target, manifest] : writer.written()) holders_.push_back(target);
  for (const std::string& warning : writer.written().front().manifest.warnings) log_.warn(warning);
  if (writer.failures().empty()) return;
  const Error failure = join_failures(writer.failures());
  throw Error(
      ErrorKind::failed,
      fmt::format("{}; {} has the backup {}", failure.message(), fmt::join(holders_, ", "), id_),
      failure.hint());
}

}  // namespace pgbackup
