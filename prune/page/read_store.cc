#include "prune/page/read_store.h"

#include <algorithm>
#include <span>
#include <utility>

#include "common/base/printable.h"
#include "common/catalog/damage.h"
#include "common/catalog/parallel_read.h"
#include "prune/guard.h"
#include "prune/page/cached_store.h"

namespace pgbackup {
namespace {

/// Limits how many names of databases are kept of all runs: whoever may write to the store decides
/// how many a manifest holds.
constexpr size_t kMostNames = 100'000;

using Wanted = std::vector<const Backup*>;

/// Returns the steps of each group that is shown.
std::vector<std::span<const Step>> shown_groups(const Plan& plan) {
  std::vector<std::span<const Step>> groups = groups_of(std::span<const Step>(plan.steps));
  if (groups.size() > kMostPageGroups) groups.resize(kMostPageGroups);
  return groups;
}

/// Returns the newest backups of each group that have a manifest: the newest of all groups first,
/// then the second newest, since the guards want the texts of these.
Wanted shown_backups(const Plan& plan, size_t most_rows) {
  std::vector<std::pair<size_t, const Backup*>> ranked;
  for (const std::span<const Step> group : shown_groups(plan)) {
    size_t rank = 0;
    for (size_t i = group.size(); i-- > 0 && rank < most_rows;) {
      const Step& step = group[i];
      if (step.write != nullptr || !step.backup->complete) continue;
      if (step.backup->is_ours()) ranked.emplace_back(rank, step.backup);
      ++rank;
    }
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Wanted wanted;
  for (const auto& [rank, backup] : ranked) wanted.push_back(backup);
  return wanted;
}

/// Reads one manifest. Returns nullopt for a backup that was deleted meanwhile. Throws what says
/// that the store does not answer.
std::optional<PageFacts> read_facts(Store& store, ManifestCache& cache, const Backup& backup) {
  if (std::optional<PageFacts> known = cache.facts(backup)) return known;
  try {
    PageFacts facts = facts_of(inspect_backup(store, backup));
    cache.keep_facts(backup, facts);
    return facts;
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    if (error.kind() == ErrorKind::not_found) return std::nullopt;
    if (error.kind() != ErrorKind::corrupt)
      return PageFacts{.problem = short_line(error.message())};
    PageFacts facts{.damage = "its manifest is damaged"};
    cache.keep_facts(backup, facts);
    return facts;
  }
}

/// Reads which databases the runs took notice of that made the newest backup of each group.
void read_runs(Store& store, StoreView& view) {
  std::map<std::string, const Backup*> newest;  // by id
  const Plan& plan = view.seen->plan;
  for (const std::span<const Step> group : shown_groups(plan)) {
    for (size_t i = group.size(); i-- > 0;) {
      const Backup& backup = *group[i].backup;
      if (group[i].write != nullptr || !backup.complete || backup.time > plan.now) continue;
      if (backup.is_ours()) newest.emplace(backup.id, &backup);
      break;
    }
  }
  size_t names = 0;
  for (const auto& [id, backup] : newest) {
    try {
      Manifest manifest = judge_manifest(store, *backup).manifest;
      names += manifest.groups.size() + manifest.left_out.size();
      if (names > kMostNames) return;
      std::sort(manifest.groups.begin(), manifest.groups.end());
      std::sort(manifest.left_out.begin(), manifest.left_out.end(),
                [](const LeftOut& a, const LeftOut& b) { return a.database < b.database; });
      view.runs[id] = {.time = backup->time,
                       .newest = backup->newest,
                       .system_identifier = std::move(manifest.system_identifier),
                       .groups = std::move(manifest.groups),
                       .left_out = std::move(manifest.left_out)};
    } catch (...) {
      const Error error = current_failure();
      if (error.kind() == ErrorKind::transient) throw error;
    }  // what is wrong with it is among the facts
  }
}

/// Notes of each run when the last of its objects was stored.
void note_activity(StoreView& view) {
  const auto note = [&](const std::string& id, UtcTime newest) {
    const auto run = view.runs.find(id);
    if (run != view.runs.end()) run->second.newest = std::max(run->second.newest, newest);
  };
  for (const Backup& backup : view.seen->plan.listing->backups) note(backup.id, backup.newest);
  for (const Write& entry : view.seen->plan.listing->writes) {
    note(entry.backup.id, entry.write.newest);
  }
}

}  // namespace

size_t rows_for(size_t groups) {
  constexpr size_t kLeast = 10;
  return std::clamp(kMostRows / std::max<size_t>(groups, 1), kLeast, kMostRowsOfGroup);
}

std::vector<StoreView> StoreReader::read(const std::stop_token& stop) {
  const Destinations destinations = open_(stop);
  std::vector<StoreView> views;
  for (const Destination& destination : destinations) {
    try {
      views.push_back(read_one(destination, stop));
    } catch (...) {
      const Error error = current_failure();
      if (error.kind() == ErrorKind::canceled) throw error;
      views.push_back({.name = destination.name(), .error = error});
      if (destination.is_open()) views.back().location = destination.store().location("");
    }
  }
  return views;
}

StoreView StoreReader::read_one(const Destination& destination, const std::stop_token& stop) {
  Store& store = destination.store();
  ManifestCache& cache = caches_[destination.name()];
  CachedStore cached(store, cache);
  Log quiet(clock_, LogLevel::error, LogFormat::text);  // the page itself says what is wrong
  StoreView view{.name = destination.name(), .location = store.location(""), .now = store.now()};
  view.seen = look(cached, {rules_, adoption_, view.now}, quiet);
  cache.forget_others();
  view.most_rows = rows_for(shown_groups(view.seen->plan).size());
  read_manifests(view, destination, stop);
  read_runs(cached, view);
  note_activity(view);
  for (const Error& failure : decide(cached, *view.seen, quiet, stop)) {
    view.problems.push_back(failure.message());
  }
  if (auto objection = guard_clock(clock_.now(), view.now)) {
    view.problems.push_back(*std::move(objection));
  }
  return view;
}

void StoreReader::read_manifests(StoreView& view, const Destination& destination,
                                 const std::stop_token& stop) {
  ManifestCache& cache = caches_.at(view.name);
  const Wanted wanted = shown_backups(view.seen->plan, view.most_rows);
  const auto unknown = static_cast<size_t>(std::count_if(
      wanted.begin(), wanted.end(), [&](const Backup* backup) { return !cache.facts(*backup); }));
  std::vector<std::optional<PageFacts>> found(wanted.size());
  const OpenAgain open = [&] { return open_(stop); };
  read_in_parallel(
      {.destination = destination, .open = open, .count = wanted.size(), .unknown = unknown}, stop,
      [&](Store& store, size_t i) {
        CachedStore cached(store, cache);
        found[i] = read_facts(cached, cache, *wanted[i]);
      });
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (found[i]) view.facts.emplace(wanted[i], *found[i]);
  }
}

}  // namespace pgbackup
