#include "backup/physical/choose_base.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

/// A base backup and what became of it.
struct Judged {
  size_t number = 0;
  const BaseBackup* backup = nullptr;
  std::optional<RecoveryRoute> route{};
  std::string elsewhere{};  ///< where else a recovery gets to, for people; empty: nowhere
  bool is_whole = false;    ///< it can be restored, whatever the target
  bool is_late = false;     ///< it ended after the target
  std::string refusal{};    ///< empty: it reaches the target
};

/// Returns whether a recovery along `other` gets to bytes that do not lie on `route`.
bool leaves(const RecoveryRoute& other, const RecoveryRoute& route) {
  const auto part = std::find_if(route.way.begin(), route.way.end(), [&](const WayPart& one) {
    return one.timeline == other.reach.timeline;
  });
  return part == route.way.end() || other.reach.until > part->until.value_or(other.reach.until);
}

std::string describe_other(const WalReach& reach) {
  return fmt::format(
      "the stored WAL also leads to {} on timeline {}, stored up to {}: --target-timeline {} "
      "restores that instead",
      format_lsn(reach.until), reach.timeline, format_iso(reach.newest), reach.timeline);
}

/// Finds the route that is wanted, and the best one that leads elsewhere.
void find_routes_of(Judged& judged, const StoredLog& log, const BaseRequest& request) {
  for (RecoveryRoute& route : find_routes(*judged.backup, log)) {
    const bool is_wanted = !request.timeline || *request.timeline == route.timeline();
    if (!judged.route && is_wanted) {
      judged.route = std::move(route);
    } else if (judged.route && judged.elsewhere.empty() && leaves(route, *judged.route)) {
      judged.elsewhere = describe_other(route.reach);
    }
  }
}

UtcTime whole_seconds(CommitTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

/// Returns the target by the clock that backups and stored objects are dated by.
CommitTime time_of(const RecoveryTarget& target, const BaseBackup& backup) {
  return target.time - backup.facts.clock_ahead;
}

/// Returns why a backup is too new for the target; an empty string when it is not.
std::string lateness(const BaseBackup& backup, const RecoveryTarget& target) {
  if (target.kind == TargetKind::time && backup.finished > time_of(target, backup)) {
    return fmt::format("ended at {}, after the target", format_iso(backup.finished));
  }
  if (target.kind == TargetKind::lsn && backup.facts.end > target.lsn) {
    return fmt::format("ended at {}, after the target", format_lsn(backup.facts.end));
  }
  return "";
}

/// Returns why the stored WAL does not reach the target; an empty string when it does. A position
/// is reached by a record that begins there or behind it.
std::string shortness(const BaseBackup& backup, const WalReach& reach,
                      const RecoveryTarget& target) {
  if (target.kind == TargetKind::lsn && reach.until <= target.lsn) {
    return fmt::format("the stored WAL ends at {}, before the target", format_lsn(reach.until));
  }
  if (target.kind == TargetKind::time && reach.newest < whole_seconds(time_of(target, backup))) {
    return fmt::format("the newest stored WAL is from {}, before the target",
                       format_iso(reach.newest));
  }
  return "";
}

/// Returns why the backup cannot be restored at all; an empty string when it can.
std::string brokenness(const BaseBackup& backup, const std::optional<RecoveryRoute>& route,
                       const BaseRequest& request) {
  if (!route) {
    return fmt::format("timeline {} does not go on from it", request.timeline.value_or(0));
  }
  if (route->reach.until >= backup.facts.end) return "";
  const WalSegment missing =
      segment_at(route->reach.timeline, route->reach.until, backup.facts.segment_bytes);
  return fmt::format("the WAL that it needs is not stored: {} is missing or incomplete",
                     segment_name(missing, backup.facts.segment_bytes));
}

void judge(Judged& judged, const StoredLog& log, const BaseRequest& request) {
  find_routes_of(judged, log, request);
  judged.refusal = brokenness(*judged.backup, judged.route, request);
  judged.is_whole = judged.refusal.empty();
  if (!judged.is_whole) return;
  judged.refusal = lateness(*judged.backup, request.target);
  judged.is_late = !judged.refusal.empty();
  if (!judged.is_late) {
    judged.refusal = shortness(*judged.backup, judged.route->reach, request.target);
  }
}

/// Maps each server to the end of its newest backup.
std::map<std::string, UtcTime> newest_of(std::span<const BaseBackup> backups) {
  std::map<std::string, UtcTime> newest;
  for (const BaseBackup& backup : backups) {
    UtcTime& time = newest[backup.system_identifier];
    time = std::max(time, backup.finished);
  }
  return newest;
}

/// Returns the backups that the request may mean, in the order of preference: those of the server
/// that was backed up last; those that lead to the WAL that was stored last, since what another
/// timeline holds behind the branch was given up or only tried out; the newest.
std::vector<Judged> judge_all(std::span<const BaseBackup> backups, const StoredLogs& logs,
                              const BaseRequest& request) {
  const StoredLog none;
  std::vector<Judged> all;
  for (size_t i = 0; i < backups.size(); ++i) {
    if (request.id != "latest" && request.id != backups[i].id) continue;
    const auto log = logs.find(backups[i].system_identifier);
    judge(all.emplace_back(Judged{.number = i, .backup = &backups[i]}),
          log == logs.end() ? none : log->second, request);
  }
  const std::map<std::string, UtcTime> newest = newest_of(backups);
  const auto rank = [&](const Judged& judged) {
    const UtcTime finished = judged.backup->finished;
    return std::tuple(newest.at(judged.backup->system_identifier),
                      judged.is_whole ? judged.route->reach.newest : finished, finished);
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const Judged& a, const Judged& b) { return rank(a) > rank(b); });
  return all;
}

