#include "common/catalog/wal_listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "common/base/error.h"
#include "common/catalog/catalog.h"

namespace pgbackup {
namespace {

constexpr Lsn kEndOfLog{UINT64_MAX};

/// Calls `visit` for each object of the write-ahead log below `prefix`.
void visit_wal(Store& store, const std::string& prefix,
               const std::function<void(const WalKey&, WalObject)>& visit) {
  store.list(prefix, [&](const ObjectInfo& object) {
    if (const std::optional<WalKey> key = parse_wal_key(object.key)) {
      visit(*key, {.key = object.key,
                   .bytes = object.bytes,
                   .modified = object.modified,
                   .is_encrypted = key->packing.encryption != Encryption::none});
    }
  });
}

/// Returns whether the object is a segment, or a piece of one, without a byte. Packed ones have
/// some.
bool is_empty_segment(const WalKey& key, const WalObject& object) {
  return object.bytes == 0 && wal_file_kind(key.name) == WalFileKind::segment;
}

/// Puts a listing together, and limits how much of it is kept.
class Collector {
 public:
  explicit Collector(FoldedPieces folded) : folded_(folded) {}

  void add(ServerWal& server, const WalKey& key, WalObject object) {
    const Timeline timeline = timeline_of(key.name);
    const std::optional<WalFileKind> kind = wal_file_kind(key.name);
    if (kind == WalFileKind::history) {
      count();
      server.histories.insert_or_assign(timeline, std::move(object));
      return;
    }
    if (kind == WalFileKind::segment && !is_empty_segment(key, object)) {
      add(server.segments[timeline][key.name], key, std::move(object));
      return;
    }
    count();
    server.others.push_back(std::move(object));
  }

  /// Adds a whole file or a piece of a segment.
  void add(StoredSegment& segment, const WalKey& key, WalObject object) {
    const bool is_left_out = folded_ == FoldedPieces::left_out;
    if (key.is_piece) {
      if (segment.is_whole() && is_left_out) return;
      count();
      segment.pieces.push_back({key.begin, key.end, std::move(object)});
      return;
    }
    count();
    segment.copies.push_back(std::move(object));
    if (is_left_out || kept_ > kMostObjects / 2) {
      kept_ -= segment.pieces.size();
      segment.pieces = {};
    }
  }

 private:
  void count() {
    if (++kept_ <= kMostObjects) return;
    throw Error(
        ErrorKind::failed,
        fmt::format("the store lists more than {} objects of the write-ahead log", kMostObjects),
        "give each server a prefix of its own; if there are fewer, the store repeats them");
  }

