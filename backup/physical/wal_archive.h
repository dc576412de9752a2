// The write-ahead log of one server in one store: what was archived, streamed or handed over by
// archive_command goes in here. Nothing that is stored is ever changed. Segments are checked by
// their first page when they are written; wal_reader.h reads them.
//
// A file is stored once, after a comparison with what is stored under its name. What is encrypted
// cannot be compared, since who stores it has no key to read it: each writer then stores a copy
// under a name of its own, and relies on nothing that another has stored.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
  /// files are packed as zstd. Histories are never packed.
  WalArchive(Store& store, std::string system_id, const Packing& packing = {},
             const PackingEffort& effort = {});

  /// Returns what is stored of a file; one listing.
  [[nodiscard]] StoredSegment find(std::string_view name);
  /// Returns how many bytes from a segment's start are stored so that compare_part() can read them:
  /// none where this archive encrypts.
  [[nodiscard]] uint64_t comparable_bytes(std::string_view name);
  /// Returns whether the whole file is to be stored: always where this archive encrypts, and else
  /// where no copy is stored that is not encrypted.
  [[nodiscard]] bool is_wanted(std::string_view name);

  /// Stores a file, unless the same is stored already. Throws `conflict` when the stored one has
  /// other bytes, and `corrupt` for a segment that is not the one of the name, or not complete.
  /// Where the stored one is damaged, stores the file beside it, packed in another way, and returns
  /// what the damage is; else an empty string. Where this archive encrypts, stores the file
  /// whatever is stored.
  std::string put(const std::string& name, Source& content);
  std::string put(const std::string& name, std::string_view bytes);

  /// Begins to store a file that is_wanted(). finish() throws `corrupt` as put() does, and
  /// `conflict` where another writer has stored other bytes meanwhile. The archive must outlive the
  /// sink.
  [[nodiscard]] std::unique_ptr<Sink> create(const std::string& name);

  /// Stores the bytes of a segment that begin at `begin` and are not the end of it yet. Throws
  /// `corrupt` when those at 0 do not begin the segment.
  void put_piece(const std::string& name, uint64_t begin, std::string_view bytes);

  /// Compares what is stored of a segment, and not encrypted, with `bytes` of it, the first of
  /// which is that at `begin`. Throws `conflict` for other content. A damaged piece or segment ends
  /// the comparison.
  [[nodiscard]] StoredPart compare_part(const std::string& name, uint64_t begin,
                                        std::string_view bytes);

 private:
  class Writer;

  [[nodiscard]] Packing packing_of(std::string_view name) const;
  [[nodiscard]] std::string new_key(WalKey key) const;
  [[nodiscard]] StoredSegment comparable(std::string_view name);
  std::string put_large(const std::string& name, std::string_view begin, Source& content);
  void put_whole(const std::string& name, std::string_view bytes, const Packing& packing);
  uint64_t put_bytes(const std::string& key, const Packing& packing, std::string_view bytes);
  [[nodiscard]] bool is_taken(const Error& error, const std::string& key, const Packing& packing);
  void compare(const std::string& key, std::string_view bytes);
  void read_to_nowhere(const std::string& key);
  [[nodiscard]] std::string undamaged(const std::vector<WalObject>& copies);
  void require_sha256(const std::string& key, const std::string& sha256);
  void read(const std::string& key, Sink& sink);

  Store& store_;
  std::string system_id_;
  Packing packing_;
  PackingEffort effort_;
};

}  // namespace pgbackup
