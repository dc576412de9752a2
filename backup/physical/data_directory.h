// What the data directory of a server tells whoever archives and restores its write-ahead log. The
// server runs both commands in that directory.
// https://www.postgresql.org/docs/current/storage-file-layout.html
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace pgbackup {

/// Returns the data directory that `path`, a file in pg_wal, belongs to: the one above pg_wal, or
/// else the current directory. Returns nullopt where neither has a global/pg_control.
[[nodiscard]] std::optional<std::filesystem::path> find_data_directory(
    const std::filesystem::path& path);

/// Returns the system identifier by the global/pg_control of a data directory. Throws `corrupt` for
/// a file that is not one of PostgreSQL 13 or later on a little-endian machine.
[[nodiscard]] std::string read_system_id(const std::filesystem::path& data_directory);

/// Returns the system identifier of the server that `path`, a file in pg_wal, belongs to. Throws
/// `usage` where no data directory is found, and what read_system_id() throws.
[[nodiscard]] std::string system_id_near(const std::filesystem::path& path);

/// Returns whether the server of this directory is a standby, which waits for more of the log.
[[nodiscard]] bool is_standby(const std::filesystem::path& data_directory);

}  // namespace pgbackup
