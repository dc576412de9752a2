#include "prune/summary.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/service/metrics.h"

namespace pgbackup {
namespace {

/// Groups by name, while they are counted.
using Groups = std::map<Group, GroupSummary>;

void count_backup(const Step& step, GroupSummary& group) {
  const Backup& backup = *step.backup;
  ++group.backups;
  group.bytes += backup.bytes;
  const auto count = [&](size_t& what, bool is_it) { what += is_it ? 1 : 0; };
  count(group.damaged, step.reasons.has(Reason::damaged));
  count(group.backdated, step.reasons.has(Reason::backdated));
  count(group.held, backup.held);
  count(group.locked, step.reasons.has(Reason::locked));
  count(group.failed, backup.has_failed());
  const bool counts = !step.reasons.has(Reason::damaged) && !step.reasons.has(Reason::future) &&
                      !step.reasons.has(Reason::gone) && !backup.has_failed();
  if (const std::optional<Verification> found = backup.verification(); counts && found) {
    group.newest_verified = std::max(group.newest_verified.value_or(backup.time), backup.time);
    group.last_verified = std::max(group.last_verified.value_or(found->time), found->time);
  }
  if (!counts || (group.newest && *group.newest >= backup.time)) return;
  group.newest = backup.time;
  group.newest_bytes = backup.bytes;
  group.newest_id = backup.is_ours() ? backup.id : "";
}

void count_step(const Step& step, bool stays, GroupSummary& group) {
  if (step.write != nullptr) {
    if (!stays) --group.unfinished;  // all that were found are counted
  } else if (!stays) {
    return;
  } else if (step.backup->complete) {
    count_backup(step, group);
  } else {
    ++group.orphaned;
  }
}

Groups count_groups(const Plan& plan, bool is_dry_run) {
  Groups groups;
  for (const Write& entry : plan.listing->writes) ++groups[entry.backup.group].unfinished;
  for (const Backup* const backup : plan.in_progress) ++groups[backup->group].in_progress;
  for (const Step& step : plan.steps) {
    count_step(step, is_dry_run || step.action == Action::keep, groups[step.backup->group]);
  }
  for (const Objection& objection : plan.objections) {
    groups[objection.group].frozen_by.push_back(objection.guard);
  }
  return groups;
}

void count_wal(const Plan& plan, bool is_dry_run, PruneSummary& summary) {
  for (const ServerWalPlan& server : plan.wal) {
    summary.wal_objects += server.kept + (is_dry_run ? server.removed.size() : 0);
    summary.wal_bytes += server.kept_bytes + (is_dry_run ? server.removed_bytes : 0);
  }
}

}  // namespace

PruneSummary summarize(const Plan& plan, const std::optional<Outcome>& outcome) {
  PruneSummary summary{.listed = plan.now};
  for (auto& [name, group] : count_groups(plan, !outcome)) {
    summary.kept += group.backups;
    for (const Guard guard : std::set(group.frozen_by.begin(), group.frozen_by.end())) {
      ++summary.frozen[guard];
    }
    if (summary.groups.size() == kMostMetricGroups) {
      ++summary.unlisted;
      continue;
    }
    group.group = name;
    summary.groups.push_back(std::move(group));
  }
  count_wal(plan, !outcome, summary);
  if (!outcome) return summary;
  summary.removed = outcome->removed;
  summary.swept = outcome->swept;
  summary.wal_removed = outcome->wal_removed;
  summary.freed_bytes = outcome->freed_bytes;
  return summary;
}

void PruneSummaries::note(const std::string& destination, PruneSummary summary) {
  const std::lock_guard lock(mutex_);
  summaries_[destination] = std::move(summary);
}

PruneSummary PruneSummaries::of(const std::string& destination) const {
  const std::lock_guard lock(mutex_);
  const auto found = summaries_.find(destination);
  return found == summaries_.end() ? PruneSummary{} : found->second;
}

std::map<std::string, PruneSummary> PruneSummaries::all() const {
  const std::lock_guard lock(mutex_);
  return summaries_;
}

}  // namespace pgbackup
