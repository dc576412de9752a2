#include "backup/job.h"

#include <fmt/format.h>

#include <utility>

#include "backup/commit.h"
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

BackupJob::BackupJob(const BackupJobConfig& config, const Environment& environment, Store& store,
                     Clock& clock, Log& log, std::stop_token stop)
    : config_(config),
      environment_(environment),
      store_(store),
      clock_(clock),
      log_(log),
      stop_(std::move(stop)) {}

Manifest BackupJob::run() {
  started_ = clock_.now();
  id_ = make_backup_id(started_);
  const ServerInfo server = [&] {
    PgConnection connection(config_.pg, stop_);
    return read_server_info(connection);
  }();
  return with_context(fmt::format("backup of {}", server.database), [&] {
    const std::vector<ClientProgram> clients =
        find_clients("pg_dump", config_.bindir, environment_, stop_);
    const ClientProgram& pg_dump = choose_client(clients, "pg_dump", server.version);
    const std::string folder = backup_folder(server.database, id_);
    log_.info(fmt::format("backing up {}", server.database),
              {{"id", id_},
               {"to", store_.location(folder)},
               {"server", format_pg_version(server.version)},
               {"pg_dump", format_pg_version(pg_dump.version)}});
    const std::string key = fmt::format("{}/{}", folder, dump_file_name(server.database));
    const Dumped dumped = dump(pg_dump, server, key);
    Manifest manifest = describe(server, pg_dump, dumped);
    commit_backup(store_, manifest, dumped.objects, log_);
    for (const std::string& warning : manifest.warnings) log_.warn(warning);
    return manifest;
  });
}

BackupJob::Dumped BackupJob::dump(const ClientProgram& pg_dump, const ServerInfo& server,
                                  const std::string& key) {
  // Built from right to left: each stage knows the next. Leaving this function without finish()
  // abandons the object and kills pg_dump.
  const std::unique_ptr<ObjectWriter> writer = store_.create(key);
  ZstdSink zstd(*writer, config_.zstd_level);
  HashSink plain(zstd);
  ProgressSink progress(plain, server.database, server.table_bytes, clock_, log_);
  DumpSource source(pg_dump, config_.pg.with_database(server.database), environment_, stop_);
  pump(source, progress);
  return {writer->stored(), plain.bytes(), plain.sha256(), source.warnings()};
}

Manifest BackupJob::describe(const ServerInfo& server, const ClientProgram& pg_dump,
                             const Dumped& dumped) const {
  Manifest manifest{.group = server.database,
                    .kind = "dump",
                    .id = id_,
                    .started = started_,
                    .finished = clock_.now(),
                    .tool = fmt::format("pg-backup {}", PROJECT_VERSION),
                    .server_version = server.version,
                    .client_version = pg_dump.version,
                    .system_identifier = server.system_identifier,
                    .databases = {server.database},
                    .tables = server.tables,
                    .objects = {},
                    .plain_bytes = dumped.plain_bytes,
                    .plain_sha256 = dumped.plain_sha256,
                    .warnings = dumped.warnings,
                    .next_due = {},
                    .database = server.properties};
  for (const StoredObject& object : dumped.objects) {
    manifest.objects.push_back(
        {object.key.substr(object.key.rfind('/') + 1), object.bytes, object.sha256});
  }
  if (major_version(pg_dump.version) > major_version(server.version)) {
    manifest.warnings.push_back(newer_client_warning(server.version, pg_dump.version));
  }
  if (config_.schedule) manifest.next_due = config_.schedule->next(started_);
  return manifest;
}

}  // namespace pgbackup
