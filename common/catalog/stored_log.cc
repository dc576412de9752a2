#include "common/catalog/stored_log.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"

namespace pgbackup {
namespace {

/// Adds one history to `log`. Throws `canceled`, and `transient` when the store does not answer.
void read_history(Store& store, Timeline timeline, StoredLog& stored, Log& log) {
  const std::string& key = stored.wal.histories.at(timeline).key;
  try {
    stored.histories.emplace(timeline,
                             parse_history(read_small_object(store, key, kMaxHistoryBytes)));
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    log.warn("the history of a timeline is passed over",
             {{"timeline", timeline}, {"object", store.location(key)}, {"cause", error.message()}});
  }
}

}  // namespace

StoredLogs read_stored_logs(Store& store, std::string_view system_id, Log& log,
                            FoldedPieces folded) {
  StoredLogs logs;
  for (auto& [id, wal] : list_wal(store, system_id, folded)) {
    StoredLog& stored = logs[id];
    stored.wal = std::move(wal);
    size_t read = 0;
    const auto& histories = stored.wal.histories;
    for (auto at = histories.rbegin(); at != histories.rend() && read < kMostHistories; ++at) {
      read_history(store, at->first, stored, log);
      ++read;
    }
  }
  return logs;
}

}  // namespace pgbackup
