// What a run will do, decided before anything is changed: the verdict of the policy for every
// backup, and which orphaned objects are swept. Pure: the same listing, rules and time give the
// same plan. Asks no store: catalog.h lists, execute.h deletes.
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
#include "prune/wal_plan.h"

namespace pgbackup {

enum class Action {
  keep,
  remove,  ///< deletes a complete backup: first its manifest or checksum, then its data
  sweep,   ///< deletes a backup without a manifest, or an unfinished write
};

/// Returns `keep`, `remove` or `sweep`, for JSON.
[[nodiscard]] std::string_view action_name(Action action);
/// Returns `keep`, `delete` or `sweep`, for people.
[[nodiscard]] std::string_view action_title(Action action);

/// Decides about one backup or unfinished write. Small, since there may be millions.
struct Step {
  Action action = Action::keep;
  Reasons reasons;                         ///< none for a deletion
  const Backup* backup = nullptr;          ///< for a write only group, id, time and newest are set
  const UnfinishedWrite* write = nullptr;  ///< swept instead of `backup`; may be null
  std::optional<UtcTime> locked_until = std::nullopt;  ///< set with Reason::locked
};

struct Rules {
  Retention retention;
  std::chrono::seconds sweep_after{0};  ///< SWEEP_AFTER
  GuardRules guards{};
};

/// Names a group that is frozen because a guard says that deleting would hurt.
struct Objection {
  Group group;
  Guard guard;
  std::string sentence;
};

/// Holds an unfinished write, and the backup that it would have become part of. That of a
/// write-ahead log has the group of the base backups, and the name of its file as its id.
struct Write {
  UnfinishedWrite write;
  Backup backup;
};

/// Owns what the steps of a plan point into.
struct PlanInput {
  std::vector<Backup> backups;  ///< by group, then oldest first
  std::deque<Write> writes;
};

/// A base backup whose manifest was read.
struct PlannedBase {
  BaseBackup base;
  size_t step = 0;  ///< index in the plan
  bool is_damaged = false;
};

/// Owns what the plan of the write-ahead logs is made from and points into.
struct WalInput {
  StoredLogs logs{};
  std::vector<PlannedBase> bases{};       ///< all complete ones that could be read, oldest first
  std::vector<std::string> unreadable{};  ///< manifests of base backups, with the reason
  std::string obstacle{};  ///< why nothing of the logs may be deleted, as a clause; may be empty
};

struct Plan {
  UtcTime now;  ///< ages are measured from here
  Rules rules;
  std::unique_ptr<const PlanInput> listing;
  std::vector<Step> steps{};  ///< by group, then oldest first
  /// Lists the backups without a manifest that their writer may still complete; they are left
  /// alone.
  std::vector<const Backup*> in_progress{};
  std::vector<Objection> objections{};          ///< by group
  std::unique_ptr<const WalInput> wal_input{};  ///< null where no base backup and no log is stored
  WalPlan wal{};
};

/// Limits how long a writer may be silent between its last object and the manifest. Between the two
/// lie a HEAD per object and one PUT, each repeated for 15 minutes at most unless set otherwise.
inline constexpr std::chrono::hours kWriterPause{1};

/// Makes the plan for `catalog`, as read_catalog() returns it. `writes` must have been listed
/// before `catalog`: a write that ends between the two listings is then seen twice rather than not
/// at all. Ignores writes whose key is not ours.
[[nodiscard]] Plan make_plan(std::vector<Backup> catalog,
                             const std::vector<UnfinishedWrite>& writes, const Rules& rules,
                             UtcTime now);

/// Returns the objections because of which `group` is frozen. The result points into `plan`.
[[nodiscard]] std::span<const Objection> objections_to(const Plan& plan, const Group& group);

/// Returns the steps of each group in turn. The result points into `steps`.
[[nodiscard]] std::vector<std::span<Step>> groups_of(std::span<Step> steps);
[[nodiscard]] std::vector<std::span<const Step>> groups_of(std::span<const Step> steps);

}  // namespace pgbackup
