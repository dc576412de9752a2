// Everything that a store holds of the write-ahead log of a server: what a listing shows, and where
// its timelines branched off.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/catalog/wal_listing.h"

namespace pgbackup {

struct StoredLog {
  ServerWal wal{};
  std::map<Timeline, std::vector<TimelineSwitch>> histories{};  ///< those that can be read
};

/// What is stored of all servers, by system identifier.
using StoredLogs = std::map<std::string, StoredLog>;

/// Limits how many history files of a server are read: those of its newest timelines. Each of them
/// tells the whole way there.
inline constexpr size_t kMostHistories = 100;
/// Limits the size of a history file: enough for more than a thousand timelines.
inline constexpr size_t kMaxHistoryBytes = size_t{64} << 10U;

/// Lists the write-ahead log of one server, or of all where `system_id` is empty, and reads the
/// history files. Logs which of these cannot be read or are damaged. Throws as list_wal() does.
[[nodiscard]] StoredLogs read_stored_logs(Store& store, std::string_view system_id, Log& log,
                                          FoldedPieces folded = FoldedPieces::left_out);

}  // namespace pgbackup
