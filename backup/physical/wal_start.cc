#include "backup/physical/wal_start.h"

#include <algorithm>
#include <optional>

namespace pgbackup {
namespace {

WalStart at(Timeline timeline, Lsn stored, uint64_t segment_bytes) {
  const WalSegment segment = segment_at(timeline, stored, segment_bytes);
  return {.timeline = timeline, .position = start_of(segment, segment_bytes), .stored = stored};
}

/// Returns where the newest stored WAL of a timeline ends; nullopt when nothing of it is stored.
std::optional<Lsn> end_of(const ServerWal& stored, Timeline timeline, uint64_t segment_bytes) {
  const auto found = stored.segments.find(timeline);
  if (found == stored.segments.end() || found->second.empty()) return std::nullopt;
  const auto& [name, last] = *found->second.rbegin();
  const std::optional<WalSegment> segment = parse_segment_name(name, segment_bytes);
  if (!segment) return std::nullopt;
  return Lsn{start_of(*segment, segment_bytes).value + last.reach(segment_bytes)};
}

}  // namespace

WalStart start_here(const ServerPosition& server) {
  WalStart start = at(server.timeline, server.position, server.segment_bytes);
  start.stored = start.position;
  start.is_first = true;
  return start;
}

WalStart fill_hole(const ServerWal& stored, const ServerPosition& server, const WalStart& start,
                   Lsn kept) {
  if (kept >= start.stored) return start;
  std::vector<WayPart> way;
  for (const TimelineSwitch& step : server.history) {
    if (kept < step.at && step.parent < start.timeline) way.push_back({step.parent, step.at});
  }
  way.push_back({.timeline = start.timeline});
  const WalReach reach = follow(stored, way, kept, server.segment_bytes);
  if (reach.until >= start.stored) return start;
  return at(reach.timeline, reach.until, server.segment_bytes);
}

WalStart find_start(const ServerWal& stored, const ServerPosition& server) {
  const std::vector<TimelineSwitch>& history = server.history;
  const auto timeline_at = [&](size_t i) {
    return i < history.size() ? history[i].parent : server.timeline;
  };
  for (size_t i = history.size() + 1; i-- > 0;) {  // from the newest timeline back
    const std::optional<Lsn> end = end_of(stored, timeline_at(i), server.segment_bytes);
    if (!end) continue;
    const bool is_complete = i < history.size() && *end >= history[i].at;
    if (!is_complete) return at(timeline_at(i), *end, server.segment_bytes);
    // The next timeline begins with the segment of the switch.
    WalStart next = at(timeline_at(i + 1), history[i].at, server.segment_bytes);
    next.stored = next.position;
    return next;
  }
  return start_here(server);
}

}  // namespace pgbackup
