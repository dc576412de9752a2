// What the versions of the clients, of the dumped server and of the target mean for a backup or a
// restore: which fixes of PostgreSQL are missing, and what may not load where. Decides only; asks
// nobody. Sources: the release notes of PostgreSQL, https://www.postgresql.org/docs/release/ Every
// version has the form of server_version_num (150018); 0 stands for one that is not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgbackup {

/// Returns whether psql can refuse backslash commands (\restrict: 13.22, 14.19, 15.14, 16.10, 17.6,
/// 18).
[[nodiscard]] bool knows_restrict(int psql_version);

/// Throws `failed` naming the version that is needed when psql cannot be restricted.
void require_restricted_psql(int psql_version);

/// Returns sentences for the log and the manifest. `client` is `pg_dump` or `pg_dumpall`.
[[nodiscard]] std::vector<std::string> backup_advice(std::string_view client, int client_version,
                                                     int server_version);

/// Names the column option that servers since the releases of November 2026 keep to themselves.
inline constexpr std::string_view kHiddenOption = "pg_attver";
/// Returns what a manifest says of a dump by `client_version` that holds kHiddenOption.
[[nodiscard]] std::string hidden_option_advice(int client_version);

/// Returns whether a snapshot that a standby of this version exports can be relied on.
[[nodiscard]] bool exports_from_standby(int server_version);

/// Holds the versions of what takes part in a restore.
struct RestoreVersions {
  int client = 0;       ///< psql or pg_restore
  int dumped = 0;       ///< the server that was dumped
  int target = 0;       ///< the server that the restore goes to
  bool is_sql = false;  ///< plain SQL, for psql
  bool is_superuser = false;
};

/// Returns sentences for the log, before the restore.
[[nodiscard]] std::vector<std::string> restore_advice(const RestoreVersions& versions);

/// Returns the hint after a failure that the target is of an older major version, naming both; ""
/// when the target is not older.
[[nodiscard]] std::string older_target_hint(const RestoreVersions& versions);

/// Returns the settings that pg_dump or pg_restore of some version set at the start of their SQL
/// and that a server of `target_version` does not know.
[[nodiscard]] std::vector<std::string_view> unknown_settings(int target_version);

/// Returns whether pg_restore of `client_version` sets one of unknown_settings(), so that it cannot
/// restore there itself.
[[nodiscard]] bool sets_unknown(int client_version, int target_version);

}  // namespace pgbackup
