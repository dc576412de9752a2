#include "common/catalog/recovery_window.h"

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>
#include <utility>

namespace pgbackup {
namespace {

/// Returns the timelines that are known of a server, newest first.
std::set<Timeline, std::greater<>> timelines_of(const StoredLog& log, Timeline own) {
  std::set<Timeline, std::greater<>> timelines = {own};
  for (const auto& [timeline, segments] : log.wal.segments) timelines.insert(timeline);
  for (const auto& [timeline, history] : log.histories) timelines.insert(timeline);
  return timelines;
}

/// Returns the way from a backup to a timeline; nullopt where there is none.
std::optional<std::vector<WayPart>> way_to(Timeline timeline, const BaseBackup& backup,
                                           const StoredLog& log) {
  static const std::vector<TimelineSwitch> unknown;
  const auto history = log.histories.find(timeline);
  std::optional<std::vector<WayPart>> way = way_between(
      backup.facts.timeline, timeline, history == log.histories.end() ? unknown : history->second);
  if (!way || backup.facts.end > way->front().until.value_or(backup.facts.end)) return std::nullopt;
  return way;
}

/// A base backup that can be restored, with its route.
struct Start {
  const BaseBackup* backup = nullptr;
  RecoveryRoute route;
};

/// Returns whether a recovery from `start` passes by the end of `backup`, so that both get to the
/// same moments from there on.
bool passes_by(const Start& start, const BaseBackup& backup) {
  const ClusterFacts& facts = backup.facts;
  const bool is_on_way =
      std::any_of(start.route.way.begin(), start.route.way.end(), [&](const WayPart& part) {
        return part.timeline == facts.timeline && facts.end <= part.until.value_or(facts.end);
      });
  return is_on_way && start.backup->facts.segment_bytes == facts.segment_bytes &&
         start.backup->facts.start <= facts.start && facts.end <= start.route.reach.until;
}

std::vector<const BaseBackup*> oldest_first(std::span<const BaseBackup> backups) {
  std::vector<const BaseBackup*> sorted;
  for (const BaseBackup& backup : backups) sorted.push_back(&backup);
  std::sort(sorted.begin(), sorted.end(), [](const BaseBackup* a, const BaseBackup* b) {
    return std::tie(a->finished, a->id) < std::tie(b->finished, b->id);
  });
  return sorted;
}

RecoveryWindow window_of(const Start& start) {
  const BaseBackup& backup = *start.backup;
  const WalReach& reach = start.route.reach;
  return {.id = backup.id,
          .from = backup.finished,
          .until = std::max(backup.finished, reach.newest),
          .begin = backup.facts.end,
          .end = reach.until,
          .timeline = reach.timeline,
          .gaps = reach.gaps};
}

/// Says of each window when the next one begins, and leaves the gaps behind that to the next one.
void link(std::vector<RecoveryWindow>& windows) {
  for (RecoveryWindow& window : windows) {
    const auto next = std::find_if(windows.begin(), windows.end(), [&](const auto& other) {
      return &other != &window && other.from >= window.until;
    });
    if (next == windows.end()) continue;
    window.next = next->from;
    std::erase_if(window.gaps, [&](const WalGap& gap) { return gap.begin >= next->begin; });
  }
}

}  // namespace

std::optional<RecoveryRoute> find_route_to(Timeline timeline, const BaseBackup& backup,
                                           const StoredLog& log) {
  std::optional<std::vector<WayPart>> way = way_to(timeline, backup, log);
  if (!way) return std::nullopt;
  WalReach reach = follow(log.wal, *way, backup.facts.start, backup.facts.segment_bytes);
  return RecoveryRoute{.way = *std::move(way), .reach = std::move(reach)};
}

std::vector<RecoveryRoute> find_routes(const BaseBackup& backup, const StoredLog& log) {
  std::vector<RecoveryRoute> routes;
  for (const Timeline timeline : timelines_of(log, backup.facts.timeline)) {
    std::optional<RecoveryRoute> route = find_route_to(timeline, backup, log);
    if (route) routes.push_back(*std::move(route));
  }
  std::stable_sort(routes.begin(), routes.end(),
                   [](const auto& a, const auto& b) { return a.reach.newest > b.reach.newest; });
  return routes;
}

RecoveryRoute find_route(const BaseBackup& backup, const StoredLog& log) {
  return std::move(find_routes(backup, log).front());
}

std::string missing_segment(const StrandedBase& base) {
  return segment_name(segment_at(base.timeline, base.missing, base.segment_bytes),
                      base.segment_bytes);
}

Recovery find_recovery(std::span<const BaseBackup> backups, const StoredLog& log) {
  Recovery recovery;
  std::vector<Start> starts;
  for (const BaseBackup* const backup : oldest_first(backups)) {
    if (std::any_of(starts.begin(), starts.end(),
                    [&](const Start& start) { return passes_by(start, *backup); })) {
      continue;
    }
    if (starts.size() + recovery.stranded.size() == kMostWindows) break;
    RecoveryRoute route = find_route(*backup, log);
    const WalReach& reach = route.reach;
    if (reach.until < backup->facts.end) {
      recovery.stranded.push_back(
          {backup->id, reach.timeline, reach.until, backup->facts.segment_bytes});
    } else {
      starts.push_back({backup, std::move(route)});
    }
  }
  for (const Start& start : starts) recovery.windows.push_back(window_of(start));
  link(recovery.windows);
  return recovery;
}

}  // namespace pgbackup
