// The write-ahead log that a store holds, found by one listing, and how far it reaches without a
// gap. Contents are checked when they are read.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/wal.h"
#include "common/store/store.h"

namespace pgbackup {

struct WalObject {
  std::string key;
  uint64_t bytes = 0;
  UtcTime modified;  ///< by the store's clock
  bool is_encrypted = false;
};

/// A piece of a segment.
struct WalPiece {
  uint64_t begin = 0;  ///< within the segment
  uint64_t end = 0;
  WalObject object;
};

/// Holds what is stored of one segment: the whole, pieces of it, or both. list_wal() counts an
/// object of 0 bytes as neither: nothing is packed into so few.
struct StoredSegment {
  /// The whole, as often as it is stored: packed in another way where a copy was damaged, and once
  /// by each writer that encrypts. The one stored last comes first, one of 0 bytes last.
  std::vector<WalObject> copies{};
  std::vector<WalPiece> pieces{};  ///< by begin, then end

  [[nodiscard]] bool is_whole() const { return !copies.empty(); }
  /// Returns how many bytes from the segment's start are stored without a gap.
  [[nodiscard]] uint64_t reach(uint64_t segment_bytes) const;
};

/// What is stored of one server, by its system identifier.
struct ServerWal {
  std::map<Timeline, std::map<std::string, StoredSegment>> segments{};  ///< by PostgreSQL's name
  std::map<Timeline, WalObject> histories{};
  /// Holds .backup and .partial files, and segments and pieces of 0 bytes, which hold no WAL.
  std::vector<WalObject> others{};
};

/// Everything that is stored of the write-ahead logs, by system identifier.
using WalListing = std::map<std::string, ServerWal>;

/// Says whether pieces of segments that are stored as a whole are listed: who reads the log does
/// not need them, and a server that commits often leaves millions of them between two prunes.
/// Leaves some of millions out in either case, which are listed when others have gone.
enum class FoldedPieces { left_out, listed };

/// Lists the write-ahead log of one server, or of all where `system_id` is empty. Ignores objects
/// with other keys. Throws what the store throws, PartialListing too, and `failed` for more than
/// kMostObjects that are not left out.
[[nodiscard]] WalListing list_wal(Store& store, std::string_view system_id = "",
                                  FoldedPieces folded = FoldedPieces::left_out);

/// Lists what is stored of one file of any WalFileKind; only segments have pieces. Throws as
/// list_wal() does.
[[nodiscard]] StoredSegment list_wal_file(Store& store, std::string_view system_id,
                                          std::string_view name);

/// Returns those objects of `stored` that are not encrypted.
[[nodiscard]] StoredSegment without_encrypted(const StoredSegment& stored);

/// Returns the position up to which the log of `timeline` is stored without a gap from `from` on;
/// `from` itself when not even its byte is stored.
[[nodiscard]] Lsn stored_until(const ServerWal& wal, Timeline timeline, Lsn from,
                               uint64_t segment_bytes);

/// One step of a way through the timelines: the log of `timeline` up to `until`, where the next one
/// branched off, or without an end for the last.
struct WayPart {
  Timeline timeline = 0;
  std::optional<Lsn> until{};
};

/// Returns the way from `from` to `to` by the history of `to`; nullopt when `from` is neither `to`
/// nor an ancestor of it. No part ends before the one before it: a timeline that the recovery left
/// before it began has a part without a byte.
[[nodiscard]] std::optional<std::vector<WayPart>> way_between(
    Timeline from, Timeline to, const std::vector<TimelineSwitch>& history_of_to);

/// A stretch that is not stored although later bytes of the same way are.
struct WalGap {
  Timeline timeline = 0;
  Lsn begin;
  Lsn end;
};

/// How far a recovery that starts at `from` gets, and what is missing on the way to the last stored
/// byte.
struct WalReach {
  Timeline timeline = 0;  ///< of the byte before `until`, or of `from` where no byte is reached
  Lsn until;
  UtcTime newest{};  ///< when the first object was written that ends at `until`; 0: there is none
  std::vector<WalGap> gaps{};
};

/// Follows `way`, of at least one part, from `from`, which lies in its first part: behind the end
/// of that part nothing is reached. The first segment of a timeline also holds the log of its
/// ancestor from the start of the segment on, as PostgreSQL copies and reads it.
[[nodiscard]] WalReach follow(const ServerWal& wal, const std::vector<WayPart>& way, Lsn from,
                              uint64_t segment_bytes);

}  // namespace pgbackup
