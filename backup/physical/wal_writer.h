// Turns a stream of WAL into objects of an archive: whole segments when they are complete, pieces
// of the last one before. What stored() names is in the store, by the store's own word.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "backup/physical/wal_archive.h"
#include "backup/physical/wal_start.h"
#include "common/base/log.h"
#include "common/catalog/wal.h"

namespace pgbackup {

/// The most bytes that wait for a piece.
inline constexpr uint64_t kMostPieceBytes = kKeptSegmentBytes;

/// Writes the log of one timeline; used by one thread.
class WalWriter {
 public:
  /// Begins at `start`, of which the store holds a part already: the bytes that come are compared
  /// with it, or stored again where the archive cannot compare them. What is damaged is stored
  /// again, with a warning; of a large segment only with the whole of it. The archive and the log
  /// must outlive the writer. Throws what the archive throws.
  WalWriter(WalArchive& archive, const WalStart& start, uint64_t segment_bytes, Log& log);

  /// Takes the bytes at `position`. Stores what became complete. Throws `corrupt` unless the bytes
  /// follow those before, `conflict` where other bytes are stored, and what the archive throws.
  void write(Lsn position, std::string_view bytes);
  /// Stores a piece with all bytes that are not stored yet. Where there are none, gives memory
  /// back. Throws `conflict` where the archive holds other bytes than those that came.
  void flush();

  [[nodiscard]] Lsn received() const { return received_; }
  /// Returns up to where all bytes are stored: no more than the start until those that the archive
  /// held have come again, and are the same, and no more than those of them that are undamaged.
  [[nodiscard]] Lsn stored() const {
    return received_ < known_ || is_damaged_ ? segment_start_ : stored_;
  }
  [[nodiscard]] bool is_all_stored() const { return stored_ >= received_; }

 private:
  [[nodiscard]] std::string name() const;
  [[nodiscard]] Lsn find_known(const WalStart& start);
  /// Returns whether the present segment is kept until it is complete.
  [[nodiscard]] bool is_kept() const { return segment_bytes_ <= kKeptSegmentBytes; }
  [[nodiscard]] std::string_view unstored() const;
  void take(std::string_view bytes);
  void take_large(std::string_view bytes);
  void compare_segment(Lsn end);
  void compare_known(Lsn begin, std::string_view bytes);
  void compare_large(std::string_view bytes);
  void finish_segment();

  WalArchive& archive_;
  Log& log_;
  Timeline timeline_;
  uint64_t segment_bytes_;
  Lsn segment_start_;
  Lsn received_;
  const Lsn known_;  ///< the archive held all bytes before at the start, and can compare them
  Lsn compared_;     ///< of what it held of a segment that is not a large one
  Lsn stored_;
  std::string segment_;          ///< its bytes so far, unless it is a large one
  std::unique_ptr<Sink> large_;  ///< of a large one that is not stored yet
  std::string large_piece_;      ///< of a large one, the bytes from stored_ to received_
  std::string large_known_;      ///< of a large one, bytes up to received_ that wait to be compared
  bool is_damaged_ = false;      ///< a piece of the present segment, which is a large one
};

}  // namespace pgbackup
