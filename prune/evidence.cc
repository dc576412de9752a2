#include "prune/evidence.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "common/base/due.h"
#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/units.h"
#include "common/catalog/damage.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/manifest.h"
#include "prune/wal_prune.h"

namespace pgbackup {
namespace {

/// Limits how many manifests of later runs are read to tell whether a database was dropped.
constexpr size_t kMostLaterRuns = 10;

/// Tells what to do with a backup that no version of the programs can read.
constexpr const char* kRemoveByHand =
    "delete that backup's prefix by hand when you are sure that nothing can be done with it";

/// Returns what two backups must share to be compared: what is dumped in another way, or only in
/// part, cannot be.
std::string kind_of(const Manifest& manifest) {
  return fmt::format("{} {} {}", kind_name(manifest.group.kind()),
                     manifest.streams.front().format == StreamFormat::plain,
                     fmt::join(manifest.dump.selection, " "));
}

Reading reading_of(Manifest manifest, const Backup& backup) {
  return {.id = backup.id,
          .time = backup.time,
          .next_due = manifest.next_due,
          .kind = kind_of(manifest),
          .system_identifier = std::move(manifest.system_identifier),
          .plain_bytes = manifest.uncompressed_bytes(),
          .tables = manifest.dump.tables,
          .groups = std::move(manifest.groups),
          .left_out = std::move(manifest.left_out)};
}

/// Returns whether there is a signature, of whatever it is and by whomever.
bool has_signature(const Backup& backup) {
  return backup.is_ours() &&
         std::any_of(backup.files.begin(), backup.files.end(),
                     [](const BackupFile& file) { return file.name == kSignatureName; });
}

/// Returns when the first backup of the group was stored that a trusted key has signed; nullopt
/// where none has been. What was stored before is from before there were signatures.
std::optional<UtcTime> first_signed(Store& store, const std::vector<const Step*>& steps) {
  std::vector<const Backup*> claimed;
  for (const Step* step : steps) {
    if (has_signature(*step->backup)) claimed.push_back(step->backup);
  }
  std::sort(claimed.begin(), claimed.end(),
            [](const Backup* a, const Backup* b) { return a->committed < b->committed; });
  for (const Backup* backup : claimed) {
    try {
      if (judge_manifest(store, *backup).distrust.empty()) return backup->committed;
    } catch (...) {
      const Error error = current_failure();
      if (error.kind() == ErrorKind::transient) throw error;
    }  // what is wrong with it is found out below
  }
  return std::nullopt;
}

void note_unsigned(Store& store, const Backup& backup, const std::string& why, GroupFacts& facts) {
  if (!facts.first_signed || backup.committed <= *facts.first_signed) return;
  const bool is_known = std::any_of(facts.not_signed.begin(), facts.not_signed.end(),
                                    [&](const FlawedBackup& one) { return one.id == backup.id; });
  if (is_known) return;
  const std::string place = store.location(backup.folder());
  facts.not_signed.push_back({backup.id, fmt::format("{}: {}", place, why), backup.time});
}

/// Notes a backup of which the listing alone tells that it is not signed.
void note_unclaimed(Store& store, const Backup& backup, GroupFacts& facts) {
  if (has_signature(backup)) return;
  const std::string older = distrust_of_older(store);
  note_unsigned(store, backup,
                backup.is_ours() ? fmt::format("{} is missing", kSignatureName) : older, facts);
}

void note_backdated(Store& store, const Backup& backup, const std::string& why, GroupFacts& facts) {
  const std::string place = store.location(backup.folder());
  facts.backdated.push_back({backup.id, fmt::format("{}: {}", place, why), backup.time});
}

/// Adds to `facts` what the manifest of `backup` says, that the manifest cannot be read, or that
/// the backup is damaged.
void read_into(Store& store, const Backup& backup, GroupFacts& facts) {
  try {
    Inspection seen = inspect_backup(store, backup);
    if (!seen.backdating.empty()) note_backdated(store, backup, seen.backdating, facts);
    if (!seen.distrust.empty()) note_unsigned(store, backup, seen.distrust, facts);
    if (!seen.damage.empty()) {
      const std::string place = store.location(backup.folder());
      facts.damaged.push_back({backup.id, fmt::format("{}: {}", place, seen.damage), backup.time});
    } else if (seen.manifest) {
      facts.readings.push_back(reading_of(*std::move(seen.manifest), backup));
      facts.readings.back().is_believed = seen.distrust.empty();
    }
  } catch (...) {
    const Error error = current_error();
    switch (error.kind()) {
      case ErrorKind::not_found:  // deleted since the listing
        return;
      case ErrorKind::corrupt:
        facts.unreadable.push_back(fmt::format("{}; {}", error.message(), kRemoveByHand));
        return;
      case ErrorKind::denied:
      case ErrorKind::failed:
        facts.unreadable.push_back(error.hint().empty()
                                       ? error.message()
                                       : fmt::format("{}; {}", error.message(), error.hint()));
        return;
      case ErrorKind::usage:
      case ErrorKind::conflict:
      case ErrorKind::transient:
      case ErrorKind::canceled:
        throw error;
    }
  }
}

using Runs = std::map<std::string, const Backup*, std::greater<>>;  ///< by id: newest first

/// Adds the newest complete backups of `group` that are younger than `since`, at most
/// kMostLaterRuns.
void add_later_runs(const Plan& plan, const Group& group, UtcTime since, Runs& runs) {
  const auto& backups = plan.listing->backups;
  const auto end = std::upper_bound(
      backups.begin(), backups.end(), group,
      [](const Group& wanted, const Backup& backup) { return wanted < backup.group; });
  size_t added = 0;
  for (auto place = end; place != backups.begin() && added < kMostLaterRuns;) {
    --place;
    if (place->group != group || place->time <= since) return;
    if (!place->complete || !place->is_ours() || place->time > plan.now) continue;
    runs.emplace(place->id, &*place);
    ++added;
  }
}

/// Returns what the manifests of the newest later runs say: of those runs that backed up databases
/// together with which `last` was made.
std::vector<Reading> read_later_runs(Store& store, const Plan& plan, const Reading& last,
                                     const Group& group) {
  Runs runs;
  for (const Group& other : last.groups) {
    if (other != group) add_later_runs(plan, other, last.time, runs);
  }
  GroupFacts later;
  size_t read = 0;
  for (const auto& [id, backup] : runs) {
    if (read++ == kMostLaterRuns) break;
    read_into(store, *backup, later);
  }
  return std::move(later.readings);
}

/// Tells a dropped database from one whose backups have stalled: later runs go on without it, and
/// none says that it still exists. One run for another database, or one of another daemon, proves
/// nothing, so several are read.
void look_for_retirement(Store& store, const Plan& plan, const Group& group, GroupFacts& facts) {
  if (facts.readings.empty()) return;
  const Reading& last = facts.readings.back();
  const std::string name = as_utf8(group.name());
  for (const Reading& run : read_later_runs(store, plan, last, group)) {
    if (!run.is_believed) continue;
    const auto left_out = std::find_if(run.left_out.begin(), run.left_out.end(),
                                       [&](const LeftOut& item) { return item.database == name; });
    const bool is_left_out = left_out != run.left_out.end();
    if (is_left_out) facts.left_out = left_out->reason;
    const bool knows_it = is_left_out || std::find(run.groups.begin(), run.groups.end(),
                                                   parse_group(name)) != run.groups.end();
    if (knows_it) {
      facts.is_retired = false;
      return;
    }
    if (!last.system_identifier.empty() && run.system_identifier == last.system_identifier) {
      facts.is_retired = true;
    }
  }
}

bool is_removed(const Step* step) { return step->action == Action::remove; }

/// Returns whether a rule that counts keeps the backup in place of others, which are then deleted.
bool stands_for_others(const Step& step) {
  constexpr std::array kCounting = {Reason::last,   Reason::hourly,  Reason::daily,
                                    Reason::weekly, Reason::monthly, Reason::yearly,
                                    Reason::floor,  Reason::verified};
  return step.action == Action::keep &&
         std::any_of(kCounting.begin(), kCounting.end(),
                     [&](Reason reason) { return step.reasons.has(reason); });
}

/// Adds to `facts` only what is wrong with `backup`.
void check_into(Store& store, const Backup& backup, GroupFacts& facts) {
  GroupFacts of_this{.first_signed = facts.first_signed};
  read_into(store, backup, of_this);
  std::move(of_this.unreadable.begin(), of_this.unreadable.end(),
            std::back_inserter(facts.unreadable));
  std::move(of_this.damaged.begin(), of_this.damaged.end(), std::back_inserter(facts.damaged));
  std::move(of_this.backdated.begin(), of_this.backdated.end(),
            std::back_inserter(facts.backdated));
  std::move(of_this.not_signed.begin(), of_this.not_signed.end(),
            std::back_inserter(facts.not_signed));
}

/// Reads the manifests of the newest backups, and of all that the plan relies on to be undamaged.
void read_manifests(Store& store, const Plan& plan, const std::vector<const Step*>& newest_first,
                    GroupFacts& facts) {
  const auto floor = static_cast<size_t>(plan.rules.retention.min_backups);
  size_t ours = 0;
  for (const Step* step : newest_first) {
    if (!step->backup->is_ours()) {
      const std::string backdating = backdating_of(*step->backup, std::nullopt);
      if (!backdating.empty()) note_backdated(store, *step->backup, backdating, facts);
      continue;
    }
    if (++ours <= kMostReadings) {
      read_into(store, *step->backup, facts);
    } else if (step->reasons.has(Reason::bad_manifest)) {
      facts.unreadable.push_back(fmt::format(
          "{} is damaged; {}", store.location(step->backup->commit_key()), kRemoveByHand));
    } else if (stands_for_others(*step) || ours <= floor) {
      check_into(store, *step->backup, facts);
    }
  }
  std::reverse(facts.readings.begin(), facts.readings.end());
}

/// Returns the complete backups that are neither dated in the future nor known to be damaged, and
/// whose verification has not failed, newest first.
std::vector<const Step*> complete_steps(std::span<const Step> group) {
  std::vector<const Step*> complete;
  for (const Step& step : group) {
    const bool is_there = !step.reasons.has(Reason::future) && !step.reasons.has(Reason::gone) &&
                          !step.reasons.has(Reason::damaged);
    if (step.action == Action::sweep || !is_there || step.backup->has_failed()) continue;
    complete.push_back(&step);
  }
  std::reverse(complete.begin(), complete.end());
  return complete;
}

/// Returns all backups of which the store holds something. Whoever may write into the store can let
/// the verification of any of them look failed.
std::vector<const Step*> claims_of(std::span<const Step> group) {
  std::vector<const Step*> claims;
  for (const Step& step : group) {
    if (step.action != Action::sweep && !step.reasons.has(Reason::gone)) claims.push_back(&step);
  }
  return claims;
}

/// Returns the facts that the listing alone tells.
GroupFacts count_facts(const std::vector<const Step*>& newest_first, UtcTime now) {
  GroupFacts facts;
  for (const Step* step : newest_first) {
    if (step->backup->time + kSettled > now) continue;
    ++facts.settled;
    facts.settled_removed += is_removed(step) ? 1 : 0;
  }
  facts.complete = newest_first.size();
  facts.removed =
      static_cast<size_t>(std::count_if(newest_first.begin(), newest_first.end(), is_removed));
  facts.has_verified = std::any_of(newest_first.begin(), newest_first.end(), [](const Step* step) {
    return step->backup->verification().has_value();
  });
  if (newest_first.empty()) return facts;
  facts.is_newest_removed = is_removed(newest_first.front());
  facts.is_newest_ours = newest_first.front()->backup->is_ours();
  for (const Step* step : newest_first) {
    const Backup& backup = *step->backup;
    if (backup.is_ours() != facts.is_newest_ours) continue;
    if (facts.latest.size() <= kGaps) facts.latest.push_back(backup.time);
    const bool counts = !facts.is_newest_ours && facts.old_sizes.size() < kMostReadings &&
                        backup.layout == newest_first.front()->backup->layout;
    if (counts) facts.old_sizes.push_back(backup.bytes);
  }
  std::reverse(facts.latest.begin(), facts.latest.end());
  std::reverse(facts.old_sizes.begin(), facts.old_sizes.end());
  return facts;
}

bool is_among(const std::vector<FlawedBackup>& flawed, const Step& step) {
  return step.write == nullptr &&
         std::any_of(flawed.begin(), flawed.end(),
                     [&](const FlawedBackup& one) { return one.id == step.backup->id; });
}

/// Warns when every backup is too old for S3_BACKUP_MAX_AGE before the next one is made: the rule
/// keeps nothing then, and only the floor is left.
void warn_of_short_age(const Plan& plan, std::span<const Step> group, const GroupFacts& facts,
                       Log& log) {
  const std::optional<std::chrono::seconds>& max_age = plan.rules.retention.max_age;
  if (!max_age || facts.readings.empty() || !facts.readings.back().next_due) return;
  const std::chrono::seconds period = *facts.readings.back().next_due - facts.readings.back().time;
  if (*max_age >= period) return;
  log.warn("S3_BACKUP_MAX_AGE is shorter than the time from one backup to the next",
           {{"database", group.front().backup->group.name()},
            {"max_age", format_duration(*max_age)},
            {"period", format_duration(period)}});
}

void freeze(std::span<Step> group, const GroupFacts& facts) {
  for (Step& step : group) {
    const bool is_damaged = is_among(facts.damaged, step);
    const bool is_unsigned = is_among(facts.not_signed, step);
    if (is_damaged || is_unsigned || is_among(facts.backdated, step)) {
      step.action = Action::keep;
      step.reasons = is_damaged    ? Reason::damaged
                     : is_unsigned ? Reason::not_signed
                                   : Reason::backdated;
    }
    if (step.action == Action::keep) continue;
    step.action = Action::keep;
    step.reasons = Reason::frozen;
  }
}

/// Returns whether the write-ahead logs depend on the backups of the group.
bool has_wal(std::span<const Step> group, const Plan& plan) {
  return plan.wal_input && group.front().backup->group.kind() == GroupKind::cluster;
}

/// Adds what is wrong with base backups beyond what was read for the guards.
void add_wal_facts(Store& store, const Plan& plan, GroupFacts& facts) {
  if (facts.unreadable.empty()) facts.unreadable = plan.wal_input->unreadable;
  for (const StrandedBase& base : stranded_bases(plan)) {
    const std::string place = store.location(backup_folder(Group::cluster(), base.id));
    facts.damaged.push_back(
        {.id = base.id,
         .text = fmt::format("{}: segment {} of its write-ahead log is missing or incomplete",
                             place, missing_segment(base)),
         .time = parse_backup_id(base.id).value_or(UtcTime())});
  }
}

/// Returns whether the guards are asked about a group: where a backup or a part of the write-ahead
/// logs would go, or something is known to be wrong.
bool is_asked(std::span<const Step> group, const Plan& plan) {
  const bool is_doubtful = std::any_of(group.begin(), group.end(), [](const Step& step) {
    return step.action == Action::remove || step.reasons.has(Reason::damaged);
  });
  if (is_doubtful || !has_wal(group, plan)) return is_doubtful;
  if (!plan.wal_input->unreadable.empty()) return true;
  const WalPlan wal = plan_wal(plan);
  return std::any_of(wal.begin(), wal.end(),
                     [](const ServerWalPlan& server) { return !server.removed.empty(); });
}

}  // namespace

GroupFacts gather_facts(Store& store, const Plan& plan, std::span<const Step> group) {
  const std::vector<const Step*> newest_first = complete_steps(group);
  const Group& own = group.front().backup->group;
  GroupFacts facts = count_facts(newest_first, plan.now);
  facts.place = store.location(encode_group(own));
  const std::vector<const Step*> claims = claims_of(group);
  if (store.signatures().are_wanted()) facts.first_signed = first_signed(store, claims);
  for (const Step& step : group) {
    if (step.reasons.has(Reason::damaged)) check_into(store, *step.backup, facts);
  }
  read_manifests(store, plan, newest_first, facts);
  for (const Step* step : claims) note_unclaimed(store, *step->backup, facts);
  if (has_wal(group, plan)) add_wal_facts(store, plan, facts);
  for (std::vector<FlawedBackup>* const flawed :
       {&facts.damaged, &facts.backdated, &facts.not_signed}) {
    std::stable_sort(flawed->begin(), flawed->end(),
                     [](const FlawedBackup& a, const FlawedBackup& b) { return a.time > b.time; });
  }
  const std::optional<UtcTime> late = stalled_from(facts);
  if (late && plan.now > *late) look_for_retirement(store, plan, own, facts);
  return facts;
}

std::optional<UtcTime> read_next_due(Store& store, const Plan& plan, const Backup& newest) {
  GroupFacts facts;
  read_into(store, newest, facts);
  if (facts.readings.empty()) return std::nullopt;
  const std::optional<UtcTime> due = facts.readings.back().next_due;
  if (!due || plan.now <= late_from(*due, *due - newest.time)) return due;
  look_for_retirement(store, plan, newest.group, facts);
  return facts.is_retired ? std::nullopt : due;
}

void guard_plan(Store& store, Plan& plan, Log& log, const std::stop_token& stop) {
  for (const std::span<Step> group : groups_of(std::span(plan.steps))) {
    if (!is_asked(group, plan)) continue;
    if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
    const GroupFacts facts = gather_facts(store, plan, group);
    if (const auto change = server_change(facts)) {
      log.warn("another server than before makes the backups",
               {{"database", group.front().backup->group.name()}, {"change", *change}});
    }
    warn_of_short_age(plan, group, facts, log);
    const std::vector<GuardFinding> findings = guard_group(facts, plan.rules.guards, plan.now);
    if (findings.empty()) continue;
    freeze(group, facts);
    for (const auto& [guard, sentence] : findings) {
      plan.objections.push_back({group.front().backup->group, guard, sentence});
    }
  }
}

}  // namespace pgbackup
