// Which moments of a server can be restored: those from the end of a base backup on, as far as the
// stored write-ahead log goes on without a gap. Pure: stored_log.h reads a store.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/cluster_facts.h"
#include "common/catalog/stored_log.h"
#include "common/catalog/wal_listing.h"

namespace pgbackup {

/// A complete base backup.
struct BaseBackup {
  std::string id;
  std::string system_identifier;
  UtcTime finished{};
  ClusterFacts facts{};
};

/// Where a recovery from one base backup gets to along one timeline.
struct RecoveryRoute {
  std::vector<WayPart> way;  ///< from the backup's timeline to that one
  WalReach reach{};

  [[nodiscard]] Timeline timeline() const { return way.back().timeline; }
};

/// Returns the routes from `backup` by the log of its server, the preferred one first: that whose
/// newest WAL was stored last, and of equal ones that to the timeline with the highest number. A
/// number alone says little: a restore that was only tried out makes a new timeline, too, while the
/// server goes on along the old one. A timeline that branched off before the end of the backup is
/// left out; the backup's own is always there.
[[nodiscard]] std::vector<RecoveryRoute> find_routes(const BaseBackup& backup,
                                                     const StoredLog& log);

/// Returns the route from `backup` to `timeline`; nullopt where that does not go on from the end of
/// the backup.
[[nodiscard]] std::optional<RecoveryRoute> find_route_to(Timeline timeline,
                                                         const BaseBackup& backup,
                                                         const StoredLog& log);

/// Returns the first of find_routes().
[[nodiscard]] RecoveryRoute find_route(const BaseBackup& backup, const StoredLog& log);

/// A stretch of moments that can all be restored.
struct RecoveryWindow {
  std::string id;  ///< of the base backup that it begins with
  UtcTime from;    ///< when that backup ended
  UtcTime until;   ///< when the newest object of the log up to `end` was written
  Lsn begin;       ///< the end of that backup
  Lsn end;
  Timeline timeline = 0;  ///< of the byte before `end`
  /// What is missing behind `end`, up to the beginning of the next window.
  std::vector<WalGap> gaps{};
  /// When the next window begins. Between `until` and `next` nothing can be restored where there
  /// are gaps; unset: nor later.
  std::optional<UtcTime> next{};
};

/// A base backup that cannot be restored, since its own part of the log is not stored.
struct StrandedBase {
  std::string id;
  Timeline timeline = 0;
  Lsn missing;  ///< the first byte that is missing
  uint64_t segment_bytes = kDefaultSegmentBytes;
};

/// Returns the name of the segment without which `base` cannot be restored.
[[nodiscard]] std::string missing_segment(const StrandedBase& base);

struct Recovery {
  std::vector<RecoveryWindow> windows{};  ///< oldest first, at most kMostWindows
  std::vector<StrandedBase> stranded{};   ///< oldest first
};

/// Limits how many windows are found. Each costs a pass over the log for each timeline; there is
/// one unless something is missing.
inline constexpr size_t kMostWindows = 100;

/// Finds the windows of one server. `backups` are its base backups, in any order.
[[nodiscard]] Recovery find_recovery(std::span<const BaseBackup> backups, const StoredLog& log);

}  // namespace pgbackup
