// How the plan of the base backups and that of the write-ahead logs depend on each other. Pure:
// wal_evidence.h reads what is stored, execute.h deletes.
#pragma once

#include <chrono>
#include <vector>

#include "prune/plan.h"

namespace pgbackup {

/// Limits how long a server may write nothing until its timeline is taken to be given up.
inline constexpr std::chrono::days kLongestSilence{7};

/// Keeps the newest undamaged base backup of each server of which no base backup would stay,
/// although its log goes on after the oldest base backup of any server that stays: the rules count
/// the base backups of all servers together, and that server still runs.
void keep_last_of_servers(Plan& plan);

/// Keeps the newest undamaged base backup that leads to each timeline whose log goes on and to
/// which no base backup that stays would lead: after a recovery to an earlier moment, newer base
/// backups may be of the timeline that was left. The log of a timeline goes on when it was written
/// later than kLongestSilence before the oldest base backup of any server that stays. Keeps all
/// that may lead there when the way to the timeline is not known. Called after
/// keep_last_of_servers().
void keep_ways_to_timelines(Plan& plan);

/// Returns the base backups that cannot be restored, since their own part of the log is not stored.
/// They are damaged as those are that lack an object. Returns none where not all logs are known.
[[nodiscard]] std::vector<StrandedBase> stranded_bases(const Plan& plan);

/// Plans the logs as `plan` decides about the base backups. `spared` are the steps of `plan` that
/// were not carried out: their base backups may still be there, or be completed. The result points
/// into `plan`. Nothing goes while the group of the base backups is frozen, or there is an
/// obstacle.
[[nodiscard]] WalPlan plan_wal(const Plan& plan, const std::vector<const Step*>& spared = {});

/// Sets plan.wal, and finds which moments can be restored by the base backups that stay. Called
/// after the guards.
void settle_wal(Plan& plan);

}  // namespace pgbackup
