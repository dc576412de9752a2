#include "prune/plan.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "common/catalog/damage.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/wal.h"

namespace pgbackup {
namespace {

/// Maps group and id of a backup to when the last part of an unfinished write to it arrived.
using Activity = std::map<std::pair<Group, std::string>, UtcTime>;

Candidate candidate(const Backup& backup) {
  const std::optional<Verification> found = backup.verification();
  return {.time = backup.time,
          .is_ours = backup.is_ours(),
          .is_held = backup.held,
          .is_damaged = backup.complete && !damage_of(backup).empty(),
          .has_failed = found && !found->is_passed,
          .is_verified = found && found->is_passed};
}

using Backups = std::span<const Backup>;

/// Returns whether the policy would delete the backup in `folder` at once if its manifest existed.
bool is_out_anyway(const Backup& folder, Backups group, const Rules& rules, UtcTime now) {
  std::vector<Candidate> candidates;
  size_t index = 0;
  for (const Backup& backup : group) {
    if (&backup == &folder) index = candidates.size();
    if (backup.complete || &backup == &folder) candidates.push_back(candidate(backup));
  }
  return apply_policy(candidates, rules.retention, now)[index].empty();
}

/// Returns why to sweep `folder`, or nullopt. A backup without a manifest belongs to a writer that
/// still runs, to one that died, or to a pruner that died after deleting the manifest. These look
/// alike but for their age.
///
///  - Silent for SWEEP_AFTER: no writer pauses for so long. Existing objects and parts of writes
///    that are not yet objects both count as signs of life, so that a long upload is never swept
///    from under its writer.
///  - Silent for an hour, and the policy would delete the backup even if it were complete: swept,
///    too. Otherwise what a dead pruner left would stay longer than the maximal age where that is
///    shorter than SWEEP_AFTER. That is safe: the next run would delete a backup completed now, and
///    the hour keeps us out of the moment between a writer's last object and its manifest. (Some
///    stores date an object by the start of its upload; but the policy only deletes where there are
///    enough newer complete backups, which one daemon, whose runs never overlap, cannot have made.)
std::optional<Reason> reason_to_sweep(const Backup& folder, UtcTime newest, Backups group,
                                      const Rules& rules, UtcTime now) {
  const auto silence = now - newest;
  if (silence >= rules.sweep_after) return Reason::silent;
  if (silence >= kWriterPause && is_out_anyway(folder, group, rules, now)) {
    return Reason::silent_and_out;
  }
  return std::nullopt;
}

void plan_leftovers(Backups group, const Activity& activity, Plan& plan) {
  for (const Backup& folder : group) {
    if (folder.complete) continue;
    const auto write = activity.find({folder.group, folder.id});
    const UtcTime newest =
        write == activity.end() ? folder.newest : std::max(folder.newest, write->second);
    const auto reason = reason_to_sweep(folder, newest, group, plan.rules, plan.now);
    if (reason) {
      plan.steps.push_back({.action = Action::sweep, .reasons = *reason, .backup = &folder});
    } else {
      plan.in_progress.push_back(&folder);
    }
  }
}

void plan_group(Backups group, const Activity& activity, Plan& plan) {
  plan_leftovers(group, activity, plan);
  std::vector<Candidate> candidates;
  for (const Backup& backup : group) {
    if (backup.complete) candidates.push_back(candidate(backup));
  }
  const std::vector<Reasons> verdicts = apply_policy(candidates, plan.rules.retention, plan.now);
  auto verdict = verdicts.begin();
  for (const Backup& backup : group) {
    if (!backup.complete) continue;
    plan.steps.push_back({.action = verdict->empty() ? Action::remove : Action::keep,
                          .reasons = *verdict,
                          .backup = &backup});
    ++verdict;
  }
}

/// Returns what a write would have become part of: a backup of ours, or a write-ahead log, whose
/// files are told apart by their names.
std::optional<Backup> backup_of(const UnfinishedWrite& write) {
  Backup backup;
  backup.newest = write.newest;
  if (std::optional<BackupKey> key = parse_key(write.key)) {
    backup.group = std::move(key->group);
    backup.id = std::move(key->id);
    backup.time = key->time;
  } else if (std::optional<WalKey> file = parse_wal_key(write.key)) {
    backup.group = Group::cluster();
    backup.id = std::move(file->name);
    backup.time = write.newest;
  } else {
    return std::nullopt;
  }
  return backup;
}

/// Returns the writes whose key is ours.
std::deque<Write> writes_of_ours(const std::vector<UnfinishedWrite>& writes) {
  std::deque<Write> ours;
  for (const UnfinishedWrite& write : writes) {
    if (std::optional<Backup> backup = backup_of(write)) {
      ours.push_back({write, *std::move(backup)});
    }
  }
  return ours;
}

/// Returns when each backup last received a part.
Activity activity_of(const std::deque<Write>& writes) {
  Activity activity;
  for (const Write& entry : writes) {
    const UtcTime newest = entry.write.newest;
    const auto [known, is_new] =
        activity.try_emplace({entry.backup.group, entry.backup.id}, newest);
    if (!is_new) known->second = std::max(known->second, newest);
  }
  return activity;
}

/// Adds a sweep for each write of a backup that has received nothing for long enough. A stream that
/// has ended waits for the others of its backup.
void plan_writes(const std::deque<Write>& writes, const Activity& activity, Plan& plan) {
  for (const Write& entry : writes) {
    const UtcTime newest = activity.at({entry.backup.group, entry.backup.id});
    if (plan.now - newest < plan.rules.sweep_after) continue;
    plan.steps.push_back({.action = Action::sweep,
                          .reasons = Reason::unfinished,
                          .backup = &entry.backup,
                          .write = &entry.write});
  }
}

template <class Item, class IsSame>
std::vector<std::span<Item>> split(std::span<Item> items, const IsSame& is_same) {
  std::vector<std::span<Item>> groups;
  while (!items.empty()) {
    const auto end = std::find_if(items.begin(), items.end(), [&](const auto& other) {
      return !is_same(items.front(), other);
    });
    const auto count = static_cast<size_t>(end - items.begin());
    groups.push_back(items.first(count));
    items = items.subspan(count);
  }
  return groups;
}

/// Orders steps by group and time; an unfinished write precedes its backup.
bool is_taken_before(const Step& a, const Step& b) {
  if (is_listed_before(*a.backup, *b.backup)) return true;
  if (is_listed_before(*b.backup, *a.backup)) return false;
  const auto rank = [](const Step& step) {
    static const UnfinishedWrite none;
    const UnfinishedWrite& write = step.write == nullptr ? none : *step.write;
    return std::tie(write.key, write.id);
  };
  if ((a.write == nullptr) != (b.write == nullptr)) return a.write != nullptr;
  return rank(a) < rank(b);
}

bool is_same_group(const Step& a, const Step& b) { return a.backup->group == b.backup->group; }

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

std::string_view action_title(Action action) {
  return action == Action::remove ? "delete" : action_name(action);
}

Plan make_plan(std::vector<Backup> catalog, const std::vector<UnfinishedWrite>& writes,
               const Rules& rules, UtcTime now) {
  Plan plan{.now = now,
            .rules = rules,
            .listing = std::make_unique<const PlanInput>(
                PlanInput{std::move(catalog), writes_of_ours(writes)})};
  plan.steps.reserve(plan.listing->backups.size() + plan.listing->writes.size());
  const Activity activity = activity_of(plan.listing->writes);
  plan_writes(plan.listing->writes, activity, plan);
  const auto same = [](const Backup& a, const Backup& b) { return a.group == b.group; };
  for (const Backups group : split(Backups(plan.listing->backups), same)) {
    plan_group(group, activity, plan);
  }
  // Sorting in place: a stable sort would want as much memory again.
  std::sort(plan.steps.begin(), plan.steps.end(), is_taken_before);
  return plan;
}

std::span<const Objection> objections_to(const Plan& plan, const Group& group) {
  const auto& all = plan.objections;
  const auto begin = std::lower_bound(
      all.begin(), all.end(), group,
      [](const Objection& objection, const Group& other) { return objection.group < other; });
  const auto end = std::find_if(
      begin, all.end(), [&](const Objection& objection) { return objection.group != group; });
  return {begin, end};
}

std::vector<std::span<Step>> groups_of(std::span<Step> steps) {
  return split(steps, is_same_group);
}

std::vector<std::span<const Step>> groups_of(std::span<const Step> steps) {
  return split(steps, is_same_group);
}

}  // namespace pgbackup
