// The settings of physical backups: rows of the option table, and what needs more than one row.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "backup/physical/check_backup.h"
#include "backup/postgres/replication_protocol.h"
#include "common/base/options.h"

namespace pgbackup {

struct PhysicalOptions {
  CheckpointPace checkpoint = CheckpointPace::fast;
  uint64_t max_rate = 0;  ///< bytes per second; 0 is without a limit
  bool wal_stream = true;
  std::string slot = "pg_backup";
  std::chrono::seconds flush_interval{10};
  bool is_synchronous = false;
  int base_backup_minutes = 10080;  ///< check-backup: the longest time between two base backups
  int checkpoint_seconds = 300;     ///< check-backup: the server's checkpoint_timeout

  [[nodiscard]] FreshnessLimits freshness() const {
    return {.base_backup = std::chrono::minutes(base_backup_minutes),
            .wal = std::chrono::seconds(checkpoint_seconds)};
  }
};

/// Holds the flags of wal-push and wal-fetch.
struct WalFileOptions {
  std::string system_id;  ///< empty: that of the data directory
};

inline constexpr std::string_view kWalPush = "wal-push";
inline constexpr std::string_view kWalFetch = "wal-fetch";
inline constexpr std::string_view kCheckBackup = "check-backup";

/// Returns rows for base backups. The rows point into `options`, which must outlive them.
[[nodiscard]] std::vector<Option> base_backup_rows(PhysicalOptions& options);
/// Returns rows for the streaming of WAL by the daemon, likewise.
[[nodiscard]] std::vector<Option> wal_stream_rows(PhysicalOptions& options);
/// Returns rows for the verb check-backup, likewise.
[[nodiscard]] std::vector<Option> freshness_rows(PhysicalOptions& options);

/// Returns rows for the verbs wal-push and wal-fetch, likewise.
[[nodiscard]] std::vector<Option> wal_file_rows(WalFileOptions& options);
/// Appends one sentence to `problems` for each mistake.
void check_wal_file_options(const WalFileOptions& options, std::vector<std::string>& problems);

/// Appends what is wrong after parsing, one sentence each.
void check_physical_options(const PhysicalOptions& options, std::vector<std::string>& problems);

}  // namespace pgbackup
