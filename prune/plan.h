// What a run will do, decided before anything is touched: the policy's verdict for every backup,
// and which leftovers are swept. Pure: the same listing, rules and time give the same plan.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/catalog.h"
#include "common/store/store.h"
#include "prune/guard.h"
#include "prune/policy.h"

namespace pgbackup {

enum class Action {
  keep,
  remove,  ///< a complete backup: what makes it one first, then its data
  sweep,   ///< a folder without a manifest, or an unfinished write
};

/// `keep`, `remove`, `sweep`
[[nodiscard]] std::string_view action_name(Action action);

/// Small, since there may be millions.
struct Step {
  Action action = Action::keep;
  Reasons reasons;                         ///< of a removal none
  const Backup* backup = nullptr;          ///< of an unfinished write: group, id, time and newest
  const UnfinishedWrite* write = nullptr;  ///< swept instead of a folder
  std::optional<UtcTime> locked_until = std::nullopt;  ///< with Reason::locked
};

struct Rules {
  Retention retention;
  std::chrono::seconds sweep_after{0};  ///< SWEEP_AFTER
  GuardRules guards{};
};

/// A group in which nothing is touched because a guard says that it would hurt.
struct Objection {
  std::string group;
  std::string sentence;
};

/// An unfinished write, and the backup that it would have become part of.
struct Write {
  UnfinishedWrite write;
  Backup backup;
};

/// What the steps of a plan point into.
struct PlanInput {
  std::vector<Backup> backups;  ///< by group, then oldest first
  std::deque<Write> writes;
};

struct Plan {
  UtcTime now;  ///< what ages were measured by
  Rules rules;
  std::unique_ptr<const PlanInput> listing;
  std::vector<Step> steps{};  ///< by group, then oldest first
  /// Folders without a manifest that their writer may still complete: left alone.
  std::vector<const Backup*> in_progress{};
  std::vector<Objection> objections{};  ///< by group
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

/// Why nothing of this group is touched.
[[nodiscard]] std::span<const Objection> objections_to(const Plan& plan, const std::string& group);

/// The steps of each group in turn.
[[nodiscard]] std::vector<std::span<Step>> groups_of(std::span<Step> steps);
[[nodiscard]] std::vector<std::span<const Step>> groups_of(std::span<const Step> steps);

}  // namespace pgbackup
