#include "backup/restore.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "backup/archive.h"
#include "backup/clean_check.h"
#include "backup/created_database.h"
#include "backup/globals.h"
#include "backup/lock_watch.h"
#include "backup/old_dump.h"
#include "backup/restore_failures.h"
#include "backup/restore_hint.h"
#include "backup/restore_target.h"
#include "backup/sql_guard.h"
#include "backup/terminal.h"
#include "common/base/error.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/encoding.h"
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

/// All but the connection.
std::vector<std::string> client_arguments(DumpForm form, const RestoreRequest& request) {
  std::vector<std::string> arguments;
  switch (form) {
    case DumpForm::archive:
      arguments = archive_options(request);
      arguments.emplace_back("--format=custom");
      if (!request.keep_going) arguments.emplace_back("--exit-on-error");
      if (request.clean) arguments.insert(arguments.end(), {"--clean", "--if-exists"});
      break;
    case DumpForm::sql:
      // What its queries return is nobody's. Without --file there is no single transaction.
      arguments = {"--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1",
                   "--file=-"};
      break;
  }
  if (request.in_one_transaction()) arguments.emplace_back("--single-transaction");
  return arguments;
}

/// The client's stdin. finish() closes it and waits for success; until then its death is an error.
/// Statements that failed are none where the restore shall go on after them.
class RestoreSink final : public Sink {
 public:
  RestoreSink(Process& process, std::string_view name, const RestoreRequest& request)
      : process_(process), name_(name), request_(request) {
    process_.watch_errors([this](std::string_view text) { failures_.add(text); });
  }

  void write(std::string_view bytes) override {
    if (process_.write(bytes)) return;
    process_.wait();
    fail();
  }

  void finish() override {
    process_.close_stdin();
    const bool is_done = process_.wait() || (request_.keep_going && failures_.is_counted());
    if (!is_done) fail();
  }

  [[nodiscard]] const RestoreFailures& failures() const { return failures_; }

 private:
  [[noreturn]] void fail() {
    const std::string errors = process_.errors();
    throw Error(
        ErrorKind::failed,
        fmt::format("{} {}{}{}", name_, process_.status_text(), errors.empty() ? "" : ": ", errors),
        restore_hint(errors, request_.in_one_transaction()));
  }

  Process& process_;
  std::string_view name_;
  const RestoreRequest& request_;
  RestoreFailures failures_;
};

/// Says which statements failed; with all of them done that is a failure all the same.
std::optional<Error> describe_failures(const RestoreFailures& failures, Log& log) {
  if (failures.count() == 0) return {};
  for (const std::string& failure : failures.first()) log.error(failure);
  if (failures.count() > failures.first().size()) {
    log.error(fmt::format("and {} more", failures.count() - failures.first().size()));
  }
  return Error(ErrorKind::failed,
               fmt::format("{} {} failed; everything else is in the database", failures.count(),
                           failures.count() == 1 ? "statement" : "statements"),
               "run these by hand when what they lack is there");
}

/// What stands in a template stands in every database that is made from now on.
void refuse_target(std::string_view name) {
  if (name != "template0" && name != "template1") return;
  throw Error(ErrorKind::usage,
              fmt::format("{} is the template of new databases, which would all hold what is "
                          "restored into it",
                          name),
              "name another --target-database");
}

/// psql runs what stands in the SQL, and leaves out nothing.
void refuse_archive_options(const RestoreRequest& request) {
  std::vector<std::string> options = archive_options(request);
  if (request.clean) options.emplace_back("--clean");
  if (request.keep_going) options.emplace_back("--keep-going");
  if (options.empty()) return;
  throw Error(ErrorKind::usage,
              fmt::format("it is plain SQL, for which there is no {}", fmt::join(options, ", ")),
              "restore it into a new database (--target-database NAME --create), or write it to a "
              "file with --output and change it there");
}

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
  refuse_target(resolved.target_database);
  if (dump.form() == DumpForm::sql) refuse_archive_options(resolved);
  const Restored restored =
      resolved.create ? to_created(dump, resolved) : to_existing(dump, resolved);
  if (restored.failure) throw Error(*restored.failure);
  log_.info(fmt::format("restored {}", resolved.target_database),
            {{"id", dump.backup().id}, {"bytes", std::to_string(restored.bytes)}});
}

