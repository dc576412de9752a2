#include "backup/physical/physical_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/catalog/wal.h"

namespace pgbackup {
namespace {

// The limits of MAX_RATE in the server, in bytes per second.
// https://www.postgresql.org/docs/current/protocol-replication.html
constexpr uint64_t kKibi = 1024;
constexpr uint64_t kLeastRate = 32 * kKibi;
constexpr uint64_t kMostRate = 1048576 * kKibi;

/// The most characters of a slot's name, less those that a destination's name adds.
constexpr size_t kMostSlotCharacters = 63 - 4;

bool is_slot_name(const std::string& name) {
  return !name.empty() && name.size() <= kMostSlotCharacters &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

}  // namespace

std::vector<Option> base_backup_rows(PhysicalOptions& options) {
  return {
      {.name = "BASE_BACKUP_CHECKPOINT",
       .value = choice(&options.checkpoint, {"fast", "spread"}),
       .help = "How the server makes the checkpoint that a base backup begins with: at once, or "
               "spread over the time of a regular one."},
      {.name = "BASE_BACKUP_MAX_RATE",
       .value = Bytes{&options.max_rate, 0, kMostRate},
       .help = "The most bytes per second that the server sends of a base backup, at least 32KiB; "
               "0 is without a limit."},
      {.name = "WAL_STREAM",
       .value = &options.wal_stream,
       .help = "Whether WAL is streamed into the store: by `serve` all the time, by `now` for the "
               "time of the base backup. false: the server's archive_command stores it."},
  };
}

std::vector<Option> wal_stream_rows(PhysicalOptions& options) {
  return {
      {.name = "WAL_SLOT",
       .value = &options.slot,
       .help = "The replication slot, which is made when it is missing. With two destinations each "
               "has one of its own: its name is appended."},
      {.name = "WAL_FLUSH_INTERVAL",
       .value = Duration{&options.flush_interval, std::chrono::seconds(1)},
       .help = "How often the newest WAL is stored before its segment is complete, if there is "
               "any."},
      {.name = "WAL_SYNC",
       .value = &options.is_synchronous,
       .help = "Whether WAL is stored as soon as it comes, so that the daemon can stand in "
               "synchronous_standby_names: a commit that has returned is in the store."},
  };
}

std::vector<Option> freshness_rows(PhysicalOptions& options) {
  return {
      {.name = "BASE_BACKUP_INTERVAL_MINUTES",
       .value = Number{&options.base_backup_minutes, 1, 5256000},
       .help = "check-backup: the longest time between two base backups; 5 minutes more are "
               "allowed."},
      {.name = "CHECKPOINT_TIMEOUT_SECONDS",
       .value = Number{&options.checkpoint_seconds, 1, 86400},
       .help = "check-backup: how old the newest WAL may be before the server is asked whether it "
               "has written more; 2 minutes more are allowed."},
  };
}

std::vector<Option> wal_file_rows(WalFileOptions& options) {
  return {
      {.name = "--system-id",
       .value = &options.system_id,
       .help = "wal-push, wal-fetch: the system identifier of the server (default: that of the "
               "data directory which the server runs the command in)"},
  };
}

void check_wal_file_options(const WalFileOptions& options, std::vector<std::string>& problems) {
  if (options.system_id.empty() || is_system_id(options.system_id)) return;
  problems.push_back(
      fmt::format("--system-id: '{}' is not the system identifier of a server, which is a number: "
                  "pg_controldata shows it",
                  options.system_id));
}

void check_physical_options(const PhysicalOptions& options, std::vector<std::string>& problems) {
  if (!is_slot_name(options.slot)) {
    problems.push_back(
        fmt::format("WAL_SLOT: '{}' is not a name of a replication slot: lowercase letters, digits "
                    "and underscores, at most {}",
                    options.slot, kMostSlotCharacters));
  }
  if (options.max_rate != 0 && options.max_rate < kLeastRate) {
    problems.emplace_back("BASE_BACKUP_MAX_RATE: the server takes no less than 32KiB per second");
  }
  if (options.is_synchronous && !options.wal_stream) {
    problems.emplace_back(
        "WAL_SYNC has no effect with WAL_STREAM=false: an archive_command stores WAL after the "
        "commit; leave one of them out");
  }
}

}  // namespace pgbackup
