#include "backup/restore.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "backup/archive.h"
#include "backup/client_sink.h"
#include "backup/globals.h"
#include "backup/old_dump.h"
#include "backup/restore_target.h"
#include "backup/sql_guard.h"
#include "backup/terminal.h"
#include "backup/version_advice.h"
#include "common/base/error.h"
#include "common/catalog/key_grammar.h"
#include "common/store/dir_store.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// stdout, in steps that cannot block after poll(), so that a stop request is heard.
class StdoutSink final : public Sink {
 public:
  explicit StdoutSink(const std::stop_token& stop) : stop_(stop) {}
  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      std::array<pollfd, 1> out = {{{STDOUT_FILENO, POLLOUT, 0}}};
      stop_.wait(out, kNoDeadline);
      const std::string_view step = bytes.substr(0, kAtomicBytes);
      write_all(STDOUT_FILENO, step, "cannot write to stdout");
      bytes.remove_prefix(step.size());
    }
  }
  void finish() override {}

 private:
  static constexpr size_t kAtomicBytes = 4096;  // PIPE_BUF of Linux
  StopFd stop_;
};

const char* client_name(DumpForm form) { return form == DumpForm::sql ? "psql" : "pg_restore"; }

/// All but the connection, or the file that the SQL goes to.
std::vector<std::string> pg_restore_arguments(const RestoreRequest& request) {
  std::vector<std::string> arguments = {"--format=custom", "--exit-on-error"};
  if (request.clean) arguments.insert(arguments.end(), {"--clean", "--if-exists"});
  if (!request.no_single_transaction) arguments.emplace_back("--single-transaction");
  return arguments;
}

/// Without --single-transaction, which commits at the end of its input: SqlGuard begins and
/// commits. What its queries return is nobody's.
std::vector<std::string> psql_arguments() {
  return {"--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", "--file=-"};
}

/// Stdin of `pg_restore --list`, which stops reading when it has seen enough.
class ListSink final : public Sink {
 public:
  explicit ListSink(Process& process) : process_(process) {}
  void write(std::string_view bytes) override { open_ = open_ && process_.write(bytes); }
  void finish() override {}
  [[nodiscard]] bool is_open() const { return open_; }

 private:
  Process& process_;
  bool open_ = true;
};

/// Roles, of which a server has some thousands at most, in memory: they are read before the first
/// one is made.
class TextSink final : public Sink {
 public:
  void write(std::string_view bytes) override {
    constexpr size_t kMost = size_t{64} << 20U;
    if (text_.size() + bytes.size() > kMost) {
      throw Error(ErrorKind::failed, "there are more than 64 MiB of roles and tablespaces",
                  "write them to a file with --output");
    }
    text_ += bytes;
  }
  void finish() override {}
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

Restore::Restore(const BackupConfig& config, const Environment& environment, Clock& clock, Log& log,
                 std::stop_token stop)
    : config_(config),
      environment_(environment),
      clock_(clock),
      log_(log),
      stop_(std::move(stop)) {}

void Restore::run(Store& store, const Backup& backup, const RestoreRequest& request) {
  with_context(fmt::format("restore of {}", backup.folder()), [&] {
    const std::unique_ptr<StoredDump> dump = open_dump(store, backup);
    if (!request.output.empty()) {
      to_file(*dump, request.output);
    } else if (backup.group == kGlobalsGroup) {
      to_server(*dump, request);
    } else {
      to_database(*dump, request);
    }
  });
}

std::unique_ptr<StoredDump> Restore::open_dump(Store& store, const Backup& backup) {
  if (!backup.is_ours()) return std::make_unique<OldDump>(store, backup);
  Manifest manifest = read_manifest_to_restore(store, backup);
  for (const std::string& warning : manifest.warnings) log_.warn(warning);
  if (!manifest.selection.empty()) {
    log_.warn(fmt::format("this backup is a part: {}", fmt::join(manifest.selection, " ")));
  }
  return std::make_unique<StoredArchive>(store, backup, std::move(manifest));
}

void Restore::to_file(StoredDump& dump, const fs::path& output) {
  if (output == "-") {
    StdoutSink out(stop_);
    dump.copy(out, clock_, log_);
    return;
  }
  if (fs::exists(output)) {
    throw Error(ErrorKind::conflict, fmt::format("{} exists already", output.string()),
                "name another file, or remove it first");
  }
  // A directory store writes to a temporary file and renames it when all is well.
  const fs::path folder = output.has_parent_path() ? output.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw Error(ErrorKind::not_found, fmt::format("there is no folder {}", folder.string()));
  }
  DirStore files(folder, clock_);
  const std::unique_ptr<ObjectWriter> file = files.create(output.filename().string());
  const uint64_t bytes = dump.copy(*file, clock_, log_);
  log_.info(fmt::format("wrote {}", output.string()), {{"bytes", std::to_string(bytes)}});
}

