#include "prune/wal_prune.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

bool is_of_cluster(const Backup& backup) { return backup.group.kind() == GroupKind::cluster; }

bool is_kept(const Plan& plan, const PlannedBase& base) {
  return plan.steps[base.step].action == Action::keep;
}

/// Returns when the oldest base backup began that stays.
std::optional<UtcTime> oldest_kept(const Plan& plan) {
  std::optional<UtcTime> oldest;
  for (const PlannedBase& planned : plan.wal_input->bases) {
    const UtcTime begin = begin_of(planned.base);
    if (is_kept(plan, planned)) oldest = std::min(oldest.value_or(begin), begin);
  }
  return oldest;
}

/// Returns when the oldest base backup began that has no manifest and is not swept.
std::optional<UtcTime> oldest_in_progress(const Plan& plan,
                                          const std::vector<const Step*>& spared) {
  std::set<std::string> complete;
  std::set<const UnfinishedWrite*> swept;
  for (const Step& step : plan.steps) {
    if (step.action == Action::sweep && step.write != nullptr) swept.insert(step.write);
  }
  for (const Backup& backup : plan.listing->backups) {
    if (is_of_cluster(backup) && backup.complete) complete.insert(backup.id);
  }
  std::optional<UtcTime> oldest;
  const auto add = [&](const Backup& backup) {
    if (is_of_cluster(backup)) oldest = std::min(oldest.value_or(backup.time), backup.time);
  };
  for (const Backup* const folder : plan.in_progress) add(*folder);
  for (const Write& entry : plan.listing->writes) {
    const bool is_of_backup = parse_key(entry.write.key).has_value();  // else of a log
    if (is_of_backup && !swept.contains(&entry.write) && !complete.contains(entry.backup.id)) {
      add(entry.backup);
    }
  }
  for (const Step* const step : spared) {
    if (step->action == Action::sweep) add(*step->backup);
  }
  return oldest;
}

/// Returns what the undamaged base backups of a server can restore, for which `counts` is true.
template <class Counts>
Recovery recovery_of(const Plan& plan, const std::string& system_identifier, const Counts& counts) {
  std::vector<BaseBackup> usable;
  for (const PlannedBase& planned : plan.wal_input->bases) {
    const bool is_own = planned.base.system_identifier == system_identifier;
    if (is_own && !planned.is_damaged && counts(planned)) usable.push_back(planned.base);
  }
  return find_recovery(usable, plan.wal_input->logs.at(system_identifier));
}

using PlannedBases = std::vector<const PlannedBase*>;

/// Returns the undamaged base backups of a server, newest first.
PlannedBases usable_bases(const Plan& plan, const std::string& system_identifier) {
  PlannedBases usable;
  for (const PlannedBase& planned : plan.wal_input->bases) {
    const bool is_own = planned.base.system_identifier == system_identifier;
    if (is_own && !planned.is_damaged) usable.insert(usable.begin(), &planned);
  }
  return usable;
}

/// Returns those of `usable` of which one must stay so that the timeline can be restored: the first
/// that stays already, or else the newest; where there is none without a gap, with gaps.
PlannedBases bases_before(Timeline timeline, const Plan& plan, const PlannedBases& usable,
                          const StoredLog& log) {
  const PlannedBase* whole = nullptr;
  const PlannedBase* other = nullptr;
  const auto prefer = [&](const PlannedBase*& best, const PlannedBase* planned) {
    if (best == nullptr || (!is_kept(plan, *best) && is_kept(plan, *planned))) best = planned;
  };
  for (const PlannedBase* const planned : usable) {
    if (whole != nullptr && is_kept(plan, *whole)) break;
    const std::optional<RecoveryRoute> route = find_route_to(timeline, planned->base, log);
    if (!route) continue;
    const bool is_whole =
        route->reach.gaps.empty() && route->reach.until >= planned->base.facts.end;
    prefer(is_whole ? whole : other, planned);
  }
  if (whole != nullptr) return {whole};
  if (other != nullptr) return {other};
  if (log.histories.contains(timeline)) return {};  // no base backup leads there at all
  PlannedBases possible;
  for (const PlannedBase* const planned : usable) {
    if (planned->base.facts.timeline < timeline) possible.push_back(planned);
  }
  return possible;
}