  const FoldedPieces folded_;
  size_t kept_ = 0;
};

/// Puts the copies and the pieces of a segment in their order.
void sort_objects(StoredSegment& segment) {
  std::sort(segment.copies.begin(), segment.copies.end(),
            [](const WalObject& a, const WalObject& b) {
              const auto rank = [](const WalObject& copy) { return copy.bytes == 0; };
              return std::tuple(rank(a), b.modified, std::string_view(a.key)) <
                     std::tuple(rank(b), a.modified, std::string_view(b.key));
            });
  std::sort(segment.pieces.begin(), segment.pieces.end(), [](const WalPiece& a, const WalPiece& b) {
    return std::tie(a.begin, a.end, a.object.key) < std::tie(b.begin, b.end, b.object.key);
  });
}

/// Bytes of the log that one object holds.
struct Stretch {
  Lsn begin;
  Lsn end;
  UtcTime modified;
};

/// Returns `lsn` + `bytes`, at most the last position there is.
Lsn advance(Lsn lsn, uint64_t bytes) { return {lsn.value + std::min(bytes, ~lsn.value)}; }

/// Adds what is stored of a segment that begins at `start`, cut off at `until`.
void add_segment(std::vector<Stretch>& stretches, const StoredSegment& segment, Lsn start,
                 Lsn until, uint64_t segment_bytes) {
  const auto add = [&](uint64_t begin, uint64_t end, UtcTime modified) {
    const Stretch stretch{advance(start, begin), std::min(advance(start, end), until), modified};
    if (stretch.begin < stretch.end) stretches.push_back(stretch);
  };
  for (const WalObject& copy : segment.copies) add(0, segment_bytes, copy.modified);
  for (const WalPiece& piece : segment.pieces) {
    add(piece.begin, std::min(piece.end, segment_bytes), piece.object.modified);
  }
}

/// Adds what is stored of a timeline from the segment of `from` on.
void add_part(std::vector<Stretch>& stretches, const ServerWal& wal, const WayPart& part, Lsn from,
              uint64_t segment_bytes) {
  const auto segments = wal.segments.find(part.timeline);
  if (segments == wal.segments.end()) return;
  const WalSegment first = segment_at(part.timeline, from, segment_bytes);
  for (auto at = segments->second.lower_bound(segment_name(first, segment_bytes));
       at != segments->second.end(); ++at) {
    const std::optional<WalSegment> segment = parse_segment_name(at->first, segment_bytes);
    if (!segment) continue;
    const Lsn start = start_of(*segment, segment_bytes);
    add_segment(stretches, at->second, start, part.until.value_or(kEndOfLog), segment_bytes);
  }
}

/// Returns what is stored of the way, from the segment of `from` on, in the order of positions.
std::vector<Stretch> find_stretches(const ServerWal& wal, const std::vector<WayPart>& way, Lsn from,
                                    uint64_t segment_bytes) {
  std::vector<Stretch> stretches;
  for (const WayPart& part : way) {
    add_part(stretches, wal, part, from, segment_bytes);
    from = std::max(from, part.until.value_or(kEndOfLog));
  }
  std::sort(stretches.begin(), stretches.end(),
            [](const Stretch& a, const Stretch& b) { return a.begin < b.begin; });
  return stretches;
}

/// Returns the timeline of the byte before `lsn`.
Timeline timeline_before(const std::vector<WayPart>& way, Lsn lsn) {
  const auto part = std::find_if(way.begin(), way.end(), [&](const WayPart& candidate) {
    return lsn <= candidate.until.value_or(kEndOfLog);
  });
  return part == way.end() ? way.back().timeline : part->timeline;
}

/// Adds the stretch [begin, end), which is missing, divided where the timelines change.
void add_gaps(std::vector<WalGap>& gaps, const std::vector<WayPart>& way, Lsn begin, Lsn end) {
  for (const WayPart& part : way) {
    const Lsn until = std::min(end, part.until.value_or(kEndOfLog));
    if (begin >= until) continue;
    gaps.push_back({part.timeline, begin, until});
    begin = until;
  }
}

}  // namespace

uint64_t StoredSegment::reach(uint64_t segment_bytes) const {
  if (is_whole()) return segment_bytes;
  uint64_t reached = 0;
  for (const WalPiece& piece : pieces) {
    if (piece.begin <= reached) reached = std::max(reached, piece.end);
  }
  return std::min(reached, segment_bytes);
}

WalListing list_wal(Store& store, std::string_view system_id, FoldedPieces folded) {
  WalListing listing;
  Collector collector(folded);
  visit_wal(store, wal_prefix(system_id), [&](const WalKey& key, WalObject object) {
    collector.add(listing[key.system_id], key, std::move(object));
  });
  for (auto& [id, server] : listing) {
    for (auto& [timeline, segments] : server.segments) {
      for (auto& [name, segment] : segments) sort_objects(segment);
    }
  }
  return listing;
}

StoredSegment list_wal_file(Store& store, std::string_view system_id, std::string_view name) {
  StoredSegment found;
  Collector collector(FoldedPieces::listed);
  const std::string prefix = wal_key(system_id, name, {Compression::none});
  visit_wal(store, prefix, [&](const WalKey& key, WalObject object) {
    if (key.name == name) collector.add(found, key, std::move(object));
  });
  sort_objects(found);
  return found;
}

StoredSegment without_encrypted(const StoredSegment& stored) {
  StoredSegment plain = stored;
  std::erase_if(plain.copies, [](const WalObject& copy) { return copy.is_encrypted; });
  std::erase_if(plain.pieces, [](const WalPiece& piece) { return piece.object.is_encrypted; });
  return plain;
}

Lsn stored_until(const ServerWal& wal, Timeline timeline, Lsn from, uint64_t segment_bytes) {
  return follow(wal, {{.timeline = timeline}}, from, segment_bytes).until;
}

std::optional<std::vector<WayPart>> way_between(Timeline from, Timeline to,
                                                const std::vector<TimelineSwitch>& history_of_to) {
  auto at = std::find_if(history_of_to.begin(), history_of_to.end(),
                         [&](const TimelineSwitch& step) { return step.parent == from; });
  if (from != to && at == history_of_to.end()) return std::nullopt;
  std::vector<WayPart> way;
  for (; from != to && at != history_of_to.end(); ++at) way.push_back({at->parent, at->at});
  way.push_back({.timeline = to});
  for (size_t i = way.size() - 1; i-- > 1;)
    way[i - 1].until = std::min(way[i - 1].until, way[i].until);
  return way;
}

WalReach follow(const ServerWal& wal, const std::vector<WayPart>& way, Lsn from,
                uint64_t segment_bytes) {
  WalReach reach{.timeline = way.front().timeline, .until = from};
  if (from > way.front().until.value_or(kEndOfLog)) return reach;
  Lsn reached = from;
  for (const Stretch& stretch : find_stretches(wal, way, from, segment_bytes)) {
    if (stretch.end <= from) continue;
    if (stretch.begin > reached) add_gaps(reach.gaps, way, reached, stretch.begin);
    if (stretch.end == reach.until) reach.newest = std::min(reach.newest, stretch.modified);
    if (stretch.end <= reached) continue;
    reached = stretch.end;
    if (!reach.gaps.empty()) continue;
    reach.until = reached;
    reach.newest = stretch.modified;
  }
  reach.timeline = timeline_before(way, reach.until);
  return reach;
}

}  // namespace pgbackup
