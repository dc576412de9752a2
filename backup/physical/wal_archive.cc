#include "backup/physical/wal_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "backup/physical/wal_page.h"
#include "common/base/error.h"
#include "common/codec/digest.h"

namespace pgbackup {
namespace {

bool has_pages(std::string_view name) {
  const std::optional<WalFileKind> kind = wal_file_kind(name);
  return kind == WalFileKind::segment || kind == WalFileKind::partial;
}

/// Judges the bytes of a file as they pass, and passes them on. finish() judges the whole and ends
/// there, since the next stage is not ours to finish.
class CheckSink final : public Sink {
 public:
  CheckSink(Sink& next, const std::string& name, const std::string& system_id) : next_(next) {
    if (has_pages(name)) pages_.emplace(name, system_id);
  }

  void write(std::string_view bytes) override {
    if (pages_) pages_->see(bytes);
    bytes_ += bytes.size();
    if (!pages_ && bytes_ > kMaxSmallObject) {
      throw Error(ErrorKind::corrupt, fmt::format("it has more than {} bytes", kMaxSmallObject));
    }
    next_.write(bytes);
  }
  void finish() override {
    if (pages_) pages_->end();
  }
  /// Returns how many bytes of a segment have not passed yet; nullopt before its first page has.
  [[nodiscard]] std::optional<uint64_t> missing_bytes() const {
    if (!pages_ || !pages_->page()) return std::nullopt;
    return pages_->page()->segment_bytes - pages_->seen_bytes();
  }

 private:
  Sink& next_;
  std::optional<SegmentCheck> pages_;
  uint64_t bytes_ = 0;
};

[[noreturn]] void refuse_other_content() {
  throw Error(ErrorKind::conflict, "a file with other content is stored under this name already",
              std::string(kOtherHistoryHint));
}

/// Compares what passes behind the first `skip` bytes with `bytes`, of which it may be a part or
/// the whole. Judges when all have passed: until then damaged bytes look like other content.
class CompareSink final : public Sink {
 public:
  enum class Extent { part, whole };

  CompareSink(std::string_view bytes, uint64_t skip, Extent extent)
      : left_(bytes), skip_(skip), is_whole_(extent == Extent::whole) {}

  void write(std::string_view stored) override {
    const size_t skipped = static_cast<size_t>(std::min<uint64_t>(skip_, stored.size()));
    skip_ -= skipped;
    stored.remove_prefix(skipped);
    const size_t count = std::min(stored.size(), left_.size());
    differs_ = differs_ || stored.substr(0, count) != left_.substr(0, count) ||
               (is_whole_ && count < stored.size());
    left_.remove_prefix(count);
  }
  void finish() override {
    if (differs_ || (is_whole_ && !left_.empty())) refuse_other_content();
  }

 private:
  std::string_view left_;
  uint64_t skip_;
  const bool is_whole_;
  bool differs_ = false;
};

class NullSink final : public Sink {
 public:
  void write(std::string_view /*bytes*/) override {}
  void finish() override {}
};

/// Takes all bytes of `content`, or somewhat more than `most` of them.
std::string take_bytes(Source& content, size_t most) {
  std::string bytes;
  std::vector<char> buffer(kCopyBytes);
  while (bytes.size() <= most) {
    const size_t count = content.read(buffer);
    if (count == 0) break;
    bytes.append(buffer.data(), count);
  }
  return bytes;
}

/// Passes on what lies behind the first `skip` bytes, and requires that there are `bytes` in all.
/// finish() ends there, since the next piece may follow.
class PieceSink final : public Sink {
 public:
  PieceSink(Sink& next, uint64_t bytes, uint64_t skip) : next_(next), left_(bytes), skip_(skip) {}

  void write(std::string_view bytes) override {
    if (bytes.size() > left_) throw wrong_size();
    left_ -= bytes.size();
    const size_t skipped = static_cast<size_t>(std::min<uint64_t>(skip_, bytes.size()));
    skip_ -= skipped;
    if (bytes.size() > skipped) next_.write(bytes.substr(skipped));
  }
  void finish() override {
    if (left_ > 0) throw wrong_size();
  }

