#include "prune/wal_plan.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <utility>

#include "common/catalog/key_grammar.h"
#include "prune/plan.h"

namespace pgbackup {
namespace {

using Bases = std::vector<const BaseBackup*>;

/// Returns the name of the segment that the object is, or belongs to. All names but those of
/// histories begin with it.
std::string_view segment_of(const WalObject& object) {
  constexpr size_t kNameLength = 24;
  const std::string_view key = object.key;
  return key.substr(key.rfind('/') + 1, kNameLength);
}

/// Calls `visit` with each object but the histories, and whether it is a piece whose whole segment
/// has been stored for long enough.
template <class Visit>
void visit_objects(const ServerWal& wal, UtcTime now, const Visit& visit) {
  for (const auto& [timeline, segments] : wal.segments) {
    for (const auto& [name, segment] : segments) {
      const bool is_folded =
          std::any_of(segment.copies.begin(), segment.copies.end(),
                      [&](const WalObject& copy) { return copy.modified + kWriterPause <= now; });
      for (const WalPiece& piece : segment.pieces) visit(piece.object, is_folded);
      for (const WalObject& copy : segment.copies) visit(copy, false);
    }
  }
  for (const WalObject& object : wal.others) visit(object, false);
}

/// Where the base backups of one server begin that stay.
class Beginnings {
 public:
  explicit Beginnings(const Bases& staying) {
    for (const BaseBackup* const base : staying) {
      const ClusterFacts& facts = base->facts;
      const WalSegment first = segment_at(facts.timeline, facts.start, facts.segment_bytes);
      const auto [known, is_new] = first_.try_emplace(facts.segment_bytes, first.number);
      if (!is_new) known->second = std::min(known->second, first.number);
      newest_ = std::max(newest_, facts.timeline);
    }
  }

  /// Returns whether the segment lies before all of them, whatever size its server's segments had
  /// at the time.
  [[nodiscard]] bool are_behind(std::string_view name) const {
    return timeline_of(name) <= newest_ &&
           std::all_of(first_.begin(), first_.end(), [&](const auto& first) {
             const std::optional<WalSegment> segment = parse_segment_name(name, first.first);
             return segment && segment->number < first.second;
           });
  }

 private:
  std::map<uint64_t, uint64_t> first_;  ///< the first segment that is needed, by the segments' size
  Timeline newest_ = 0;
};

/// Returns until when objects were written that no base backup in progress can need.
UtcTime settled_at(const WalTimes& times) {
  return std::min(times.now, times.in_progress.value_or(times.now)) - kLongestCheckpoint;
}

ServerWalPlan plan_server(const ServerWal& wal, const WalTimes& times,
                          const std::function<bool(std::string_view)>& is_needed) {
  ServerWalPlan plan;
  const auto keep = [&](const WalObject& object) {
    ++plan.kept;
    plan.kept_bytes += object.bytes;
  };
  for (const auto& [timeline, history] : wal.histories) keep(history);
  const UtcTime settled = settled_at(times);
  visit_objects(wal, times.now, [&](const WalObject& object, bool is_folded) {
    if (!is_folded && (object.modified >= settled || is_needed(segment_of(object)))) {
      keep(object);
      return;
    }
    plan.removed.push_back(&object);
    plan.removed_bytes += object.bytes;
  });
  std::sort(plan.removed.begin(), plan.removed.end(),
            [](const WalObject* a, const WalObject* b) { return a->key < b->key; });
  return plan;
}

Bases of_server(std::span<const BaseBackup* const> bases, std::string_view system_identifier) {
  Bases own;
  std::copy_if(bases.begin(), bases.end(), std::back_inserter(own), [&](const BaseBackup* base) {
    return base->system_identifier == system_identifier;
  });
  return own;
}

void keep_all(ServerWalPlan& plan, std::string_view reason) {
  plan.kept += plan.removed.size();
  plan.kept_bytes += plan.removed_bytes;
  plan.removed.clear();
  plan.removed_bytes = 0;
  plan.note = reason;
}

}  // namespace

UtcTime begin_of(const BaseBackup& backup) {
  return parse_backup_id(backup.id).value_or(UtcTime());
}

bool goes_on(const ServerWal& wal, UtcTime since) {
  return !timelines_that_go_on(wal, since).empty();
}

std::set<Timeline> timelines_that_go_on(const ServerWal& wal, UtcTime since) {
  std::set<Timeline> timelines;
  visit_objects(wal, since, [&](const WalObject& object, bool) {
    if (object.modified >= since) timelines.insert(timeline_of(segment_of(object)));
  });
  return timelines;
}

void keep_all_wal(WalPlan& plan, std::string_view reason) {
  for (ServerWalPlan& server : plan) keep_all(server, reason);
}

WalPlan make_wal_plan(const StoredLogs& logs, std::span<const BaseBackup* const> staying,
                      const WalTimes& times) {
  std::optional<UtcTime> oldest;
  for (const BaseBackup* const base : staying) {
    oldest = std::min(oldest.value_or(begin_of(*base)), begin_of(*base));
  }
  WalPlan plan;
  for (const auto& [system_identifier, log] : logs) {
    const Bases own = of_server(staying, system_identifier);
    const Beginnings beginnings(own);
    ServerWalPlan server = plan_server(log.wal, times, [&](std::string_view segment) {
      return !own.empty() && !beginnings.are_behind(segment);
    });
    server.system_identifier = system_identifier;
    if (own.empty() && (!oldest || goes_on(log.wal, *oldest))) {
      keep_all(server, oldest ? "no base backup of this server stays, and its log goes on "
                                "after the oldest base backup that does"
                              : "there is no base backup that stays");
    }
    plan.push_back(std::move(server));
  }
  return plan;
}

}  // namespace pgbackup
