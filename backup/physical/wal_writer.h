// Turns a stream of WAL into objects of an archive: whole segments when they are complete, pieces
// of the last one before. What stored() names is in the store, by the store's own word.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "backup/physical/wal_archive.h"
#include "common/catalog/wal.h"

namespace pgbackup {

/// The most bytes that wait for a piece.
inline constexpr uint64_t kMostPieceBytes = kKeptSegmentBytes;

/// Writes the log of one timeline; used by one thread.
class WalWriter {
 public:
  /// Begins at `start`, the start of a segment. The archive, which must outlive the writer, holds
  /// what lies between `start` and `stored` already: of segments that are no large ones, the bytes
  /// that come are compared with it.
  WalWriter(WalArchive& archive, Timeline timeline, Lsn start, Lsn stored, uint64_t segment_bytes);

  /// Takes the bytes at `position`. Stores what became complete. Throws `corrupt` unless the bytes
  /// follow those before, `conflict` where other bytes are stored, and what the archive throws.
  void write(Lsn position, std::string_view bytes);
  /// Stores a piece with all bytes that are not stored yet. Where there are none, gives memory back.
  void flush();

  [[nodiscard]] Lsn received() const { return received_; }
  /// Returns up to where all bytes are stored: no more than the start until those that the archive
  /// held have come again, and are the same.
  [[nodiscard]] Lsn stored() const { return received_ < known_ ? segment_start_ : stored_; }
  [[nodiscard]] bool is_all_stored() const { return stored_ >= received_; }

 private:
  [[nodiscard]] std::string name() const;
  /// Returns whether the present segment is kept until it is complete.
  [[nodiscard]] bool is_kept() const { return segment_bytes_ <= kKeptSegmentBytes; }
  [[nodiscard]] std::string_view unstored() const;
  void take(std::string_view bytes);
  void take_large(std::string_view bytes);
  void finish_segment();

  WalArchive& archive_;
  Timeline timeline_;
  uint64_t segment_bytes_;
  Lsn segment_start_;
  Lsn received_;
  const Lsn known_;  ///< the archive held all bytes before at the start
  Lsn stored_;
  std::string segment_;          ///< its bytes so far, unless it is a large one
  std::unique_ptr<Sink> large_;  ///< of a large one that is not stored yet
  std::string large_piece_;      ///< of a large one, the bytes from stored_ to received_
};

}  // namespace pgbackup