 private:
  static Error wrong_size() {
    return {ErrorKind::corrupt, "it does not hold as many bytes as its name says"};
  }

  Sink& next_;
  uint64_t left_;
  uint64_t skip_;
};

/// Returns the pieces that make up as much of a segment as can be joined, in their order.
std::vector<WalPiece> choose_pieces(const std::vector<WalPiece>& sorted) {
  std::vector<WalPiece> chosen;
  uint64_t reached = 0;
  for (auto at = sorted.begin(); at != sorted.end();) {
    const WalPiece* best = nullptr;
    for (; at != sorted.end() && at->begin <= reached; ++at) {
      if (at->end > reached && (best == nullptr || at->end > best->end)) best = &*at;
    }
    if (best == nullptr) break;
    chosen.push_back(*best);
    reached = best->end;
  }
  return chosen;
}

void write_zeros(uint64_t bytes, Sink& sink) {
  static constexpr std::array<char, 65536> kZeros{};
  for (; bytes > 0; bytes -= std::min<uint64_t>(bytes, kZeros.size())) {
    sink.write({kZeros.data(), static_cast<size_t>(std::min<uint64_t>(bytes, kZeros.size()))});
  }
}

/// Returns whether there is a whole file, which is not to be stored again. One of 0 bytes holds
/// none.
bool has_whole(const StoredSegment& stored) { return stored.whole && stored.whole->bytes > 0; }
bool has_second(const StoredSegment& stored) { return stored.second && stored.second->bytes > 0; }

/// Returns a packing that `stored` does not have, whose checksum finds damage, too.
Packing other_packing(const WalObject& stored) {
  const std::optional<WalKey> key = parse_wal_key(stored.key);
  const bool is_zstd = key && key->packing.compression == Compression::zstd;
  return {is_zstd ? Compression::gzip : Compression::zstd};
}

/// Returns what `read` finds damaged; an empty string when it finds nothing.
std::string damage_in(const std::function<void()>& read) {
  try {
    read();
    return {};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) throw;
    return error.message();
  }
}

/// Returns how hard WAL is packed. Level 1 makes it as small as 2 and 3 do, in two thirds of the
/// time: it repeats itself at short distances.
PackingEffort wal_effort(PackingEffort effort) {
  constexpr int kLevel = 3;
  if (effort.zstd_level <= kLevel) effort.zstd_level = 1;
  return effort;
}

/// Returns how segments are packed. One that is not packed would have no checksum over its bytes.
Packing checked_packing(const Packing& packing) {
  return packing.compression == Compression::none ? Packing{Compression::zstd} : packing;
}

}  // namespace

std::string describe_damage(const std::string& damage) {
  return fmt::format("a stored file is damaged, and is stored again beside it: {}", damage);
}

/// Writes a file into the store: checked, packed, and visible when all of it is there.
class WalArchive::Writer final : public Sink {
 public:
  Writer(WalArchive& archive, const std::string& name, const Packing& packing)
      : archive_(archive),
        key_(wal_key(archive.system_id_, name, packing)),
        object_(archive.store_.create_shared(key_)),
        packed_(pack(*object_, packing, archive.effort_)),
        hash_(*packed_),
        check_(hash_, name, archive.system_id_) {}

  void write(std::string_view bytes) override { check_.write(bytes); }
  void finish() override {
    check_.finish();
    try {
      hash_.finish();
    } catch (const Error& error) {
      if (!archive_.is_taken(error, key_)) throw;
      archive_.require_sha256(key_, hash_.sha256());
    }
  }

 private:
  WalArchive& archive_;
  std::string key_;
  std::unique_ptr<ObjectWriter> object_;
  std::unique_ptr<Sink> packed_;
  HashSink hash_;
  CheckSink check_;
};

WalArchive::WalArchive(Store& store, std::string system_id, const Packing& packing,
                       const PackingEffort& effort)
    : store_(store),
      system_id_(std::move(system_id)),
      packing_(checked_packing(packing)),
      effort_(wal_effort(effort)) {}

StoredSegment WalArchive::find(std::string_view name) {
  return list_wal_file(store_, system_id_, name);
}

