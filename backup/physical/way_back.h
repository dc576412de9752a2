// Whether what a server writes now can be restored: which base backup in a store leads to the
// timeline of the server.
#pragma once

#include <optional>
#include <string>

#include "backup/physical/base_backups.h"
#include "common/base/log.h"
#include "common/base/utc_time.h"
#include "common/catalog/recovery_window.h"
#include "common/store/store.h"

namespace pgbackup {

/// Where a server goes on.
struct ServerPlace {
  std::string system_id;
  Timeline timeline = 0;
  Lsn position;
};

/// Holds what a store has of base backups, for one server.
struct WayBack {
  std::optional<FoundBase> newest{};     ///< of any server
  std::optional<FoundBase> own{};        ///< the newest of this server
  std::optional<FoundBase> base{};       ///< the one that leads to the server's timeline
  std::optional<RecoveryRoute> route{};  ///< from `base` to that timeline
};

/// Finds the newest undamaged base backup from which the WAL in `stored` leads to `place` without a
/// gap, or, where there is none, the newest that leads to the timeline at all. `stored` is the log
/// of the server, and holds the history of its timeline. Each base backup that is looked at costs a
/// request; the newest one is enough as a rule. Throws what read_base_backups() throws.
[[nodiscard]] WayBack find_way_back(Store& store, const ServerPlace& place, const StoredLog& stored,
                                    UtcTime now, Log& log);

/// Returns why `base`, which was found in the store, cannot be restored, as far as a listing of its
/// objects, and the first and the last segment of the WAL that it needs tell; an empty string when
/// nothing is known to be wrong. Of a segment that is encrypted no more is known than that it is
/// there.
[[nodiscard]] std::string find_damage(Store& store, const FoundBase& base);

/// Returns why no base backup leads to the timeline of `place`, as a clause.
[[nodiscard]] std::string describe_lost_way(const WayBack& way, const ServerPlace& place);

}  // namespace pgbackup
