// Where the settings of the connection to PostgreSQL come from besides their own options: a URL,
// and files that are mounted as secrets. Both may be rotated while the daemon runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/config.h"
#include "common/base/options.h"

namespace pgbackup {

/// Returns whether the option `name` has its value from `source`, as in Setting.
[[nodiscard]] bool is_from(const ParsedOptions& parsed, std::string_view name,
                           std::string_view source);

/// Applies what is weaker than settings and variables of libpq: a URL, and a password file that is
/// mounted as a secret. Every user can read such a mount, which is why libpq would not. Adds notes
/// and problems to `parsed`.
void check_connection(BackupConfig& config, ParsedOptions& parsed, const Environment& environment);

/// Returns the rows that name another server for restores, or another role.
[[nodiscard]] std::vector<Option> target_options(BackupConfig& config);

/// Completes the connection of restores, after check_connection(): nothing of TARGET_* is that of
/// the databases that are backed up. With TARGET_HOST or TARGET_URL nothing comes from there, so
/// that no password goes to another server.
void check_target(BackupConfig& config, ParsedOptions& parsed);

/// Reads again what may have been rotated since (reread_secrets()), and updates what follows from
/// it. Returns a sentence for each value that had to be kept.
[[nodiscard]] std::vector<std::string> reread_backup_secrets(BackupConfig& config,
                                                             const CommandLine& command,
                                                             const ParsedOptions& parsed,
                                                             const Environment& environment);

}  // namespace pgbackup
