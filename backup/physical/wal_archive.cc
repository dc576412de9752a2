#include "backup/physical/wal_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "backup/physical/wal_page.h"
#include "backup/physical/wal_reader.h"
#include "common/base/error.h"
#include "common/codec/digest.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

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

/// Passes on what must be as many bytes as the name of a piece says.
class PieceSink final : public Sink {
 public:
  PieceSink(Sink& next, uint64_t bytes) : next_(next), left_(bytes) {}

  void write(std::string_view bytes) override {
    if (bytes.size() > left_) throw wrong_size();
    left_ -= bytes.size();
    next_.write(bytes);
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

/// Returns the copies of a whole file that hold something. One of 0 bytes is stored again.
std::vector<WalObject> copies_in(const StoredSegment& stored) {
  std::vector<WalObject> copies = stored.copies;
  std::erase_if(copies, [](const WalObject& copy) { return copy.bytes == 0; });
  return copies;
}

/// Returns a packing that `stored` does not have, whose checksum finds damage, too.
Packing other_packing(const WalObject& stored) {
  const std::optional<WalKey> key = parse_wal_key(stored.key);
  const bool is_zstd = key && key->packing.compression == Compression::zstd;
  return {is_zstd ? Compression::gzip : Compression::zstd};
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
  const bool is_packed = packing.compression != Compression::none;
  return {is_packed ? packing.compression : Compression::zstd, packing.encryption};
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
        packing_(packing),
        key_(archive.new_key({.name = name, .packing = packing})),
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
      if (!archive_.is_taken(error, key_, packing_)) throw;
      archive_.require_sha256(key_, hash_.sha256());
    }
  }

 private:
  WalArchive& archive_;
  Packing packing_;
  std::string key_;
  std::unique_ptr<ObjectWriter> object_;
  std::unique_ptr<Sink> packed_;
  HashSink hash_;
  WalFileCheck check_;
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

/// Returns what is stored of a file that can be compared.
StoredSegment WalArchive::comparable(std::string_view name) {
  if (packing_of(name).encryption != Encryption::none) return {};
  return without_encrypted(find(name));
}

uint64_t WalArchive::comparable_bytes(std::string_view name) {
  return comparable(name).reach(kMostSegmentBytes);
}

bool WalArchive::is_wanted(std::string_view name) { return copies_in(comparable(name)).empty(); }

std::string WalArchive::put(const std::string& name, Source& content) {
  const std::string begin = take_bytes(content, kKeptSegmentBytes);
  // The whole takes the place of pieces that a stream has stored: those of another history must not
  // vanish behind it.
  const StoredSegment stored = comparable(name);
  if (copies_in(stored).empty() && !stored.pieces.empty()) {
    static_cast<void>(compare_part(name, 0, begin));
  }
  return begin.size() <= kKeptSegmentBytes ? put(name, begin) : put_large(name, begin, content);
}

std::string WalArchive::put(const std::string& name, std::string_view bytes) {
  const std::vector<WalObject> copies = copies_in(comparable(name));
  if (copies.empty()) {
    put_whole(name, bytes, packing_of(name));
    return {};
  }
  std::string damage;
  for (const WalObject& copy : copies) {
    damage = damage_in([&] { compare(copy.key, bytes); });
    if (damage.empty()) return {};
  }
  if (copies.size() > 1) throw Error(ErrorKind::corrupt, damage);
  put_whole(name, bytes, other_packing(copies.front()));
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
  const std::vector<WalObject> copies = copies_in(comparable(name));
  std::string damage;
  if (!copies.empty()) {
    const std::string key = undamaged(copies);
    damage = damage_in([&] { read_to_nowhere(key); });
    if (damage.empty() || copies.size() > 1) {
      NullSink nowhere;
      HashSink hash(nowhere);
      copy_to(hash);
      require_sha256(key, hash.sha256());
      return {};
    }
  }
  store_.renew_lock();
  const Packing packing = damage.empty() ? packing_of(name) : other_packing(copies.front());
  Writer file(*this, name, packing);
  with_context(store_.location(wal_key(system_id_, name, packing)), [&] { copy_to(file); });
  return damage;
}

std::unique_ptr<Sink> WalArchive::create(const std::string& name) {
  store_.renew_lock();
  return std::make_unique<Writer>(*this, name, packing_of(name));
}

void WalArchive::put_piece(const std::string& name, uint64_t begin, std::string_view bytes) {
  const std::string key = new_key({.name = name,
                                   .packing = packing_,
                                   .is_piece = true,
                                   .begin = begin,
                                   .end = begin + bytes.size()});
  if (begin == 0 && bytes.size() >= kWalPageHeaderBytes) {
    with_context(store_.location(key),
                 [&] { check_wal_page(read_wal_page(bytes), name, system_id_); });
  }
  put_bytes(key, packing_, bytes);
}

/// Stores a file that is not stored with this packing.
void WalArchive::put_whole(const std::string& name, std::string_view bytes,
                           const Packing& packing) {
  const std::string key = new_key({.name = name, .packing = packing});
  with_context(store_.location(key), [&] {
    NullSink nowhere;
    WalFileCheck check(nowhere, name, system_id_);
    check.write(bytes);
    check.finish();
  });
  const uint64_t packed = put_bytes(key, packing, bytes);
  if (packing.encryption != Encryption::none) return;  // nobody else stores under this name
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
    if (!is_taken(error, key, packing)) throw;
    compare(key, bytes);
  }
  return packed.size();
}