std::string WalArchive::put(const std::string& name, Source& content) {
  const std::string begin = take_bytes(content, kKeptSegmentBytes);
  // The whole takes the place of pieces that a stream has stored: those of another history must not
  // vanish behind it.
  const StoredSegment stored = find(name);
  if (!has_whole(stored) && !stored.pieces.empty()) static_cast<void>(compare_part(name, 0, begin));
  return begin.size() <= kKeptSegmentBytes ? put(name, begin) : put_large(name, begin, content);
}

std::string WalArchive::put(const std::string& name, std::string_view bytes) {
  const StoredSegment stored = find(name);
  if (!has_whole(stored)) {
    put_whole(name, bytes, packing_of(name));
    return {};
  }
  std::string damage = damage_in([&] { compare(stored.whole->key, bytes); });
  if (damage.empty()) return {};
  if (has_second(stored)) {
    compare(stored.second->key, bytes);
    return {};
  }
  put_whole(name, bytes, other_packing(*stored.whole));
  return damage;
}

/// Stores a file as put() does: `begin`, and then what is left of `content`.
std::string WalArchive::put_large(const std::string& name, std::string_view begin,
                                  Source& content) {
  const auto copy_to = [&](Sink& sink) {
    sink.write(begin);
    copy_bytes(content, sink);
    sink.finish();
  };
  const StoredSegment stored = find(name);
  std::string damage;
  if (has_whole(stored)) {
    damage = damage_in([&] { read_to_nowhere(stored.whole->key); });
    if (damage.empty() || has_second(stored)) {
      NullSink nowhere;
      HashSink hash(nowhere);
      copy_to(hash);
      require_sha256((damage.empty() ? stored.whole : stored.second)->key, hash.sha256());
      return {};
    }
  }
  store_.renew_lock();
  Writer file(*this, name, damage.empty() ? packing_of(name) : other_packing(*stored.whole));
  with_context(store_.location(key_of(name)), [&] { copy_to(file); });
  return damage;
}

std::unique_ptr<Sink> WalArchive::create(const std::string& name) {
  store_.renew_lock();
  return std::make_unique<Writer>(*this, name, packing_of(name));
}

void WalArchive::put_piece(const std::string& name, uint64_t begin, std::string_view bytes) {
  const std::string key = wal_piece_key(system_id_, name, begin, begin + bytes.size(), packing_);
  if (begin == 0 && bytes.size() >= kWalPageHeaderBytes) {
    with_context(store_.location(key),
                 [&] { check_wal_page(read_wal_page(bytes), name, system_id_); });
  }
  put_bytes(key, packing_, bytes);
}

/// Stores a file that is not stored with this packing.
void WalArchive::put_whole(const std::string& name, std::string_view bytes,
                           const Packing& packing) {
  const std::string key = wal_key(system_id_, name, packing);
  with_context(store_.location(key), [&] {
    NullSink nowhere;
    CheckSink check(nowhere, name, system_id_);
    check.write(bytes);
    check.finish();
  });
  const uint64_t packed = put_bytes(key, packing, bytes);
  const std::optional<ObjectInfo> stored = store_.stat(key);
  if (stored && stored->bytes == packed) return;
  if (!stored) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} is not there after it was stored", store_.location(key)));
  }
  compare(key, bytes);  // another writer may pack in another way
}

/// Stores the bytes under the key, and returns their packed size. Another writer may be doing the
/// same.
uint64_t WalArchive::put_bytes(const std::string& key, const Packing& packing,
                               std::string_view bytes) {
  const std::string packed = pack_bytes(bytes, packing, effort_);
  store_.renew_lock();
  try {
    with_context(store_.location(key), [&] { store_.put(key, packed); });
  } catch (const Error& error) {
    if (!is_taken(error, key)) throw;
    compare(key, bytes);
  }
  return packed.size();
}

/// Returns whether `error` is that another writer has stored the object.
bool WalArchive::is_taken(const Error& error, const std::string& key) {
  return error.kind() == ErrorKind::conflict && is_listed(store_, key);
}

