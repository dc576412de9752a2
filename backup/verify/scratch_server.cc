#include "backup/verify/scratch_server.h"

#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <vector>

#include "backup/postgres/connection.h"
#include "common/base/error.h"
#include "common/catalog/manifest.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr int kScratchPort = 5432;  // a part of the name of the socket

constexpr const char* kScratchElsewhere =
    "install postgresql of that major version, or name a disposable server in VERIFY_URL";

/// Returns the directory of the programs of a server that can hold a dump of `version`.
fs::path find_server(int version, const VerifyMeans& means) {
  if (geteuid() == 0) {
    throw Error(ErrorKind::usage,
                "PostgreSQL does not run as root, so no server can be started here",
                "run pg-backup as another user, or name a disposable server in VERIFY_URL");
  }
  const std::vector<ClientProgram> found =
      find_clients("postgres", means.bindir, means.environment, means.stop);
  try {
    return choose_client(found, "postgres", version).path.parent_path();
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, fmt::format("no server can be started: {}", error.message()),
                kScratchElsewhere);
  }
}

/// Returns an environment in which messages are English, and which names no other server.
std::vector<std::string> server_environment(const Environment& environment) {
  std::vector<std::string> result = {"LC_ALL=C"};
  if (const auto path = environment.find("PATH"); path != environment.end()) {
    result.push_back("PATH=" + path->second);
  }
  return result;
}

/// Nothing here must survive, and little memory must do.
std::vector<std::string> server_settings(const fs::path& folder) {
  std::vector<std::string> arguments;
  for (const std::string& setting : {std::string("listen_addresses="),
                                     "unix_socket_directories=" + folder.string(),
                                     std::string("unix_socket_permissions=0700"),
                                     std::string("fsync=off"),
                                     std::string("full_page_writes=off"),
                                     std::string("synchronous_commit=off"),
                                     std::string("wal_level=minimal"),
                                     std::string("max_wal_senders=0"),
                                     std::string("min_wal_size=32MB"),
                                     std::string("max_wal_size=128MB"),
                                     std::string("max_connections=20"),
                                     std::string("shared_buffers=32MB"),
                                     std::string("maintenance_work_mem=64MB"),
                                     std::string("dynamic_shared_memory_type=mmap"),
                                     std::string("max_prepared_transactions=2"),
                                     std::string("autovacuum=off"),
                                     std::string("jit=off"),
                                     std::string("log_checkpoints=off"),
                                     std::string("log_min_messages=log"),
                                     std::string("log_min_error_statement=panic"),
                                     std::string("log_line_prefix="),
                                     std::string("lc_messages=C"),
                                     std::string("logging_collector=off"),
                                     std::string("log_destination=stderr")}) {
    arguments.insert(arguments.end(), {"-c", setting});
  }
  return arguments;
}

}  // namespace

ScratchServer::ScratchServer(const fs::path& directory, int server_version, uint64_t need_bytes,
                             const VerifyMeans& means)
    : means_(means), password_(random_hex(16)), folder_(directory, need_bytes, means.log) {
  const fs::path bindir = find_server(server_version, means);
  if ((folder_.path() / fmt::format(".s.PGSQL.{}", kScratchPort)).string().size() >=
      sizeof(sockaddr_un::sun_path)) {
    throw Error(ErrorKind::usage, "the path of VERIFY_DIR is too long for a Unix socket below it");
  }
  init(bindir);
  start(bindir);
}

void ScratchServer::init(const fs::path& bindir) {
  constexpr std::chrono::minutes kLimit{5};
  const Fd password = make_memory_file("password", password_ + "\n");
  Process initdb({.argv = {(bindir / "initdb").string(), "-D", (folder_.path() / "data").string(),
                           fmt::format("--username={}", kSuperuser),
                           fmt::format("--pwfile={}", child_fd_path(0)), "--auth=scram-sha-256",
                           "--encoding=UTF8", "--locale=C", "--wal-segsize=16", "--no-sync"},
                  .environment = server_environment(means_.environment),
                  .inherited_fds = {password.get()},
                  .limit = kLimit},
                 means_.stop);
  initdb.close_stdin();
  std::array<char, 4096> buffer{};
  while (initdb.read(buffer) > 0) continue;
  if (initdb.wait()) return;
  throw Error(ErrorKind::failed,
              fmt::format("initdb {}: {}", initdb.status_text(), initdb.errors()));
}

void ScratchServer::start(const fs::path& bindir) {
  std::vector<std::string> argv = {(bindir / "postgres").string(), "-D",
                                   (folder_.path() / "data").string(), "-p",
                                   std::to_string(kScratchPort)};
  for (std::string& argument : server_settings(folder_.path())) {
    argv.push_back(std::move(argument));
  }
  process_ = std::make_unique<Process>(
      ProcessSpec{.argv = std::move(argv), .environment = server_environment(means_.environment)},
      means_.stop);
  process_->close_stdin();
  if (process_->wait_for_error_line("LOG:  database system is ready to accept connections")) return;
  static_cast<void>(process_->wait());
  throw Error(ErrorKind::failed, fmt::format("the server for the restore {}: {}",
                                             process_->status_text(), process_->errors()));
}

PgConfig ScratchServer::config_of(const char* role) const {
  return {.host = folder_.path().string(),
          .port = kScratchPort,
          .port_is_set = true,
          .database = "postgres",
          .user = role,
          .password = Secret(password_),
          .passfile = {},
          .further = {{"sslmode", "disable"}, {"options", ""}}};
}

void ScratchServer::make_owner() {
  PgConnection server(superuser(), means_.stop);
  server.hide_statements();
  // The password is hexadecimal. To know it is no way to the superuser, who has the same: what the
  // role runs in the server does not learn it.
  server.query(fmt::format("CREATE ROLE {} LOGIN BYPASSRLS PASSWORD '{}'", kOwner, password_));
}

}  // namespace pgbackup
