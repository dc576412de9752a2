#include "backup/job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "backup/globals.h"
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

/// All that the dump itself has told.
void complete(Manifest& manifest, const HashSink& plain, DumpSource& source) {
  manifest.plain_bytes = plain.bytes();
  manifest.plain_sha256 = plain.sha256();
  const std::vector<std::string> warnings = source.warnings();
  manifest.warnings.insert(manifest.warnings.begin(), warnings.begin(), warnings.end());
}

}  // namespace

BackupJob::BackupJob(const BackupJobConfig& config, const Environment& environment, RunInfo run,
                     Clock& clock, Log& log, std::stop_token stop)
    : config_(config),
      environment_(environment),
      run_(std::move(run)),
      clock_(clock),
      log_(log),
      stop_(std::move(stop)) {}

BackupJob::Outcome BackupJob::back_up(const std::string& group, const SomeTargets& targets) {
  Outcome outcome;
  try {
    with_context(fmt::format("backup of {}", group), [&] { make(group, targets, outcome); });
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled) throw;
    outcome.error = error;
  }
  return outcome;
}

void BackupJob::make(const std::string& group, const SomeTargets& targets, Outcome& outcome) {
  const bool is_globals = group == kGlobalsGroup;
  const ServerInfo server = [&] {
    PgConnection connection = is_globals ? connect_maintenance(config_.pg, stop_)
                                         : PgConnection(config_.pg.with_database(group), stop_);
    return is_globals ? read_globals_info(connection) : read_server_info(connection);
  }();
  const std::string folder = backup_folder(group, run_.id);
  log_.info(fmt::format("backing up {}", group), {{"id", run_.id},
                                                  {"to", locations(targets, folder)},
                                                  {"server", format_pg_version(server.version)}});
  BackupWriter writer(targets, fmt::format("{}/{}", folder, dump_file_name(group)), clock_, log_);
  try {
    is_globals ? dump_globals(server, writer) : dump(server, writer);
  } catch (const Error&) {
    outcome.failures = writer.failures();
    throw;
  }
  report(writer, outcome);
}

void BackupJob::dump(const ServerInfo& server, BackupWriter& writer) {
  const ClientProgram& pg_dump = client("pg_dump", server.version);
  Manifest manifest = describe(server, pg_dump);
  // Built from right to left: each stage knows the next. Leaving this function without finish()
  // kills pg_dump; the writer then abandons what it has.
  ZstdSink zstd(writer, config_.zstd_level);
  HashSink plain(zstd);
  ProgressSink progress(plain, server.database, server.table_bytes, clock_, log_);
  DumpSource source(pg_dump, {"--format=custom", "--compress=0"},
                    config_.pg.with_database(server.database), environment_, stop_);
  pour(source, progress);
  complete(manifest, plain, source);
  writer.describe(std::move(manifest));
  progress.finish();
}

void BackupJob::dump_globals(const ServerInfo& server, BackupWriter& writer) {
  const ClientProgram& pg_dumpall = client("pg_dumpall", server.version);
  Manifest manifest = describe(server, pg_dumpall);
  manifest.group = kGlobalsGroup;
  manifest.kind = kGlobalsKind;
  if (!server.may_read_passwords) manifest.warnings.emplace_back(kNoPasswordsWarning);
  ZstdSink zstd(writer, config_.zstd_level);
  HashSink plain(zstd);
  DumpSource source(pg_dumpall, globals_arguments(server.may_read_passwords),
                    config_.pg.with_database(server.database), environment_, stop_);
  pour(source, plain);
  complete(manifest, plain, source);
  writer.describe(std::move(manifest));
  plain.finish();
}

/// All that is known before the dump.
Manifest BackupJob::describe(const ServerInfo& server, const ClientProgram& pg_dump) const {
  Manifest manifest{.group = server.database,
                    .kind = "dump",
                    .id = run_.id,
                    .started = clock_.now(),
                    .finished = {},
                    .tool = fmt::format("pg-backup {}", PROJECT_VERSION),
                    .server_version = server.version,
                    .client_version = pg_dump.version,
                    .system_identifier = server.system_identifier,
                    .databases = run_.groups,
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
  if (config_.schedule) manifest.next_due = config_.schedule->next(run_.started);
  return manifest;
}

const ClientProgram& BackupJob::client(const std::string& name, int server_version) {
  std::vector<ClientProgram>& found = clients_[name];
  if (found.empty()) found = find_clients(name, config_.bindir, environment_, stop_);
  return choose_client(found, name, server_version);
}

/// Throws when a target has not got the backup.
void BackupJob::report(const BackupWriter& writer, Outcome& outcome) {
  for (const auto& [target, manifest] : writer.written()) outcome.holders.push_back(target);
  outcome.failures = writer.failures();
  for (const std::string& warning : writer.written().front().manifest.warnings) log_.warn(warning);
  if (writer.failures().empty()) return;
  const Error failure = join_failures(writer.failures());
  throw Error(ErrorKind::failed,
              fmt::format("{}; {} has the backup {}", failure.message(),
                          fmt::join(outcome.holders, ", "), run_.id),
              failure.hint());
}

}  // namespace pgbackup
