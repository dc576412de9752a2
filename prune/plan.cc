#include "prune/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <tuple>
#include <utility>

#include "common/base/units.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

/// When the last part of an unfinished write arrived, by its folder.
using Activity = std::map<std::pair<std::string, std::string>, UtcTime>;

/// Would the policy remove `folder` at once if its manifest existed?
bool is_out_anyway(const Backup& folder, std::vector<const Backup*> complete, const Rules& rules,
                   UtcTime now) {
  const auto place = std::find_if(complete.begin(), complete.end(),
                                  [&](const Backup* other) { return folder.id < other->id; });
  const auto index = static_cast<size_t>(place - complete.begin());
  complete.insert(place, &folder);
  return !apply_policy(complete, rules.retention, now)[index].keep;
}

/// A folder without a manifest belongs to a writer that still runs, to one that died, or to a
/// pruner that died after it had removed the manifest. They look alike but for their age.
///
///  - Silent for SWEEP_AFTER: no writer pauses for so long. Objects that lie there and parts of
///    writes that are not yet objects both count as signs of life, so that a long upload is never
///    swept from under its writer.
///  - What a dead pruner left would wait for that in vain reach when the maximal age is shorter.
///    So a folder that the policy would remove even if it were complete goes after an hour of
///    silence. That is safe: a backup completed now would be removed by the next run, and the hour
///    keeps us out of the moment between a writer's last object and its manifest. (Some stores date
///    an object by the begin of its upload; but to be out anyway there must also be enough newer
///    complete backups, which one daemon, whose runs never overlap, cannot have made.)
std::vector<std::string> reasons_to_sweep(const Backup& folder, UtcTime newest,
                                          const std::vector<const Backup*>& complete,
                                          const Rules& rules, UtcTime now) {
  const auto silence = now - newest;
  if (silence >= rules.sweep_after) {
    return {
        fmt::format("no manifest, and nothing written for {}", format_duration(rules.sweep_after))};
  }
  if (silence >= kWriterPause && is_out_anyway(folder, complete, rules, now)) {
    return {fmt::format("no manifest, nothing written for {}, and too old to be kept",
                        format_duration(kWriterPause))};
  }
  return {};
}

void plan_group(std::span<Backup> group, const Activity& activity, const Rules& rules, Plan& plan) {
  std::vector<const Backup*> complete;
  for (const Backup& backup : group) {
    if (backup.complete) complete.push_back(&backup);
  }
  std::vector<Verdict> verdicts = apply_policy(complete, rules.retention, plan.now);
  for (Backup& folder : group) {
    if (folder.complete) continue;
    const auto write = activity.find({folder.group, folder.id});
    const UtcTime newest =
        write == activity.end() ? folder.newest : std::max(folder.newest, write->second);
    std::vector<std::string> reasons = reasons_to_sweep(folder, newest, complete, rules, plan.now);
    if (reasons.empty()) {
      plan.in_progress.push_back(std::move(folder));
    } else {
      plan.steps.push_back({Action::sweep, std::move(folder), std::move(reasons)});
    }
  }
  size_t next = 0;
  for (Backup& backup : group) {
    if (!backup.complete) continue;
    Verdict& verdict = verdicts[next++];
    plan.steps.push_back({verdict.keep ? Action::keep : Action::remove, std::move(backup),
                          std::move(verdict.reasons)});
  }
}

/// Sweeps what is old enough, and returns when each folder last received a part.
Activity plan_writes(const std::vector<UnfinishedWrite>& writes, const Rules& rules, Plan& plan) {
  Activity activity;
  for (const UnfinishedWrite& write : writes) {
    std::optional<BackupKey> key = parse_key(write.key);
    if (!key) continue;
    const auto [entry, is_new] = activity.try_emplace({key->group, key->id}, write.newest);
    if (!is_new) entry->second = std::max(entry->second, write.newest);
    if (plan.now - write.newest < rules.sweep_after) continue;
    Step step{
        Action::sweep,
        {},
        {fmt::format("an unfinished write, silent for {}", format_duration(rules.sweep_after))},
        write};
    step.backup.group = std::move(key->group);
    step.backup.id = std::move(key->id);
    step.backup.time = key->time;
    step.backup.newest = write.newest;
    plan.steps.push_back(std::move(step));
  }
  return activity;
}

}  // namespace

std::string_view action_name(Action action) {
  switch (action) {
    case Action::keep:
      return "keep";
    case Action::remove:
      return "remove";
    case Action::sweep:
      return "sweep";
  }
  return "keep";
}

Plan make_plan(std::vector<Backup> catalog, const std::vector<UnfinishedWrite>& writes,
               const Rules& rules, UtcTime now) {
  Plan plan{now, {}, {}};
  const Activity activity = plan_writes(writes, rules, plan);
  for (auto begin = catalog.begin(); begin != catalog.end();) {
    const auto end = std::find_if(begin, catalog.end(),
                                  [&](const Backup& other) { return other.group != begin->group; });
    plan_group({begin, end}, activity, rules, plan);
    begin = end;
  }
  std::stable_sort(plan.steps.begin(), plan.steps.end(), [](const Step& a, const Step& b) {
    return std::tie(a.backup.group, a.backup.id) < std::tie(b.backup.group, b.backup.id);
  });
  return plan;
}

}  // namespace pgbackup