/// Returns `2026-11-20T03:15:00Z to 2026-11-21T03:15:00Z (0/3000100 to 0/9000000 on timeline 1)`.
std::string describe_window(const Judged& first) {
  const WalReach& reach = first.route->reach;
  return fmt::format("{} to {} ({} to {} on timeline {})", format_iso(first.backup->finished),
                     format_iso(std::max(first.backup->finished, reach.newest)),
                     format_lsn(first.backup->facts.end), format_lsn(reach.until), reach.timeline);
}

/// Returns the windows that can be reached, the preferred ones first. Backups whose WAL reaches
/// equally far share one, which begins with the oldest of them.
std::vector<std::string> describe_windows(const std::vector<Judged>& all) {
  constexpr size_t kMost = 5;
  std::vector<std::string> windows;
  for (auto one = all.begin(); one != all.end() && windows.size() < kMost; ++one) {
    if (!one->is_whole) continue;
    const bool goes_further_back = std::any_of(one + 1, all.end(), [&](const Judged& older) {
      return older.is_whole && older.backup->system_identifier == one->backup->system_identifier &&
             older.route->reach.timeline == one->route->reach.timeline &&
             older.route->reach.until == one->route->reach.until;
    });
    if (!goes_further_back) windows.push_back(describe_window(*one));
  }
  return windows;
}

/// Returns what a person can do where nothing that the request may mean is to be restored. `others`
/// are the windows without its timeline and id.
std::string advice_of(const std::vector<std::string>& windows,
                      const std::vector<std::string>& others, const BaseRequest& request) {
  if (!windows.empty()) {
    return fmt::format("what can be reached: {}; without a target all of it is restored",
                       fmt::join(windows, ", "));
  }
  if (others.empty()) return "take a base backup: nothing that is stored can be restored";
  std::vector<std::string> flags;
  if (request.timeline) flags.emplace_back("--target-timeline");
  if (request.id != "latest") flags.emplace_back("--id");
  return fmt::format("what can be reached without {}: {}", fmt::join(flags, " and "),
                     fmt::join(others, ", "));
}

[[noreturn]] void refuse(const std::vector<Judged>& all, const std::vector<std::string>& others,
                         const BaseRequest& request) {
  if (all.empty()) {
    throw Error(ErrorKind::not_found,
                request.id == "latest"
                    ? "there is no complete base backup"
                    : fmt::format("there is no complete base backup {}", short_line(request.id)),
                "pg-backup list shows what there is");
  }
  constexpr size_t kMost = 3;
  std::vector<std::string> reasons;
  for (size_t i = 0; i < std::min(all.size(), kMost); ++i) {
    reasons.push_back(fmt::format("{}: {}", all[i].backup->id, all[i].refusal));
  }
  if (all.size() > kMost) reasons.push_back(fmt::format("and {} more", all.size() - kMost));
  throw Error(
      ErrorKind::not_found,
      fmt::format("{} cannot be reached ({})", describe(request.target), fmt::join(reasons, "; ")),
      advice_of(describe_windows(all), others, request));
}

