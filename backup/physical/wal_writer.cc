#include "backup/physical/wal_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/error.h"

namespace pgbackup {

WalWriter::WalWriter(WalArchive& archive, const WalStart& start, uint64_t segment_bytes, Log& log)
    : archive_(archive),
      log_(log),
      timeline_(start.timeline),
      segment_bytes_(segment_bytes),
      segment_start_(start.position),
      received_(start.position),
      known_(find_known(start)),
      compared_(start.position),
      stored_(known_) {}

/// Returns up to where the bytes that come are to be compared.
Lsn WalWriter::find_known(const WalStart& start) {
  if (start.stored <= start.position) return start.position;
  return std::min(start.stored, Lsn{start.position.value + archive_.comparable_bytes(name())});
}

void WalWriter::write(Lsn position, std::string_view bytes) {
  if (position != received_) {
    throw Error(ErrorKind::corrupt, fmt::format("the server sent WAL at {} where {} follows",
                                                format_lsn(position), format_lsn(received_)));
  }
  while (!bytes.empty()) {
    const uint64_t room = segment_start_.value + segment_bytes_ - received_.value;
    take(bytes.substr(0, room));
    bytes.remove_prefix(std::min<uint64_t>(room, bytes.size()));
    if (received_.value == segment_start_.value + segment_bytes_) finish_segment();
  }
}

/// Takes bytes of the present segment.
void WalWriter::take(std::string_view bytes) {
  if (!is_kept()) return take_large(bytes);
  const Lsn begin = received_;
  segment_.reserve(segment_bytes_);  // else it grows to twice the size
  segment_ += bytes;
  received_.value += bytes.size();
  if (begin < known_ && known_ <= received_) compare_segment(known_);
}

/// Compares the bytes of the present segment up to `end` with what the archive held of them.
void WalWriter::compare_segment(Lsn end) {
  compare_known(segment_start_,
                std::string_view(segment_).substr(0, end.value - segment_start_.value));
  compared_ = end;
}

/// Compares bytes that came again with what the archive held of them at the start.
void WalWriter::compare_known(Lsn begin, std::string_view bytes) {
  const StoredPart same = archive_.compare_part(name(), begin.value - segment_start_.value, bytes);
  if (same.bytes == bytes.size()) return;
  const Lsn damaged{begin.value + same.bytes};
  log_.warn("the stored WAL is damaged from here on, and is stored again",
            {{"from", format_lsn(damaged)},
             {"cause", same.damage.empty() ? "it was deleted meanwhile" : same.damage}});
  if (is_kept()) {
    stored_ = damaged;
  } else {
    is_damaged_ = true;
  }
}

/// Compares bytes of a large segment, as many at a time as a piece has.
void WalWriter::compare_large(std::string_view bytes) {
  if (is_damaged_ || large_ == nullptr) return;  // large_ stores the whole, or it is there
  large_known_ += bytes;
  const Lsn end = std::min(received_, known_);
  if (large_known_.size() < kMostPieceBytes && end < known_) return;
  compare_known({end.value - large_known_.size()}, large_known_);
  large_known_.clear();
  if (end == known_) large_known_.shrink_to_fit();
}

/// Takes bytes of a segment that is too large to be kept.
void WalWriter::take_large(std::string_view bytes) {
  const Lsn begin = received_;
  const bool is_first = begin == segment_start_;
  if (is_first && archive_.is_wanted(name())) large_ = archive_.create(name());
  if (large_ != nullptr) large_->write(bytes);
  received_.value += bytes.size();
  if (begin < known_) compare_large(bytes.substr(0, known_.value - begin.value));
  if (received_ <= stored_) return;
  large_piece_ += bytes.substr(stored_ > begin ? stored_.value - begin.value : 0);
  // The last bytes of a segment are stored with the whole of it.
  if (large_piece_.size() >= kMostPieceBytes &&
      received_.value < segment_start_.value + segment_bytes_) {
    flush();
  }
}

/// Returns the bytes from stored_ to received_.
std::string_view WalWriter::unstored() const {
  if (!is_kept()) return large_piece_;
  return received_ > stored_
             ? std::string_view(segment_).substr(stored_.value - segment_start_.value)
             : std::string_view();
}

void WalWriter::flush() {
  // A server that was set back may stay behind what is stored for long.
  if (is_kept() && received_ < known_ && received_ > compared_) compare_segment(received_);
  const std::string_view piece = unstored();
  if (piece.empty()) return segment_.shrink_to_fit();  // while nothing comes
  archive_.put_piece(name(), received_.value - segment_start_.value - piece.size(), piece);
  large_piece_.clear();
  stored_ = received_;
}

void WalWriter::finish_segment() {
  if (is_kept()) {
    const std::string damage = archive_.put(name(), segment_);
    if (!damage.empty()) log_.warn("stored WAL is damaged", {{"cause", describe_damage(damage)}});
  }
  if (large_ != nullptr) large_->finish();
  large_.reset();
  segment_.clear();
  large_piece_.clear();
  is_damaged_ = false;
  segment_start_ = received_;
  stored_ = std::max(stored_, received_);
}

std::string WalWriter::name() const {
  return segment_name(segment_at(timeline_, segment_start_, segment_bytes_), segment_bytes_);
}

}  // namespace pgbackup
