#include "backup/verify/scratch_server.h"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "backup/postgres/connection.h"
#include "backup/verify/server_process.h"
#include "common/base/error.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

}  // namespace

ScratchServer::ScratchServer(const fs::path& directory, int server_version, uint64_t need_bytes,
                             const VerifyMeans& means)
    : means_(means), password_(random_hex(16)), folder_(directory, need_bytes, means.log) {
  const fs::path bindir = find_server(server_version, means).path.parent_path();
  require_short_socket(folder_.path());
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
  process_ = start_server(std::move(argv), means_);
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
