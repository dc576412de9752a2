#include "backup/restore.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "backup/restore_target.h"
#include "backup/terminal.h"
#include "common/base/error.h"
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

/// pg_restore's stdin. finish() closes it and waits for success; until then its death is an error.
class RestoreSink final : public Sink {
 public:
  explicit RestoreSink(Process& process, bool single_transaction)
      : process_(process), single_transaction_(single_transaction) {}

  void write(std::string_view bytes) override {
    if (process_.write(bytes)) return;
    process_.wait();
    fail();
  }

  void finish() override {
    process_.close_stdin();
    if (!process_.wait()) fail();
  }

 private:
  [[noreturn]] void fail() {
    const std::string errors = process_.errors();
    throw Error(ErrorKind::failed,
                fmt::format("pg_restore {}{}{}", process_.status_text(), errors.empty() ? "" : ": ",
                            errors),
                restore_hint(errors, single_transaction_));
  }

  Process& process_;
  bool single_transaction_;
};

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

}  // namespace

Restore::Restore(const BackupConfig& config, const Environment& environment, Clock& clock, Log& log,
                 std::stop_token stop)
    : config_(config),
      environment_(environment),
      clock_(clock),
      log_(log),
      stop_(std::move(stop)) {}

void Restore::run(Store& store, const Backup& backup, const RestoreRequest& request) {
  const Manifest manifest = read_manifest_to_restore(store, backup);
  const StoredArchive archive{store, backup, manifest};
  for (const std::string& warning : manifest.warnings) log_.warn(warning);
  with_context(fmt::format("restore of {}", backup.folder()), [&] {
    if (request.output.empty()) {
      to_database(archive, request);
    } else {
      to_file(archive, request.output);
    }
  });
}

void Restore::to_file(const StoredArchive& archive, const fs::path& output) {
  if (output == "-") {
    StdoutSink out(stop_);
    copy_archive(archive, out, clock_, log_);
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
  copy_archive(archive, *file, clock_, log_);
  log_.info(fmt::format("wrote {}", output.string()),
            {{"bytes", std::to_string(archive.manifest.plain_bytes)}});
}

void Restore::to_database(const StoredArchive& archive, const RestoreRequest& request) {
  RestoreRequest resolved = request;
  if (resolved.target_database.empty()) resolved.target_database = archive.backup.group;
  if (resolved.create) {
    to_created(archive, resolved);
  } else {
    to_existing(archive, resolved);
  }
  log_.info(fmt::format("restored {}", resolved.target_database),
            {{"id", archive.backup.id}, {"bytes", std::to_string(archive.manifest.plain_bytes)}});
}

void Restore::to_existing(const StoredArchive& archive, const RestoreRequest& request) {
  const ClientProgram pg_restore = [&] {
    PgConnection target(config_.pg.with_database(request.target_database), stop_);
    ClientProgram fitting = find_pg_restore(target.server_version(), archive.manifest);
    if (request.clean) {
      announce_clean(target, fitting, archive, request);
    } else {
      refuse_if_not_empty(target, request.target_database);
    }
    return fitting;
  }();
  feed(pg_restore, archive, request);
}

void Restore::to_created(const StoredArchive& archive, const RestoreRequest& request) {
  PgConnection maintenance = connect_maintenance(config_.pg, stop_);
  const ClientProgram pg_restore = find_pg_restore(maintenance.server_version(), archive.manifest);
  create_database(maintenance, request.target_database, archive.manifest.database);
  try {
    apply_settings(maintenance, request.target_database, archive.manifest.database);
    feed(pg_restore, archive, request);
  } catch (const Error&) {
    drop_created_database(config_.pg, request.target_database, log_);
    throw;
  }
}

void Restore::feed(const ClientProgram& pg_restore, const StoredArchive& archive,
                   const RestoreRequest& request) {
  std::vector<std::string> arguments = {"--format=custom", "--exit-on-error"};
  if (!request.no_single_transaction) arguments.emplace_back("--single-transaction");
  if (request.clean) arguments.insert(arguments.end(), {"--clean", "--if-exists"});
  ClientProcess client(pg_restore, std::move(arguments),
                       config_.pg.with_database(request.target_database),
                       restore_environment(environment_), stop_);
  // On any error the process is killed by its destructor before its stdin is closed: it never sees
  // an end that was not ours.
  RestoreSink sink(client.process(), !request.no_single_transaction);
  copy_archive(archive, sink, clock_, log_);
}

void Restore::announce_clean(PgConnection& target, const ClientProgram& pg_restore,
                             const StoredArchive& archive, const RestoreRequest& request) {
  const std::vector<std::string> remaining =
      tables_unknown_to(list_tables(target), table_of_contents(pg_restore, archive));
  if (!remaining.empty()) {
    log_.warn(fmt::format("{} holds tables that the backup does not know; they will remain: {}",
                          request.target_database, fmt::join(remaining, ", ")));
  }
  if (request.yes || !can_ask()) return;
  if (!ask_yes(fmt::format("Drop everything in {} that {} holds, and restore it?",
                           request.target_database, archive.backup.folder()),
               stop_)) {
    throw Error(ErrorKind::conflict, "not restored: the answer was no");
  }
}

std::string Restore::table_of_contents(const ClientProgram& pg_restore,
                                       const StoredArchive& archive) {
  Process process({.argv = {pg_restore.path.string(), "--list", "--format=custom"},
                   .environment = client_environment(environment_, false)},
                  stop_);
  ListSink sink(process);
  copy_archive_head(archive, sink, [&] { return !sink.is_open(); });
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

ClientProgram Restore::find_pg_restore(int server_version, const Manifest& manifest) {
  const std::vector<ClientProgram> clients =
      find_clients("pg_restore", config_.bindir, environment_, stop_);
  const ClientProgram& fitting = choose_client(clients, "pg_restore", server_version);
  if (major_version(fitting.version) >= major_version(manifest.client_version)) return fitting;
  // An archive can only be read by a pg_restore that is not older than the pg_dump that wrote it.
  return choose_client(clients, "pg_restore", manifest.client_version);
}

}  // namespace pgbackup
