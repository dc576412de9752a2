// Whether a server is ready for backups: what the role in use cannot read, and what replication
// needs. Reads facts by I/O functions and judges them by pure ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backup/postgres/connection.h"
#include "backup/postgres/replication.h"

namespace pgbackup {

/// Says what is wrong, and what to do.
struct Concern {
  std::string sentence;  ///< without a period
  std::string advice{};  ///< perhaps statements of SQL, one a line
  bool is_fatal = true;  ///< a backup would fail of it
};

/// Names some of many, for a message.
struct NameList {
  size_t count = 0;
  std::vector<std::string> first{};  ///< at most kMostNames, in their order
};
inline constexpr size_t kMostNames = 3;

/// Holds what a role cannot read of the database that it is connected to.
struct AccessGaps {
  int server_version = 0;
  std::string role{};      ///< quoted for SQL
  std::string database{};  ///< quoted for SQL
  NameList schemas{};      ///< without USAGE, quoted for SQL
  NameList tables{};       ///< tables and sequences without SELECT: `public.orders`
  std::vector<std::string> schemas_of_tables{};  ///< of all `tables`, quoted for SQL
  NameList filtered{};         ///< tables of which row-level security would hide rows
  uint64_t large_objects = 0;  ///< that cannot be read
};

/// Asks about all that pg_dump reads: not about system catalogs and members of extensions, but
/// about their configuration tables.
[[nodiscard]] AccessGaps read_access_gaps(PgConnection& connection);

/// Returns one sentence for each kind of gap, with the statements that close it.
[[nodiscard]] std::vector<Concern> judge_access(const AccessGaps& gaps);

/// Returns the bytes that the connected database has on disk, with indexes: more than its dump.
[[nodiscard]] uint64_t read_database_bytes(PgConnection& connection);

/// Holds the settings of a server that replication depends on.
struct ReplicationSettings {
  std::string wal_level{};
  std::string max_wal_senders{};
  std::string max_replication_slots{};
  std::string max_slot_wal_keep_size{};
  bool has_slot = false;      ///< the slot of WAL_SLOT is there
  bool has_lost_wal = false;  ///< the slot keeps none of the WAL any more
};

/// `slot` names the slot that WAL is streamed from; empty: none is needed.
[[nodiscard]] ReplicationSettings read_replication_settings(ReplicationConnection& server,
                                                            const std::string& slot);

/// `slots` is how many slots are needed; 0: WAL is not streamed.
[[nodiscard]] std::vector<Concern> judge_replication(const ReplicationSettings& settings,
                                                     int slots);

}  // namespace pgbackup
