// The write-ahead log of one server in one store: what was archived, streamed or handed over by
// archive_command goes in here, and recoveries read it. A file is stored once and never changed.
// Segments are checked by their first page when they are written and when they are read.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/catalog/wal_listing.h"
#include "common/codec/packing.h"
#include "common/codec/sink.h"
#include "common/store/store.h"

namespace pgbackup {

/// The most bytes of a segment that are kept in memory until it is complete. Larger segments are
/// written as they come.
inline constexpr uint64_t kKeptSegmentBytes = kDefaultSegmentBytes;

/// Says what to do where the store holds WAL of another history than that of the server.
inline constexpr std::string_view kOtherHistoryHint =
    "was the server set back to an earlier state, such as to a snapshot of its machine, or does "
    "another copy of it store to the same place? Give this server a place of its own (S3_PREFIX, "
    "BACKUP_DIR): what is stored here stays as it is";

/// Returns what is said where put() has found `damage`.
[[nodiscard]] std::string describe_damage(const std::string& damage);

/// Says what a comparison with a stored segment finds.
struct StoredPart {
  uint64_t bytes = 0;    ///< so many are stored undamaged without a gap, and are the same
  std::string damage{};  ///< why that is not more; empty: nothing that is stored is damaged
};

/// Used by one thread. Several archives, of other processes, too, may store the same file at the
/// same time: none of them deletes what another has stored, and each succeeds. Names are those of
/// any WalFileKind, where nothing else is said. Memory does not depend on the size of segments.
class WalArchive {
 public:
  /// Keeps a reference to `store`, which must outlive the object. Where `packing` has no checksum,
  /// files are packed as zstd.
  WalArchive(Store& store, std::string system_id, const Packing& packing = {},
             const PackingEffort& effort = {});

  /// Returns what is stored of a file; one listing.
  [[nodiscard]] StoredSegment find(std::string_view name);

  /// Stores a file, unless the same is stored already. Throws `conflict` when the stored one has
  /// other bytes, and `corrupt` for a segment that is not the one of the name, or not complete.
  /// Where the stored one is damaged, stores the file beside it, packed in another way, and returns
  /// what the damage is; else an empty string.
  std::string put(const std::string& name, Source& content);
  std::string put(const std::string& name, std::string_view bytes);

  /// Begins to store a file of which find() says that it is not stored. finish() throws `corrupt`
  /// as put() does, and `conflict` where another writer has stored other bytes meanwhile. The
  /// archive must outlive the sink.
  [[nodiscard]] std::unique_ptr<Sink> create(const std::string& name);

  /// Stores the bytes of a segment that begin at `begin` and are not the end of it yet. Throws
  /// `corrupt` when those at 0 do not begin the segment.
  void put_piece(const std::string& name, uint64_t begin, std::string_view bytes);

  /// Compares what is stored of a segment with `bytes` of it, the first of which is that at
  /// `begin`. Throws `conflict` for other content. A damaged piece or segment ends the comparison.
  [[nodiscard]] StoredPart compare_part(const std::string& name, uint64_t begin,
                                        std::string_view bytes);

  /// Writes a file of which find() says that it `stored` is to `sink`, and does not finish `sink`.
  /// Passes over a damaged copy of a file that is stored twice. A segment that is stored
  /// in pieces is joined and filled up with zeros to its full size.
  /// Returns false when it was filled up. Throws `not_found` when nothing is stored, or too little
  /// of the first page to know the size, and `corrupt` for what put() and put_piece() have not
  /// written.
  bool fetch(const std::string& name, const StoredSegment& stored, Sink& sink);

  /// Reads a file and judges it as fetch() does.
  void check(const std::string& name);

 private:
  class Writer;

  [[nodiscard]] Packing packing_of(const std::string& name) const;
  [[nodiscard]] std::string key_of(const std::string& name) const;
  std::string put_large(const std::string& name, std::string_view begin, Source& content);
  void put_whole(const std::string& name, std::string_view bytes, const Packing& packing);
  uint64_t put_bytes(const std::string& key, const Packing& packing, std::string_view bytes);
  [[nodiscard]] bool is_taken(const Error& error, const std::string& key);
  void compare(const std::string& key, std::string_view bytes);
  void read_to_nowhere(const std::string& key);
  [[nodiscard]] std::string undamaged(const StoredSegment& stored);
  void require_sha256(const std::string& key, const std::string& sha256);
  void read(const std::string& key, Sink& sink);
  bool join_pieces(const std::string& name, const StoredSegment& stored, Sink& sink);

  Store& store_;
  std::string system_id_;
  Packing packing_;
  PackingEffort effort_;
};

}  // namespace pgbackup
