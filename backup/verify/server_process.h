// The programs of a PostgreSQL server on this machine, and a server that runs as our child: on a
// Unix socket alone, without fsync, with little memory, and gone with us. What its data is, is
// decided by scratch_server.h and restored_server.h.
// https://www.postgresql.org/docs/current/app-postgres.html
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "backup/postgres/client_program.h"
#include "backup/verify/read_check.h"
#include "common/base/process.h"

namespace pgbackup {

/// Is the port of our servers: a part of the name of the socket.
inline constexpr int kScratchPort = 5432;

/// Returns the newest `postgres` of the major version of `version`, else of the next major version
/// that is here. Throws `usage` as root, as which no server runs, and where there is none.
[[nodiscard]] ClientProgram find_server(int version, const VerifyMeans& means);

/// Returns an environment in which messages are English, and which names no other server.
[[nodiscard]] std::vector<std::string> server_environment(const Environment& environment);

/// Returns `-c NAME=VALUE` for each setting that all our servers have, with the socket in `folder`.
[[nodiscard]] std::vector<std::string> server_settings(const std::filesystem::path& folder);

/// Throws `usage` where the socket of a server in `folder` would have too long a path.
void require_short_socket(const std::filesystem::path& folder);

/// Starts a server by `argv`, and waits until it accepts connections. Throws `failed` with its own
/// words.
[[nodiscard]] std::unique_ptr<Process> start_server(std::vector<std::string> argv,
                                                    const VerifyMeans& means);

/// Returns what a server says of its end, without the lines of its log that only tell of its way.
[[nodiscard]] std::string complaints_of(const std::string& errors);

}  // namespace pgbackup
