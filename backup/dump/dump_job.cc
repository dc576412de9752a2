#include "backup/dump/dump_job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "backup/dump/dump_snapshot.h"
#include "backup/dump/dump_source.h"
#include "backup/dump/hidden_option.h"
#include "backup/dump/publications.h"
#include "backup/postgres/dump_format.h"
#include "backup/postgres/sql_guard.h"
#include "backup/postgres/version_advice.h"
#include "common/base/due.h"
#include "common/base/error.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

constexpr const char* kNoPasswordsWarning =
    "the backup is without the passwords of roles, which this role may not read (SELECT on "
    "pg_authid)";

constexpr const char* kLargeObjectsWarning =
    "the database holds large objects, which plain SQL restores only with --no-single-transaction; "
    "with BACKUP_FORMAT=custom they are like everything else";

/// Passes everything on and keeps the end, by which plain SQL shows that it is complete.
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

/// Throws `failed` for a group that neither pg_dump nor pg_dumpall backs up.
bool is_by_pg_dumpall(const Group& group) {
  switch (group.kind()) {
    case GroupKind::database:
      return false;
    case GroupKind::globals:
      return true;
    case GroupKind::unnamed:
    case GroupKind::cluster:
      break;
  }
  throw Error(ErrorKind::failed, "neither pg_dump nor pg_dumpall can make it");
}

