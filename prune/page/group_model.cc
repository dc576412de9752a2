#include "prune/page/group_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "common/base/local_time.h"
#include "common/base/printable.h"
#include "common/catalog/damage.h"
#include "prune/expiry.h"
#include "prune/guard.h"
#include "prune/page/page_text.h"
#include "prune/reason_text.h"

namespace pgbackup {
namespace {

using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::seconds;

/// A complete backup, with what is known of it.
struct Known {
  const Step* step = nullptr;
  const PageFacts* facts = nullptr;  ///< null: its manifest was not read
  std::string flaw{};
  bool is_damaged = false;

  [[nodiscard]] const Backup& backup() const { return *step->backup; }
};

/// Says what is wrong with a backup.
Known known_of(const Step& step, const StoreView& view) {
  Known known{.step = &step};
  const auto found = view.facts.find(step.backup);
  if (found != view.facts.end()) known.facts = &found->second;
  known.flaw = damage_of(*step.backup);
  if (known.flaw.empty() && known.facts != nullptr) known.flaw = known.facts->damage;
  if (known.flaw.empty() && step.backup->has_failed()) {
    known.flaw = fmt::format("its verification of {} has failed",
                             page_time(step.backup->verification()->time));
  }
  known.is_damaged = !known.flaw.empty() || step.reasons.has(Reason::damaged);
  if (known.is_damaged && known.flaw.empty()) known.flaw = "its write-ahead log is not complete";
  if (!known.flaw.empty() || known.facts == nullptr) return known;
  known.flaw = !known.facts->problem.empty() ? known.facts->problem : known.facts->backdating;
  return known;
}

/// Returns the complete backups of a group, oldest first.
std::vector<Known> complete_of(const GroupSlice& slice, const StoreView& view) {
  std::vector<Known> complete;
  for (const Step& step : slice.steps) {
    const bool is_there =
        step.write == nullptr && step.backup->complete && !step.reasons.has(Reason::gone);
    if (is_there) complete.push_back(known_of(step, view));
  }
  return complete;
}

/// Returns the newest backup that is whole and not from the future.
const Known* newest_whole(const std::vector<Known>& complete, UtcTime now) {
  const auto found = std::find_if(complete.rbegin(), complete.rend(), [&](const Known& one) {
    return !one.is_damaged && one.backup().time <= now;
  });
  return found == complete.rend() ? nullptr : &*found;
}

/// Returns what next_backup() asks for.
GroupFacts timing_of(const std::vector<Known>& complete, const Known& newest, UtcTime now) {
  GroupFacts facts{.is_newest_ours = newest.backup().is_ours()};
  for (auto one = complete.rbegin(); one != complete.rend(); ++one) {
    const Backup& backup = one->backup();
    if (one->is_damaged || backup.time > now || facts.latest.size() > kGaps) continue;
    if (backup.is_ours() == facts.is_newest_ours) facts.latest.push_back(backup.time);
  }
  std::reverse(facts.latest.begin(), facts.latest.end());
  if (newest.facts != nullptr) {
    facts.readings.push_back({.id = newest.backup().id,
                              .time = newest.backup().time,
                              .next_due = newest.facts->next_due});
  }
  return facts;
}

/// Returns how backups go on, from how they went on.
std::optional<Outlook> outlook_of(const GroupFacts& facts, UtcTime now) {
  if (!facts.is_newest_ours) return std::nullopt;  // of a system that makes no more
  const UtcTime newest = facts.latest.back();
  seconds period{0};
  if (!facts.readings.empty() && facts.readings.back().next_due) {
    period = *facts.readings.back().next_due - newest;
  } else if (facts.latest.size() > kLeastGaps) {
    period = (newest - facts.latest.front()) / static_cast<int64_t>(facts.latest.size() - 1);
  }
  if (period <= seconds(0)) return std::nullopt;
  return Outlook{std::max(newest + period, now), period};
}

bool names(const RunFacts& run, const Group& group) {
  return std::binary_search(run.groups.begin(), run.groups.end(), group);
}

const LeftOut* left_out_of(const RunFacts& run, const Group& group) {
  const auto found = std::lower_bound(
      run.left_out.begin(), run.left_out.end(), group.name(),
      [](const LeftOut& item, const std::string& name) { return item.database < name; });
  return found != run.left_out.end() && found->database == group.name() ? &*found : nullptr;
}

/// Returns whether a run may still come to the group: something of the run was stored lately.
bool may_go_on(const RunFacts& run, UtcTime now) { return now - run.newest < kWriterPause; }

/// Returns the newest run that knows the group and made no backup of it.
std::optional<MissedRun> missed_run(const GroupSlice& slice, const StoreView& view,
                                    std::optional<UtcTime> since) {
  for (auto entry = view.runs.rbegin(); entry != view.runs.rend(); ++entry) {
    const auto& [id, run] = *entry;
    if (since && run.time <= *since) return std::nullopt;
    if (may_go_on(run, view.now)) continue;
    if (const LeftOut* const item = left_out_of(run, slice.reported)) {
      return MissedRun{run.time, item->reason.empty() ? "no reason is given" : item->reason};
    }
    if (names(run, slice.reported)) return MissedRun{run.time};
  }
  return std::nullopt;
}

/// Returns whether runs for other databases of the same server go on without knowing the group.
bool is_ended(const GroupSlice& slice, const StoreView& view, const Known& newest,
              UtcTime late_from) {
  const auto last = view.runs.find(newest.backup().id);
  if (last == view.runs.end() || last->second.system_identifier.empty()) return false;
  bool goes_on = false;
  for (const auto& [id, run] : view.runs) {
    if (run.time <= last->second.time) continue;
    if (names(run, slice.reported) || left_out_of(run, slice.reported) != nullptr) return false;
    const bool is_sibling = std::any_of(run.groups.begin(), run.groups.end(),
                                        [&](const Group& one) { return names(last->second, one); });
    goes_on = goes_on || (is_sibling && run.time > late_from &&
                          run.system_identifier == last->second.system_identifier);
  }
  return goes_on;
}

/// Returns until when the rules keep each of `complete`.
std::vector<std::optional<UtcTime>> ends_of(const std::vector<Known>& complete,
                                            const StoreView& view,
                                            const std::optional<Outlook>& outlook) {
  std::vector<Candidate> candidates;
  candidates.reserve(complete.size());
  for (const Known& one : complete) {
    candidates.push_back({.time = one.backup().time,
                          .is_ours = one.backup().is_ours(),
                          .is_held = one.backup().held,
                          .is_damaged = !damage_of(one.backup()).empty()});
  }
  return kept_until(candidates, view.seen->plan.rules.retention, view.now, outlook);
}

/// Returns whether something else than the rules keeps a backup, of which no end is foreseen.
bool is_kept_apart(const Step& step) {
  constexpr std::array kApart = {
      Reason::future,           Reason::damaged,    Reason::backdated,
      Reason::not_signed,       Reason::held,       Reason::last_of_server,
      Reason::last_of_timeline, Reason::unreadable, Reason::frozen};
  return std::any_of(kApart.begin(), kApart.end(),
                     [&](Reason reason) { return step.reasons.has(reason); });
}

void set_fate(const Known& one, std::optional<UtcTime> end, UtcTime now, PageBackup& shown) {
  if (one.step->action == Action::remove) {
    shown.fate = Fate::goes_next;
    return;
  }
  if (is_kept_apart(*one.step) || (!end && !one.step->reasons.has(Reason::locked))) return;
  shown.fate = Fate::leaves;
  shown.leaves_at = std::max({end.value_or(now), now, shown.locked_until.value_or(now)});
}

PageBackup make_row(const Known& one, std::optional<UtcTime> end, const StoreView& view) {
  const Backup& backup = one.backup();
  PageBackup shown{.id = backup.id,
                   .time = backup.time,
                   .bytes = backup.bytes,
                   .reasons = reason_line(*one.step, view.seen->plan.rules),
                   .flaw = one.flaw,
                   .is_held = backup.held,
                   .verification = backup.verification()};
  std::optional<UtcTime> locked = one.step->locked_until;
  if (one.facts != nullptr && one.facts->problem.empty()) {
    shown.uncompressed_bytes = one.facts->uncompressed_bytes;
    locked = std::max(locked, one.facts->locked_until);
    if (one.facts->finished >= backup.time) shown.taken = one.facts->finished - backup.time;
  }
  if (locked && *locked > view.now) shown.locked_until = locked;
  set_fate(one, end, view.now, shown);
  return shown;
}

void count_days(const std::vector<Known>& complete, UtcTime now, PageGroup& group) {
  const local_days today = floor<std::chrono::days>(to_local(now));
  const local_days first = today - std::chrono::days(kPageDays - 1);
  for (size_t i = 0; i < kPageDays; ++i) {
    group.days.at(i).day = first + std::chrono::days(static_cast<int>(i));
  }
  for (const Known& one : complete) {
    const local_days day = floor<std::chrono::days>(to_local(one.backup().time));
    if (day < first || day > today) continue;
    PageDay& counted = group.days.at(static_cast<size_t>((day - first).count()));
    ++counted.backups;
    counted.flawed += one.flaw.empty() ? 0 : 1;
    counted.bytes += one.backup().bytes;
  }
}

void add_rows(const std::vector<Known>& complete, const StoreView& view,
              const std::optional<Outlook>& outlook, PageGroup& group) {
  const std::vector<std::optional<UtcTime>> ends = ends_of(complete, view, outlook);
  for (size_t i = complete.size(); i-- > 0;) {
    const Known& one = complete[i];
    group.bytes += one.backup().bytes;
    group.held += one.backup().held ? 1 : 0;
    group.leaving += one.step->action == Action::remove ? 1 : 0;
    if (group.backups.size() == view.most_rows) {
      ++group.unlisted;
      continue;
    }
    group.backups.push_back(make_row(one, ends[i], view));
    group.locked += group.backups.back().locked_until ? 1 : 0;
    const std::optional<Verification>& found = group.backups.back().verification;
    if (found && found->is_passed) group.verification = std::max(group.verification, found);
  }
}

void add_notes(const GroupSlice& slice, const GroupEvidence& evidence, PageGroup& group) {
  for (const Objection& objection : evidence.objections) {
    std::string note = fmt::format("Nothing of it is deleted: {}.", objection.sentence);
    if (note != group.verdict.sentence) group.notes.push_back(std::move(note));
  }
  size_t orphaned = 0;
  size_t unfinished = 0;
  for (const Step& step : slice.steps) {
    if (step.write != nullptr) {
      ++unfinished;
    } else if (!step.backup->complete) {
      ++orphaned;
    }
  }
  if (!slice.in_progress.empty()) {
    group.notes.push_back(
        fmt::format("{} may be in progress.", page_count(slice.in_progress.size(), "backup")));
  }
  if (orphaned + unfinished > 0) {
    group.notes.push_back(fmt::format("Interrupted backups have left {}.",
                                      page_count(orphaned + unfinished, "orphaned object")));
  }
}

GroupEvidence evidence_of(const GroupSlice& slice, const std::vector<Known>& complete,
                          const StoreView& view) {
  GroupEvidence evidence{.objections = objections_to(view.seen->plan, slice.group),
                         .now = view.now};
  for (auto one = complete.rbegin(); one != complete.rend(); ++one) {
    ++evidence.complete;
    if (!one->is_damaged) continue;
    ++evidence.damaged;
    if (evidence.damage.empty()) evidence.damage = one->flaw;
  }
  return evidence;
}

}  // namespace

GroupSlices slices_of(const StoreView& view) {
  std::map<Group, GroupSlice> slices;
  const Plan& plan = view.seen->plan;
  for (const std::span<const Step> steps : groups_of(std::span<const Step>(plan.steps))) {
    slices[steps.front().backup->group].steps = steps;
  }
  for (const Backup* const backup : plan.in_progress) {
    slices[backup->group].in_progress.push_back(backup);
  }
  std::set<Group> reported;
  for (auto& [group, slice] : slices) {
    slice.reported = parse_group(as_utf8(group.name()));
    reported.insert(slice.reported);
  }
  const auto add = [&](const Group& group) {
    if (reported.insert(group).second) slices[group].reported = group;
  };
  for (const auto& [id, run] : view.runs) {
    for (const Group& group : run.groups) add(group);
    for (const LeftOut& item : run.left_out) add(parse_group(item.database));
  }
  GroupSlices result;
  for (auto& [group, slice] : slices) {
    if (result.shown.size() == kMostPageGroups) break;
    slice.group = group;
    result.shown.push_back(std::move(slice));
  }
  result.unlisted = slices.size() - result.shown.size();
  return result;
}

PageGroup make_group(const GroupSlice& slice, const StoreView& view) {
  const std::vector<Known> complete = complete_of(slice, view);
  PageGroup group{.group = slice.group, .count = complete.size()};
  GroupEvidence evidence = evidence_of(slice, complete, view);
  std::optional<Outlook> outlook;
  if (const Known* const newest = newest_whole(complete, view.now)) {
    const GroupFacts timing = timing_of(complete, *newest, view.now);
    group.last_success = evidence.last_success = newest->backup().time;
    group.last_bytes = newest->backup().bytes;
    if (const std::optional<NextBackup> next = next_backup(timing)) {
      group.due = evidence.due = next->due;
      evidence.late_from = stalled_from(timing);
      const bool is_late = view.now > *evidence.late_from;
      evidence.is_ended = is_late && is_ended(slice, view, *newest, *evidence.late_from);
    }
    const bool goes_on = !evidence.late_from || view.now <= *evidence.late_from;
    if (goes_on) outlook = outlook_of(timing, view.now);
  }
  evidence.missed = missed_run(slice, view, evidence.last_success);
  group.verdict = judge_group(evidence);
  count_days(complete, view.now, group);
  add_rows(complete, view, outlook, group);
  add_notes(slice, evidence, group);
  return group;
}

}  // namespace pgbackup