/// Returns whether `error` is that another writer has stored the same name.
bool WalArchive::is_taken(const Error& error, const std::string& key, const Packing& packing) {
  return error.kind() == ErrorKind::conflict && packing.encryption == Encryption::none &&
         is_listed(store_, key);
}

StoredPart WalArchive::compare_part(const std::string& name, uint64_t begin,
                                    std::string_view bytes) {
  const StoredSegment stored = comparable(name);
  if (const std::vector<WalObject> copies = copies_in(stored); !copies.empty()) {
    std::string damage = damage_in([&] {
      CompareSink comparison(bytes, begin, CompareSink::Extent::part);
      read(undamaged(copies), comparison);
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
    PieceSink part(comparison, piece.end - piece.begin);
    same.damage = damage_in([&] { read(piece.object.key, part); });
    if (!same.damage.empty()) break;
    with_context(store_.location(piece.object.key), [&] { comparison.finish(); });
    same.bytes = std::min<uint64_t>(piece.end - begin, bytes.size());
  }
  return same;
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

/// Returns the key of the first copy that is not damaged, or of the last.
std::string WalArchive::undamaged(const std::vector<WalObject>& copies) {
  for (const WalObject& copy : copies) {
    if (&copy == &copies.back()) break;
    if (damage_in([&] { read_to_nowhere(copy.key); }).empty()) return copy.key;
  }
  return copies.back().key;
}

/// Throws `conflict` unless the object holds the bytes of that SHA-256.
void WalArchive::require_sha256(const std::string& key, const std::string& sha256) {
  NullSink nowhere;
  HashSink hash(nowhere);
  read(key, hash);
  if (hash.sha256() != sha256) refuse_other_content();
}

/// Returns how the file is packed. A history is stored as it is, for everybody to read.
Packing WalArchive::packing_of(std::string_view name) const {
  return wal_file_kind(name) == WalFileKind::history ? Packing{Compression::none} : packing_;
}

/// Completes a key, so that nothing is stored under it yet if it is encrypted.
std::string WalArchive::new_key(WalKey key) const {
  constexpr size_t kTokenBytes = 4;
  key.system_id = system_id_;
  if (key.packing.encryption != Encryption::none) key.token = random_hex(kTokenBytes);
  return format_wal_key(key);
}

/// Writes the unpacked bytes of an object that is not encrypted to `sink` and finishes it.
void WalArchive::read(const std::string& key, Sink& sink) {
  read_wal_object(store_, key, nullptr, sink);
}

}  // namespace pgbackup