/// Returns what a person should know about the choice. `before` are those that were preferred.
std::vector<std::string> warnings_of(std::span<const Judged> before, const Judged& chosen,
                                     const BaseRequest& request) {
  /// A server that is used ends a transaction more often.
  constexpr std::chrono::minutes kMostSilence{10};
  const RecoveryTarget& target = request.target;
  std::vector<std::string> warnings;
  for (const Judged& judged : before) {
    if (judged.is_late) continue;
    warnings.push_back(fmt::format("passed over: {}: {}", judged.backup->id, judged.refusal));
  }
  const WalReach& reach = chosen.route->reach;
  if (!reach.gaps.empty() && target.kind == TargetKind::end) {
    warnings.push_back(fmt::format(
        "the stored WAL has a gap at {}: what is behind it cannot be restored from this "
        "base backup",
        format_lsn(reach.until)));
  }
  if (!chosen.elsewhere.empty() && !request.timeline) warnings.push_back(chosen.elsewhere);
  const std::chrono::seconds ahead = chosen.backup->facts.clock_ahead;
  if (target.kind == TargetKind::time && ahead.count() != 0) {
    warnings.push_back(fmt::format(
        "the server's clock was {} {} that of the store when the base backup ended: the target is "
        "taken for a time of the server",
        format_duration(std::chrono::abs(ahead)), ahead.count() > 0 ? "ahead of" : "behind"));
  }
  if (target.kind == TargetKind::time &&
      reach.newest - time_of(target, *chosen.backup) < kMostSilence) {
    warnings.push_back(
        "if no transaction ended after the target, the server will refuse to start, since it does "
        "not find the target: restore without a target then, which gives the same state");
  }
  if (target.kind == TargetKind::xid || target.kind == TargetKind::name) {
    warnings.push_back(
        fmt::format("it is not known where {} lies: if the server does not find it, restore an "
                    "older base backup with --id",
                    describe(target)));
  }
  return warnings;
}

}  // namespace

ChosenBase choose_base(std::span<const BaseBackup> backups, const StoredLogs& logs,
                       const BaseRequest& request) {
  std::vector<Judged> all = judge_all(backups, logs, request);
  const auto chosen = std::find_if(all.begin(), all.end(),
                                   [](const Judged& judged) { return judged.refusal.empty(); });
  if (chosen == all.end()) {
    refuse(all, describe_windows(judge_all(backups, logs, {.target = request.target})), request);
  }
  std::vector<std::string> warnings = warnings_of({all.begin(), chosen}, *chosen, request);
  return {.number = chosen->number,
          .timeline = chosen->route->timeline(),
          .way = std::move(chosen->route->way),
          .reach = std::move(chosen->route->reach),
          .warnings = std::move(warnings)};
}

std::vector<std::string> segments_between(const ServerWal& wal, const std::vector<WayPart>& way,
                                          Lsn from, Lsn until, uint64_t segment_bytes) {
  std::vector<std::string> names;
  for (const WayPart& part : way) {
    const Lsn end = std::min(until, part.until.value_or(until));
    const auto segments = wal.segments.find(part.timeline);
    if (from >= end) continue;
    const auto name_at = [&](Lsn lsn) {
      return segment_name(segment_at(part.timeline, lsn, segment_bytes), segment_bytes);
    };
    const std::string last = name_at({end.value - 1});
    if (segments != wal.segments.end()) {
      for (auto at = segments->second.lower_bound(name_at(from));
           at != segments->second.end() && at->first <= last; ++at) {
        names.push_back(at->first);
      }
    }
    from = end;
  }
  return names;
}

std::vector<std::string> history_names(const StoredLog& log) {
  std::vector<std::string> names;
  for (const auto& [timeline, history] : log.histories) {
    names.push_back(format_timeline(timeline) + ".history");
  }
  return names;
}

}  // namespace pgbackup
