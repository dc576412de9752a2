// The verb check-backup: whether the newest base backup and the newest WAL in a store are as young
// as they should be. Asks the store, and the server where the age of the WAL says nothing.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backup/physical/wal_start.h"
#include "common/base/log.h"
#include "common/service/job.h"
#include "common/store/store.h"

namespace pgbackup {

struct FreshnessLimits {
  std::chrono::seconds base_backup{std::chrono::minutes(10080)};  ///< between two base backups
  std::chrono::seconds wal{300};  ///< from WAL's being written to its being stored
};

/// What the server says of itself.
struct AskedServer {
  std::string system_id;
  ServerPosition place{};
};

/// Judges a store in two sentences: on the base backups, and on the WAL. A base backup is too old
/// 5 minutes after the limit, WAL 2 minutes after its limit. `now` is by the clock that dates base
/// backups, which need not be that of this store. Reads what find_damage() reads. `ask`
/// is called once: of a server that answers, only the base backups count that lead to its timeline.
/// An idle server writes no WAL at all: where the newest WAL is older, all is well when the store
/// holds everything that the server has written. What `ask` throws is part of the sentence then,
/// and no matter where the WAL is young.
[[nodiscard]] std::vector<Health> check_freshness(Store& store, const FreshnessLimits& limits,
                                                  const std::function<AskedServer()>& ask,
                                                  UtcTime now, Log& log);

}  // namespace pgbackup