void Restore::to_database(StoredDump& dump, const RestoreRequest& request) {
  RestoreRequest resolved = request;
  if (resolved.target_database.empty()) resolved.target_database = dump.backup().group;
  if (resolved.target_database.empty()) {
    throw Error(ErrorKind::usage, "nothing says which database it is of",
                "name one with --target-database, or a file with --output");
  }
  if (resolved.clean && dump.form() == DumpForm::sql) {
    throw Error(ErrorKind::usage, "it is plain SQL, for which there is no --clean",
                "restore it into a new database: --target-database NAME --create");
  }
  const uint64_t bytes = resolved.create ? to_created(dump, resolved) : to_existing(dump, resolved);
  log_.info(fmt::format("restored {}", resolved.target_database),
            {{"id", dump.backup().id}, {"bytes", std::to_string(bytes)}});
}

void Restore::to_server(StoredDump& dump, const RestoreRequest& request) {
  if (request.create || request.clean || request.no_single_transaction ||
      !request.target_database.empty()) {
    throw Error(ErrorKind::usage,
                "roles and tablespaces belong to the whole server: --target-database, --create, "
                "--clean and --no-single-transaction do not go with them",
                "leave them out, or write the SQL to a file with --output");
  }
  TextSink sql;
  dump.copy(sql, clock_, log_);
  PgConnection server = connect_maintenance(config_.pg, stop_);
  if (!request.yes && can_ask() &&
      !ask_yes("Create and alter the roles of this server, with their passwords, as they were?",
               stop_)) {
    throw Error(ErrorKind::conflict, "not restored: the answer was no");
  }
  apply_globals(server, sql.text(), log_);
  log_.info("restored roles and tablespaces", {{"id", dump.backup().id}});
}

uint64_t Restore::to_existing(StoredDump& dump, const RestoreRequest& request) {
  const RestoreClients clients = [&] {
    PgConnection target(config_.pg.with_database(request.target_database), stop_);
    RestoreClients fitting = find_clients_for(target, dump);
    if (request.clean) {
      announce_clean(target, fitting.program, dump, request);
    } else {
      refuse_if_not_empty(target, request.target_database, dump.form());
    }
    return fitting;
  }();
  return feed(clients, dump, request);
}

uint64_t Restore::to_created(StoredDump& dump, const RestoreRequest& request) {
  PgConnection maintenance = connect_maintenance(config_.pg, stop_);
  const RestoreClients clients = find_clients_for(maintenance, dump);
  create_database(maintenance, request.target_database, dump.properties());
  try {
    if (const DatabaseProperties* const properties = dump.properties()) {
      apply_settings(maintenance, request.target_database, *properties);
    }
    return feed(clients, dump, request);
  } catch (...) {
    drop_created_database(config_.pg, request.target_database, log_);
    throw;
  }
}

uint64_t Restore::feed(const RestoreClients& clients, StoredDump& dump,
                       const RestoreRequest& request) {
  for (const std::string& advice : restore_advice(clients.versions)) log_.warn(advice);
  const ClientHint hint = [&](std::string_view errors) {
    std::string text = restore_hint(errors, !request.no_single_transaction);
    return text.empty() ? older_target_hint(clients.versions) : text;
  };
  // On any error a process is killed by its destructor before its stdin is closed: it never sees
  // an end that was not ours.
  if (dump.form() == DumpForm::sql) {
    return feed_psql(clients, request, hint,
                     [&](Sink& sql) { return dump.copy(sql, clock_, log_); });
  }
  std::vector<std::string> arguments = pg_restore_arguments(request);
  if (clients.psql) {
    arguments.insert(arguments.begin(), clients.program.path.string());
    arguments.emplace_back("--file=-");
    return feed_psql(clients, request, hint, [&](Sink& sql) {
      Process process({.argv = arguments, .environment = client_environment(environment_, false)},
                      stop_);
      ScriptSink script(process, sql, hint);
      return dump.copy(script, clock_, log_);
    });
  }
  ClientProcess process({.program = clients.program, .arguments = std::move(arguments)},
                        config_.pg.with_database(request.target_database),
                        restore_environment(environment_), stop_);
  ClientSink sink(process.process(), "pg_restore", hint);
  return dump.copy(sink, clock_, log_);
}

