// The stock client programs: which pg_dump or pg_restore fits a server, and how one is started so
// that the password is neither in its arguments nor in its environment nor on a disk. Knows no
// options of the programs: backup/dump and backup/restore do.
// https://www.postgresql.org/docs/current/app-pgdump.html
#pragma once

#include <chrono>
#include <filesystem>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/connection.h"
#include "common/base/options.h"
#include "common/base/process.h"

namespace pgbackup {

struct ClientProgram {
  std::filesystem::path path;
  int version = 0;  ///< as server_version_num
};

/// Returns the client to use with a server of `server_version`: one of the same major version, or
/// of the next newer one; within a major version the newest release, and among equals the first.
/// Throws `failed` naming both versions when all are older, or saying that there is none.
[[nodiscard]] const ClientProgram& choose_client(std::span<const ClientProgram> found,
                                                 std::string_view name, int server_version);

/// Returns every `name` (`pg_dump`) that can be started, in the order of search: `bindir` where
/// set, /usr/lib/postgresql/*/bin, PATH. Runs each with --version, for 10 s at most.
[[nodiscard]] std::vector<ClientProgram> find_clients(std::string_view name,
                                                      const std::filesystem::path& bindir,
                                                      const Environment& environment,
                                                      const std::stop_token& stop);

/// Returns the version in `pg_dump (PostgreSQL) 15.18 (Debian ...)` as 150018, or 0 for anything
/// else.
[[nodiscard]] int parse_client_version(std::string_view text);

/// Returns `host='db' port='5432' ...` with values quoted and without the password.
[[nodiscard]] std::string connection_string(const PgConfig& config);

/// Returns the environment of a client: `environment`, which is without our secrets, without the
/// store's variables, and with PGPASSFILE where there is a password. Each host may take
/// `connect_limit` to answer, unless the user has set another limit.
[[nodiscard]] std::vector<std::string> client_environment(
    const Environment& environment, bool has_password,
    std::chrono::seconds connect_limit = place_limit(1));

/// Tells what to do about a client that ended by SIGKILL.
inline constexpr const char* kKilledHint =
    "the kernel kills processes that exceed a memory limit: raise the limit of the container, or "
    "give the machine more memory";

/// Returns the path by which a client opens further_fds[index] of ClientCommand.
[[nodiscard]] inline std::string further_fd_path(size_t index) { return child_fd_path(1 + index); }

struct ClientCommand {
  const ClientProgram& program;
  std::vector<std::string> arguments;  ///< without those of the connection
  std::chrono::seconds limit{0};       ///< run time, from start to end; 0: unlimited
  std::vector<int> further_fds{};      ///< what the client opens by further_fd_path(); -1: none
};

/// Runs a client connected as `config` says. `environment` is without our secrets. The password is
/// in a file in memory, which whatever the client starts inherits as well. The file is emptied once
/// the client has connected, which a client does once.
class ClientProcess {
 public:
  ClientProcess(ClientCommand command, const PgConfig& config, const Environment& environment,
                const std::stop_token& stop);
  [[nodiscard]] Process& process() { return process_; }
  /// Reads as Process::read() does. A client that writes has connected, so the password is
  /// forgotten.
  size_t read(std::span<char> buffer);
  /// Empties the password file, so that nothing that the client starts can read the password any
  /// more. To be called after the client has connected.
  void forget_password();

 private:
  Fd passfile_;
  Process process_;
};

}  // namespace pgbackup