std::string obstacle_of(const Plan& plan) {
  if (!objections_to(plan, Group::cluster()).empty()) return "the base backups are frozen";
  if (!plan.wal_input->unreadable.empty()) return "the manifest of a base backup cannot be read";
  return plan.wal_input->obstacle;
}

}  // namespace

void keep_last_of_servers(Plan& plan) {
  if (!plan.wal_input) return;
  const std::optional<UtcTime> oldest = oldest_kept(plan);
  if (!oldest) return;
  std::map<std::string, const PlannedBase*> last;  // by server; null: one of its base backups stays
  for (const PlannedBase& planned : plan.wal_input->bases) {
    const auto [known, is_new] = last.try_emplace(planned.base.system_identifier, &planned);
    if (is_kept(plan, planned)) known->second = nullptr;
    if (!is_new && known->second != nullptr && !planned.is_damaged) known->second = &planned;
  }
  for (const auto& [system_identifier, planned] : last) {
    const auto log = plan.wal_input->logs.find(system_identifier);
    if (planned == nullptr || log == plan.wal_input->logs.end()) continue;
    if (!goes_on(log->second.wal, *oldest)) continue;
    plan.steps[planned->step].action = Action::keep;
    plan.steps[planned->step].reasons = Reason::last_of_server;
  }
}

void keep_ways_to_timelines(Plan& plan) {
  if (!plan.wal_input) return;
  const std::optional<UtcTime> oldest = oldest_kept(plan);
  if (!oldest) return;
  for (const auto& [system_identifier, log] : plan.wal_input->logs) {
    const PlannedBases usable = usable_bases(plan, system_identifier);
    const bool has_kept = std::any_of(usable.begin(), usable.end(),
                                      [&](const PlannedBase* one) { return is_kept(plan, *one); });
    if (!has_kept) continue;  // keep_last_of_servers() has decided
    for (const Timeline timeline : timelines_that_go_on(log.wal, *oldest - kLongestSilence)) {
      for (const PlannedBase* const planned : bases_before(timeline, plan, usable, log)) {
        if (is_kept(plan, *planned)) continue;
        plan.steps[planned->step].action = Action::keep;
        plan.steps[planned->step].reasons = Reason::last_of_timeline;
      }
    }
  }
}

std::vector<StrandedBase> stranded_bases(const Plan& plan) {
  std::vector<StrandedBase> stranded;
  if (!plan.wal_input || !plan.wal_input->obstacle.empty()) return stranded;
  for (const auto& [system_identifier, log] : plan.wal_input->logs) {
    const Recovery recovery =
        recovery_of(plan, system_identifier, [](const PlannedBase&) { return true; });
    stranded.insert(stranded.end(), recovery.stranded.begin(), recovery.stranded.end());
  }
  return stranded;
}

WalPlan plan_wal(const Plan& plan, const std::vector<const Step*>& spared) {
  if (!plan.wal_input) return {};
  const std::set<const Step*> is_spared(spared.begin(), spared.end());
  std::vector<const BaseBackup*> staying;
  for (const PlannedBase& planned : plan.wal_input->bases) {
    const bool stays = is_kept(plan, planned) || is_spared.contains(&plan.steps[planned.step]);
    if (stays) staying.push_back(&planned.base);
  }
  WalPlan wal = make_wal_plan(plan.wal_input->logs, staying,
                              {.now = plan.now, .in_progress = oldest_in_progress(plan, spared)});
  const std::string obstacle = obstacle_of(plan);
  if (!obstacle.empty()) keep_all_wal(wal, obstacle);
  return wal;
}

void settle_wal(Plan& plan) {
  plan.wal = plan_wal(plan);
  for (ServerWalPlan& server : plan.wal) {
    server.recovery = recovery_of(plan, server.system_identifier, [&](const PlannedBase& planned) {
      return is_kept(plan, planned);
    });
  }
}

}  // namespace pgbackup
