#include "backup/job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "backup/dump_form.h"
#include "backup/globals.h"
#include "backup/hidden_option.h"
#include "backup/missing.h"
#include "backup/pg_dump.h"
#include "backup/progress.h"
#include "backup/publications.h"
#include "backup/sql_guard.h"
#include "backup/version_advice.h"
#include "common/base/error.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/digest.h"
#include "common/codec/gzip.h"
#include "common/codec/zstd.h"

namespace pgbackup {
namespace {

constexpr const char* kLargeObjectsWarning =
    "it holds large objects, which plain SQL restores only with --no-single-transaction; with "
    "BACKUP_FORMAT=custom they are like everything else";

/// Packs as the settings say; whichever it is goes on to `next`.
class Compressor {
 public:
  Compressor(Sink& next, const DumpOptions& options) : next_(next) {
    switch (options.compression) {
      case Compression::zstd:
        zstd_.emplace(next, options.zstd_level, options.zstd_threads);
        break;
      case Compression::gzip:
        gzip_.emplace(next, options.gzip_level);
        break;
      case Compression::none:
        break;
    }
  }
  [[nodiscard]] Sink& sink() {
    if (zstd_) return *zstd_;
    return gzip_ ? static_cast<Sink&>(*gzip_) : next_;
  }

 private:
  Sink& next_;
  std::optional<ZstdSink> zstd_;
  std::optional<GzipSink> gzip_;
};

/// Passes everything on and keeps the end, by which plain SQL shows that it is whole.
class TailSink final : public Sink {
 public:
  explicit TailSink(Sink& next) : next_(next) {}
  void write(std::string_view bytes) override {
    next_.write(bytes);
    tail_ += bytes.substr(bytes.size() - std::min(bytes.size(), kEndBytes));
    tail_.erase(0, tail_.size() - std::min(tail_.size(), kEndBytes));
  }
  void finish() override { next_.finish(); }
  [[nodiscard]] const std::string& tail() const { return tail_; }

 private:
  Sink& next_;
  std::string tail_;
};

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
  } catch (...) {
    outcome.error = current_failure();
  }
  return outcome;
}

void BackupJob::make(const std::string& group, const SomeTargets& targets, Outcome& outcome) {
  const bool is_globals = group == kGlobalsGroup;
  std::string warning;
  const ServerInfo server = [&] {
    PgConnection connection = is_globals ? connect_maintenance(config_.pg, stop_)
                                         : PgConnection(config_.pg.with_database(group), stop_);
    if (is_globals) return read_globals_info(connection);
    const int version = connection.server_version();
    try {
      warning =
          publications_warning(connection, config_.dump.flags, client("pg_dump", version).version);
    } catch (...) {
      log_.warn(fmt::format("whether a publication names what is left out is not known: {}",
                            current_failure().message()));
    }
    return read_server_info(connection);
  }();
  const std::string folder = backup_folder(group, run_.id);
  log_.info(fmt::format("backing up {}", group), {{"id", run_.id},
                                                  {"to", locations(targets, folder)},
                                                  {"server", format_pg_version(server.version)}});
  const std::string name = dump_file_name(group, config_.dump.format, config_.dump.compression);
  BackupWriter writer(targets, fmt::format("{}/{}", folder, name), clock_, log_);
  try {
    is_globals ? dump_globals(server, writer) : dump(server, warning, writer);
  } catch (...) {
    outcome.failures = writer.failures();
    throw;
  }
  report(writer, outcome);
}

void BackupJob::dump(const ServerInfo& server, const std::string& warning, BackupWriter& writer) {
  const ClientProgram& pg_dump = client("pg_dump", server.version);
  const DumpOptions& options = config_.dump;
  Manifest manifest = describe(server, pg_dump);
  manifest.dump_format = options.format;
  manifest.compression = options.compression;
  manifest.selection = selection_of(options.flags, options.format);
  const bool is_plain = options.format == DumpFormat::plain;
  if (!warning.empty()) manifest.warnings.push_back(warning);
  if (is_plain && server.has_large_objects && takes_large_objects(options.flags)) {
    manifest.warnings.emplace_back(kLargeObjectsWarning);
  }
  // Built from right to left: each stage knows the next. Leaving this function without finish()
  // kills pg_dump; the writer then abandons what it has.
  Compressor compressor(writer, options);
  HashSink plain(compressor.sink());
  ProgressSink progress(plain, server.database, server.table_bytes, clock_, log_);
  TailSink tail(progress);
  HiddenOptionSink options_seen(tail);
  std::optional<SqlCheck> check;
  if (is_plain) check.emplace(options_seen);
  DumpSource source({.program = pg_dump,
                     .arguments = dump_arguments(options, server.properties.encoding),
                     .limit = options.run_timeout.value_or(std::chrono::seconds(0))},
                    config_.pg.with_database(server.database), environment_, stop_);
  pour(source, check ? static_cast<Sink&>(*check) : options_seen);
  if (is_plain && !is_complete_sql(tail.tail())) {
    throw Error(ErrorKind::failed,
                "pg_dump's SQL does not end as it should, although it exited with 0");
  }
  if (check) check->judge_end();
  if (options_seen.is_found()) {
    manifest.warnings.push_back(hidden_option_advice(pg_dump.version));
  }
  complete(manifest, plain, source);
  writer.describe(std::move(manifest));
  tail.finish();
}

void BackupJob::dump_globals(const ServerInfo& server, BackupWriter& writer) {
  const ClientProgram& pg_dumpall = client("pg_dumpall", server.version);
  Manifest manifest = describe(server, pg_dumpall);
  manifest.group = kGlobalsGroup;
  manifest.kind = kGlobalsKind;
  if (!server.may_read_passwords) manifest.warnings.emplace_back(kNoPasswordsWarning);
  manifest.dump_format = DumpFormat::plain;
  ZstdSink zstd(writer, config_.dump.zstd_level);
  HashSink plain(zstd);
  DumpSource source({.program = pg_dumpall,
                     .arguments = globals_arguments(server.may_read_passwords),
                     .limit = config_.dump.run_timeout.value_or(std::chrono::seconds(0))},
                    config_.pg.with_database(server.database), environment_, stop_);
  TailSink tail(plain);
  pour(source, tail);
  if (tail.tail().find("-- PostgreSQL database cluster dump complete") == std::string::npos) {
    throw Error(ErrorKind::failed, "pg_dumpall's SQL does not end as it should");
  }
  complete(manifest, plain, source);
  writer.describe(std::move(manifest));
  tail.finish();
}

/// All that is known before the dump.
Manifest BackupJob::describe(const ServerInfo& server, const ClientProgram& client) const {
  Manifest manifest{
      .group = server.database,
      .kind = "dump",
      .id = run_.id,
      .started = clock_.now(),
      .finished = {},
      .tool = fmt::format("pg-backup {}", PROJECT_VERSION),
      .server_version = server.version,
      .client_version = client.version,
      .system_identifier = server.system_identifier,
      .databases = run_.groups,
      .left_out = run_.left_out,
      .tables = server.tables,
      .objects = {},
      .plain_bytes = 0,
      .plain_sha256 = {},
      .warnings = backup_advice(client.path.filename().string(), client.version, server.version),
      .next_due = {},
      .database = server.properties};
  if (config_.schedule) {
    manifest.next_due = next_due_after(run_.started, *config_.schedule) + config_.jitter;
  }
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