/// Puts what the client program said in front of what is known already.
void add_warnings(Manifest& manifest, DumpSource& source) {
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

BackupOutcome BackupJob::back_up(const Group& group, const SomeDestinations& destinations) {
  BackupOutcome outcome;
  Log log(log_, {{"database", group.name()}, {"run", run_.id}});
  try {
    with_context(fmt::format("backup of {}", group.name()),
                 [&] { make(group, destinations, outcome, log); });
  } catch (...) {
    outcome.error = current_failure();
  }
  return outcome;
}

void BackupJob::make(const Group& group, const SomeDestinations& destinations,
                     BackupOutcome& outcome, Log& log) {
  const bool is_globals = is_by_pg_dumpall(group);
  std::string warning;
  const ServerInfo server = [&] {
    PgConnection connection = is_globals
                                  ? connect_maintenance(config_.pg, stop_)
                                  : PgConnection(config_.pg.with_database(group.name()), stop_);
    if (is_globals) return read_globals_info(connection);
    const int version = connection.server_version();
    try {
      warning =
          publications_warning(connection, config_.dump.flags, client("pg_dump", version).version);
    } catch (...) {
      log.warn("whether a publication names what is left out is not known",
               {{"cause", current_failure().message()}});
    }
    return read_server_info(connection);
  }();
  const std::string folder = backup_folder(group, run_.id);
  log.info("backing up", {{"to", locations(destinations, folder)},
                          {"server", format_pg_version(server.version)}});
  BackupWriter writer(destinations, group, run_.id, clock_, log);
  try {
    is_globals ? dump_globals(server, writer) : dump(server, warning, writer, log);
  } catch (...) {
    outcome.failures = writer.failures();
    throw;
  }
  report_written(writer, outcome, log);
}

void BackupJob::dump(const ServerInfo& server, const std::string& warning, BackupWriter& writer,
                     Log& log) {
  const ClientProgram& pg_dump = client("pg_dump", server.version);
  const DumpOptions& options = config_.dump;
  Manifest manifest = describe(server, pg_dump);
  manifest.dump = {.tables = server.tables,
                   .selection = selection_of(options.flags, options.format),
                   .database = server.properties};
  const bool is_plain = options.format == StreamFormat::plain;
  if (!warning.empty()) manifest.warnings.push_back(warning);
  if (is_plain && server.has_large_objects && takes_large_objects(options.flags)) {
    manifest.warnings.emplace_back(kLargeObjectsWarning);
  }
  // Built from right to left: each stage knows the next. Leaving this function without commit()
  // kills pg_dump; the writer then abandons what it has.
  Sink& stream = writer.open_stream({.name = dump_stream_name(Group::database(server.database)),
                                     .format = options.format,
                                     .packing = options.packing,
                                     .effort = options.effort});
  ProgressSink progress(
      stream, {.what = server.database, .total = server.table_bytes, .count = config_.progress},
      clock_, log);
  TailSink tail(progress);
  HiddenOptionSink options_seen(tail);
  std::optional<SqlCheck> check;
  if (is_plain) check.emplace(options_seen);
  SnapshotSource source(
      [&](const std::string& snapshot) { return start_dump(server, pg_dump, snapshot); },
      take_snapshot(server, log), log);
  copy_bytes(source, check ? static_cast<Sink&>(*check) : options_seen);
  if (is_plain && !is_complete_sql(tail.tail())) {
    throw Error(ErrorKind::failed,
                "pg_dump's SQL does not end as it should, although it exited with 0");
  }
  if (check) check->judge_end();
  if (options_seen.is_found()) {
    manifest.warnings.push_back(hidden_option_advice(pg_dump.version));
  }
  tail.finish();
  add_warnings(manifest, source.dump());
  manifest.dump.contents = source.contents();
  writer.commit(std::move(manifest));
}

std::unique_ptr<DumpSource> BackupJob::start_dump(const ServerInfo& server,
                                                  const ClientProgram& pg_dump,
                                                  const std::string& snapshot) {
  std::vector<std::string> arguments = dump_arguments(config_.dump, server.properties.encoding);
  if (!snapshot.empty()) arguments.push_back("--snapshot=" + snapshot);
  return std::make_unique<DumpSource>(
      ClientCommand{.program = pg_dump,
                    .arguments = std::move(arguments),
                    .limit = config_.dump.run_timeout.value_or(std::chrono::seconds(0))},
      config_.pg.with_database(server.database), environment_, stop_);
}

/// Returns nullptr where a snapshot is not wanted or not to be had.
std::unique_ptr<DumpSnapshot> BackupJob::take_snapshot(const ServerInfo& server, Log& log) {
  if (config_.dump.count_rows == CountRows::none) return nullptr;
  std::string obstacle = obstacle_to_snapshot(config_.dump);
  try {
    if (obstacle.empty()) {
      return std::make_unique<DumpSnapshot>(config_.pg.with_database(server.database),
                                            config_.dump.count_rows, stop_);
    }
  } catch (...) {
    obstacle = current_failure().message();
  }
  log.info("a verification of this backup will not compare what it holds", {{"cause", obstacle}});
  return nullptr;
}

void BackupJob::dump_globals(const ServerInfo& server, BackupWriter& writer) {
  const ClientProgram& pg_dumpall = client("pg_dumpall", server.version);
  Manifest manifest = describe(server, pg_dumpall);
  if (!server.may_read_passwords) manifest.warnings.emplace_back(kNoPasswordsWarning);
  TailSink tail(writer.open_stream({.name = dump_stream_name(Group::globals()),
                                    .format = StreamFormat::plain,
                                    .packing = config_.dump.packing,
                                    .effort = config_.dump.effort}));
  DumpSource source({.program = pg_dumpall,
                     .arguments = globals_arguments(server.may_read_passwords),
                     .limit = config_.dump.run_timeout.value_or(std::chrono::seconds(0))},
                    config_.pg.with_database(server.database), environment_, stop_);
  copy_bytes(source, tail);
  if (tail.tail().find("-- PostgreSQL database cluster dump complete") == std::string::npos) {
    throw Error(ErrorKind::failed, "pg_dumpall's SQL does not end as it should");
  }
  tail.finish();
  add_warnings(manifest, source);
  writer.commit(std::move(manifest));
}

/// Returns a manifest with everything that is known before the dump.
Manifest BackupJob::describe(const ServerInfo& server, const ClientProgram& client) const {
  Manifest manifest;
  manifest.started = clock_.now();
  manifest.tool = fmt::format("pg-backup {}", PROJECT_VERSION);
  manifest.server_version = server.version;
  manifest.client_version = client.version;
  manifest.system_identifier = server.system_identifier;
  manifest.groups = run_.groups;
  manifest.left_out = run_.left_out;
  manifest.warnings =
      backup_advice(client.path.filename().string(), client.version, server.version);
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

}  // namespace pgbackup