void Restore::to_server(StoredDump& dump, const RestoreRequest& request) {
  if (const std::vector<std::string> flags = database_flags(request); !flags.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("roles and tablespaces belong to the whole server: {} {} not go with "
                            "them",
                            fmt::join(flags, ", "), flags.size() == 1 ? "does" : "do"));
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

Restored Restore::to_existing(StoredDump& dump, const RestoreRequest& request) {
  const ClientProgram client = [&] {
    PgConnection target(config_.pg.with_database(request.target_database), stop_);
    ClientProgram fitting = find_client(target.server_version(), dump);
    if (request.clean) {
      announce_clean(target, fitting, dump, request);
    } else {
      refuse_if_not_empty(target, request.target_database, dump.form());
    }
    return fitting;
  }();
  return feed(client, dump, request);
}

Restored Restore::to_created(StoredDump& dump, const RestoreRequest& request) {
  CreatedDatabase database(config_.pg, request, dump.properties(), log_);
  const ClientProgram client = [&] {
    // Closed before the restore starts: the role may have no more than one connection.
    PgConnection maintenance = connect_maintenance(config_.pg, stop_);
    ClientProgram fitting = find_client(maintenance.server_version(), dump);
    database.create(maintenance);
    return fitting;
  }();
  try {
    database.prepare(stop_);
    Restored restored = feed(client, dump, request);
    database.complete();
    return restored;
  } catch (const Error&) {
    if (request.in_one_transaction()) {
      database.drop();
    } else {
      log_.warn(fmt::format("{} remains as far as it was restored: drop it before you try again",
                            request.target_database));
    }
    throw;
  }
}

Restored Restore::feed(const ClientProgram& client, StoredDump& dump,
                       const RestoreRequest& request) {
  const PgConfig target = config_.pg.with_database(request.target_database);
  const std::string application = "pg-backup restore " + random_hex(4);
  const bool read_only = [&] {
    PgConnection connection(target, stop_);
    return is_read_only(connection);
  }();
  ClientProcess process({.program = client, .arguments = client_arguments(dump.form(), request)},
                        target, restore_environment(environment_, application, read_only), stop_);
  // On any error the process is killed by its destructor before its stdin is closed: it never sees
  // an end that was not ours.
  RestoreSink sink(process.process(), client_name(dump.form()), request);
  std::optional<LockWatch> watch;
  if (request.clean) {
    watch.emplace(target.with_database(target.database), application, config_.dump.lock_timeout,
                  log_);
  }
  Restored restored;
  try {
    if (dump.form() == DumpForm::archive) {
      restored.bytes = dump.copy(sink, clock_, log_);
    } else {
      SqlGuard guard(sink, request.in_one_transaction());
      restored.bytes = dump.copy(guard, clock_, log_);
    }
  } catch (const Error& error) {
    const std::string verdict = watch ? watch->verdict() : "";
    if (verdict.empty()) throw;
    throw Error(error.kind(), fmt::format("{}: {}", verdict, error.message()),
                "end that session, or restore when it has ended");
  }
  restored.failure = describe_failures(sink.failures(), log_);
  return restored;
}

void Restore::announce_clean(PgConnection& target, const ClientProgram& pg_restore,
                             StoredDump& dump, const RestoreRequest& request) {
  const ArchiveContents contents(table_of_contents(dump, pg_restore, environment_, stop_));
  const std::vector<TableName> tables = list_tables(target);
  refuse_what_is_in_the_way(target, tables, contents);
  const std::vector<std::string> remaining = tables_unknown_to(tables, contents);
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

ClientProgram Restore::find_client(int server_version, const StoredDump& dump) {
  const char* const name = client_name(dump.form());
  const std::vector<ClientProgram> clients =
      find_clients(name, config_.bindir, environment_, stop_);
  const ClientProgram& fitting = choose_client(clients, name, server_version);
  if (major_version(fitting.version) >= major_version(dump.client_version())) return fitting;
  // An archive can only be read by a pg_restore that is not older than the pg_dump that wrote it.
  return choose_client(clients, name, dump.client_version());
}

}  // namespace pgbackup
