// Positions and file names of the write-ahead log, as PostgreSQL has them, and the keys under which
// we store it. Pure.
//
//   _cluster/wal/{system id}/{timeline}/{segment}.zst           a whole segment
//   _cluster/wal/{system id}/{timeline}/{segment}.{begin}-{end}.zst
//                                     a piece: the bytes from begin to end, 8 hexadecimal digits
//                                     each, of a segment that was not complete at the time
//   _cluster/wal/{system id}/{timeline}/{timeline}.history      where the timeline branched off
//   _cluster/wal/{system id}/{timeline}/{segment}.{offset}.backup.zst, {segment}.partial.zst
//                                     what else a server hands to its archive_command
//
//
// Timelines in keys have 8 hexadecimal digits, in uppercase, as in PostgreSQL's names. The suffix
// is that of the packing: .zst, .gz or nothing. History files are never packed.
//
// What is encrypted has a token before the suffix, 8 random hexadecimal digits in lowercase, and
// the end .age: {segment}.{token}.zst.age, {segment}.{begin}-{end}.{token}.zst.age. Who stores it
// cannot read what is stored, and so cannot tell whether that is the same: each writer stores a
// copy of its own. A name without a token is that of a file that was encrypted by hand.
// https://www.postgresql.org/docs/current/wal-internals.html
// https://www.postgresql.org/docs/current/continuous-archiving.html
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/codec/packing.h"

namespace pgbackup {

/// A position in the write-ahead log of a server: a count of bytes.
struct Lsn {
  uint64_t value = 0;
  friend auto operator<=>(const Lsn&, const Lsn&) = default;
};

/// Returns `0/4000028`, as PostgreSQL up to 18 prints a position.
[[nodiscard]] std::string format_lsn(Lsn lsn);
/// Parses `0/4000028`, and `0/04000028` as PostgreSQL 19 prints it, in either case of the digits,
/// as PostgreSQL reads a pg_lsn. Returns nullopt for anything else.
[[nodiscard]] std::optional<Lsn> parse_lsn(std::string_view text);

/// Numbers the timelines of a server from 1. A promotion begins the next one.
using Timeline = uint32_t;

/// Returns whether `text` is a system identifier as PostgreSQL prints it: a number that is not 0.
[[nodiscard]] bool is_system_id(std::string_view text);

/// Returns the 8 hexadecimal digits of names and keys.
[[nodiscard]] std::string format_timeline(Timeline timeline);

inline constexpr uint64_t kLeastSegmentBytes = uint64_t{1} << 20U;
inline constexpr uint64_t kMostSegmentBytes = uint64_t{1} << 30U;
inline constexpr uint64_t kDefaultSegmentBytes = uint64_t{16} << 20U;

/// Returns whether a server can have segments of this size: a power of two within the two limits.
[[nodiscard]] bool is_segment_size(uint64_t bytes);

/// A file of the write-ahead log.
struct WalSegment {
  Timeline timeline = 0;
  uint64_t number = 0;  ///< the position of its first byte divided by the size of segments
  friend auto operator<=>(const WalSegment&, const WalSegment&) = default;
};

// `segment_bytes` is a size for which is_segment_size() is true in all that follows.

/// Returns the segment of `timeline` that holds the byte at `lsn`.
[[nodiscard]] WalSegment segment_at(Timeline timeline, Lsn lsn, uint64_t segment_bytes);
/// Returns the position of the segment's first byte.
[[nodiscard]] Lsn start_of(const WalSegment& segment, uint64_t segment_bytes);
/// Returns PostgreSQL's name: `000000010000000000000005`.
[[nodiscard]] std::string segment_name(const WalSegment& segment, uint64_t segment_bytes);
/// Parses a name of 24 digits. Returns nullopt for anything else, and for a name that does not
/// exist with segments of this size.
[[nodiscard]] std::optional<WalSegment> parse_segment_name(std::string_view name,
                                                           uint64_t segment_bytes);

/// Says what one file of the write-ahead log is, by its name.
enum class WalFileKind {
  segment,  ///< `000000010000000000000005`
  partial,  ///< the same with `.partial`: the last segment of a timeline, as a promotion left it
  backup,   ///< the same with `.00000028.backup`: where a base backup began and ended
  history,  ///< `00000002.history`
};
/// Returns nullopt for a name that an archive_command or restore_command is never called with.
[[nodiscard]] std::optional<WalFileKind> wal_file_kind(std::string_view name);
/// Returns the timeline by the 8 digits that the name begins with; 0 where it does not.
[[nodiscard]] Timeline timeline_of(std::string_view name);

/// Where a timeline ended, and its successor branched off.
struct TimelineSwitch {
  Timeline parent = 0;
  Lsn at;
};

/// Parses a history file: the ancestors of a timeline, oldest first. A position may lie before that
/// of an older ancestor, where a recovery ended before the branch that the recovery was to follow.
/// Throws `corrupt` for text that PostgreSQL does not read, or that names no ancestor.
[[nodiscard]] std::vector<TimelineSwitch> parse_history(std::string_view text);

/// Returns `_cluster/wal/{system id}/`, or for an empty id what all of them start with.
[[nodiscard]] std::string wal_prefix(std::string_view system_id);
/// Returns the key of a file of any WalFileKind. All but history files are packed as `packing`
/// says.
[[nodiscard]] std::string wal_key(std::string_view system_id, std::string_view name,
                                  const Packing& packing);
/// Returns the key of the piece of segment `name` that holds the bytes [begin, end) of it.
[[nodiscard]] std::string wal_piece_key(std::string_view system_id, std::string_view name,
                                        uint64_t begin, uint64_t end, const Packing& packing);

/// Holds the parts of a key.
struct WalKey {
  std::string system_id{};
  std::string name{};  ///< PostgreSQL's name of the file
  Packing packing{};
  std::string token{};  ///< 8 lowercase hexadecimal digits; empty unless the file is encrypted
  bool is_piece = false;
  uint64_t begin = 0;  ///< of a piece: its bytes within the segment
  uint64_t end = 0;
};

/// Puts a key together. That of a history has neither a packing nor a token.
[[nodiscard]] std::string format_wal_key(const WalKey& key);

/// Takes a key apart. Returns nullopt for a key that format_wal_key() does not make.
[[nodiscard]] std::optional<WalKey> parse_wal_key(std::string_view key);

}  // namespace pgbackup