StoredPart WalArchive::compare_part(const std::string& name, uint64_t begin,
                                    std::string_view bytes) {
  const StoredSegment stored = find(name);
  if (has_whole(stored)) {
    std::string damage = damage_in([&] {
      CompareSink comparison(bytes, begin, CompareSink::Extent::part);
      read(undamaged(stored), comparison);
    });
    return {.bytes = damage.empty() ? bytes.size() : 0, .damage = std::move(damage)};
  }
  StoredPart same;
  for (const WalPiece& piece : choose_pieces(stored.pieces)) {
    if (same.bytes == bytes.size()) break;
    const uint64_t from = std::max(begin, piece.begin);
    if (piece.end <= from) continue;
    CompareSink comparison(bytes.substr(from - begin), from - piece.begin,
                           CompareSink::Extent::part);
    PieceSink part(comparison, piece.end - piece.begin, 0);
    same.damage = damage_in([&] { read(piece.object.key, part); });
    if (!same.damage.empty()) break;
    with_context(store_.location(piece.object.key), [&] { comparison.finish(); });
    same.bytes = std::min<uint64_t>(piece.end - begin, bytes.size());
  }
  return same;
}

bool WalArchive::fetch(const std::string& name, const StoredSegment& stored, Sink& sink) {
  if (!stored.whole) return join_pieces(name, stored, sink);
  CheckSink check(sink, name, system_id_);
  read(undamaged(stored), check);
  return true;
}

void WalArchive::check(const std::string& name) {
  NullSink nowhere;
  static_cast<void>(fetch(name, find(name), nowhere));
}

bool WalArchive::join_pieces(const std::string& name, const StoredSegment& stored, Sink& sink) {
  CheckSink check(sink, name, system_id_);
  uint64_t reached = 0;
  for (const WalPiece& piece : choose_pieces(stored.pieces)) {
    PieceSink part(check, piece.end - piece.begin, reached - piece.begin);
    read(piece.object.key, part);
    reached = piece.end;
  }
  const std::optional<uint64_t> missing = check.missing_bytes();
  if (!missing) {
    throw Error(ErrorKind::not_found,
                fmt::format("{} is not stored", store_.location(wal_key(system_id_, name, {}))));
  }
  write_zeros(*missing, check);
  check.finish();
  return missing == 0;
}

/// Throws `conflict` unless the object holds `bytes`.
void WalArchive::compare(const std::string& key, std::string_view bytes) {
  CompareSink comparison(bytes, 0, CompareSink::Extent::whole);
  read(key, comparison);
}

void WalArchive::read_to_nowhere(const std::string& key) {
  NullSink nowhere;
  read(key, nowhere);
}

/// Returns the key of a whole file that is not damaged, as far as there is a choice.
std::string WalArchive::undamaged(const StoredSegment& stored) {
  if (!stored.second) return stored.whole->key;
  const std::string damage = damage_in([&] { read_to_nowhere(stored.whole->key); });
  return (damage.empty() ? stored.whole : stored.second)->key;
}

/// Throws `conflict` unless the object holds the bytes of that SHA-256.
void WalArchive::require_sha256(const std::string& key, const std::string& sha256) {
  NullSink nowhere;
  HashSink hash(nowhere);
  read(key, hash);
  if (hash.sha256() != sha256) refuse_other_content();
}

/// Returns how the file is packed. A history is stored as it is, for everybody to read.
Packing WalArchive::packing_of(const std::string& name) const {
  return wal_file_kind(name) == WalFileKind::history ? Packing{Compression::none} : packing_;
}

std::string WalArchive::key_of(const std::string& name) const {
  return wal_key(system_id_, name, packing_of(name));
}

/// Writes the unpacked bytes of an object to `sink` and finishes it.
void WalArchive::read(const std::string& key, Sink& sink) {
  with_context(store_.location(key), [&] {
    const std::optional<WalKey> parsed = parse_wal_key(key);
    const std::unique_ptr<Source> source = store_.open(key);
    const std::unique_ptr<Sink> unpacked = unpack(sink, parsed ? parsed->packing : packing_);
    copy_bytes(*source, *unpacked);
    unpacked->finish();
  });
}

}  // namespace pgbackup
