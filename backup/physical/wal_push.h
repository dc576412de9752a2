// What archive_command calls: stores one file of the write-ahead log in every destination.
// https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-ARCHIVING-WAL
#pragma once

#include <filesystem>
#include <string>

#include "common/base/log.h"
#include "common/codec/packing.h"
#include "common/store/destinations.h"

namespace pgbackup {

struct WalPush {
  std::filesystem::path path{};  ///< the file, under PostgreSQL's name for it
  std::string system_id{};  ///< empty: that of the file's first page, else of the data directory
  Packing packing{};
  PackingEffort effort{};
};

/// Returns when every destination holds the file, perhaps since earlier. Throws `usage` for a name
/// that no server archives and where the system identifier is not to be found, and else one error
/// that says which destinations failed. `conflict` means that another file is stored under the
/// name.
/// A stored one that is damaged is logged, and the file stored beside it.
void push_wal(const WalPush& push, const Destinations& destinations, Log& log);

}  // namespace pgbackup
