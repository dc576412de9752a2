// What a run will do, decided before anything is touched: the policy's verdict for every backup,
// and which leftovers are swept. Pure: the same listing, rules and time give the same plan.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/catalog.h"
#include "common/store/store.h"
#include "prune/policy.h"

namespace pgbackup {

enum class Action {
  keep,
  remove,  ///< a complete backup: manifest first, then its data
  sweep,   ///< a folder without a manifest, or an unfinished write
};

/// `keep`, `remove`, `sweep`
[[nodiscard]] std::string_view action_name(Action action);

struct Step {
  Action action = Action::keep;
  Backup backup;  ///< of an unfinished write: group, id, time and newest only
  std::vector<std::string> reasons;
  std::optional<UnfinishedWrite> write = std::nullopt;  ///< swept instead of a folder
};

struct Rules {
  Retention retention;
  std::chrono::seconds sweep_after{0};  ///< SWEEP_AFTER
};

struct Plan {
  UtcTime now;              ///< what ages were measured by
  std::vector<Step> steps;  ///< by group, then oldest first
  /// Folders without a manifest that their writer may still complete: left alone.
  std::vector<Backup> in_progress;
};

/// How long a writer may be silent between its last object and the manifest. Between the two lie
/// a HEAD per object and one PUT, each repeated for 15 minutes at most unless set otherwise.
inline constexpr std::chrono::hours kWriterPause{1};

/// `catalog` as from read_catalog(). `writes` must have been listed before it: a write that ends
/// between the two listings is then seen twice rather than not at all. Those whose key is not ours
/// are ignored.
[[nodiscard]] Plan make_plan(std::vector<Backup> catalog,
                             const std::vector<UnfinishedWrite>& writes, const Rules& rules,
                             UtcTime now);

}  // namespace pgbackup