uint64_t Restore::feed_psql(const RestoreClients& clients, const RestoreRequest& request,
                            const ClientHint& hint,
                            const std::function<uint64_t(Sink&)>& write_sql) {
  ClientProcess process(
      {.program = clients.psql.value_or(clients.program), .arguments = psql_arguments()},
      config_.pg.with_database(request.target_database), restore_environment(environment_), stop_);
  wait_until_connected(process, hint);
  ClientSink sink(process.process(), "psql", hint);
  SqlGuard guard(sink, {.single_transaction = !request.no_single_transaction,
                        .unknown_settings = unknown_settings(clients.versions.target)});
  const uint64_t bytes = write_sql(guard);
  if (!has_printed(process.process(), guard.end_word())) {
    throw Error(ErrorKind::corrupt,
                "the SQL ends within a statement, so that psql did not commit it",
                "write it to a file with --output, and look at it");
  }
  return bytes;
}

void Restore::announce_clean(PgConnection& target, const ClientProgram& pg_restore,
                             StoredDump& dump, const RestoreRequest& request) {
  const std::vector<std::string> remaining =
      tables_unknown_to(list_tables(target), table_of_contents(pg_restore, dump));
  if (!remaining.empty()) {
    log_.warn(fmt::format("{} holds tables that the backup does not know; they will remain: {}",
                          request.target_database, fmt::join(remaining, ", ")));
  }
  if (request.yes || !can_ask()) return;
  if (!ask_yes(fmt::format("Drop everything in {} that {} holds, and restore it?",
                           request.target_database, dump.backup().folder()),
               stop_)) {
    throw Error(ErrorKind::conflict, "not restored: the answer was no");
  }
}

std::string Restore::table_of_contents(const ClientProgram& pg_restore, StoredDump& dump) {
  Process process({.argv = {pg_restore.path.string(), "--list", "--format=custom"},
                   .environment = client_environment(environment_, false)},
                  stop_);
  ListSink sink(process);
  dump.copy_head(sink, [&] { return !sink.is_open(); });
  process.close_stdin();
  std::string text;
  std::array<char, 65536> buffer{};
  while (const size_t got = process.read(buffer)) text.append(buffer.data(), got);
  if (!process.wait()) {
    throw Error(ErrorKind::corrupt,
                fmt::format("pg_restore cannot read the archive: {}", process.errors()));
  }
  return text;
}

/// Throws `failed` when a client is missing that the restore needs.
RestoreClients Restore::find_clients_for(PgConnection& server, const StoredDump& dump) {
  const int target = server.server_version();
  const bool is_sql = dump.form() == DumpForm::sql;
  RestoreClients clients{
      // An archive can only be read by a pg_restore that is not older than the pg_dump that wrote
      // it.
      .program = find_client(client_name(dump.form()), target, is_sql ? 0 : dump.client_version()),
      .psql = {},
      .versions = {.dumped = dump.server_version(),
                   .target = target,
                   .is_sql = is_sql,
                   .is_superuser = server.is_superuser()}};
  clients.versions.client = clients.program.version;
  if (!is_sql && sets_unknown(clients.program.version, target)) {
    clients.psql = find_client("psql", target, 0);
  }
  if (is_sql || clients.psql) {
    require_restricted_psql(is_sql ? clients.program.version : clients.psql->version);
  }
  return clients;
}

/// For a server of that version, and not older than `least`.
ClientProgram Restore::find_client(const char* name, int server_version, int least) {
  const std::vector<ClientProgram> clients =
      find_clients(name, config_.bindir, environment_, stop_);
  const ClientProgram& fitting = choose_client(clients, name, server_version);
  if (major_version(fitting.version) >= major_version(least)) return fitting;
  return choose_client(clients, name, least);
}

}  // namespace pgbackup
