#include "backup/physical/wal_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <queue>
#include <tuple>
#include <utility>
#include <vector>

#include "common/codec/digest.h"
#include "common/codec/packing.h"

namespace pgbackup {
namespace {

/// Limits what is kept of a piece: writers store one as soon as they have half of that.
constexpr uint64_t kMostKeptBytes = uint64_t{32} << 20U;

bool has_pages(std::string_view name) {
  const std::optional<WalFileKind> kind = wal_file_kind(name);
  return kind == WalFileKind::segment || kind == WalFileKind::partial;
}

/// Keeps the bytes of a piece, which must be as many as its name says.
class PieceBytes final : public Sink {
 public:
  explicit PieceBytes(uint64_t count) : count_(count) {}
  void write(std::string_view more) override {
    if (more.size() > count_ - bytes.size()) throw wrong_size();
    bytes += more;
  }
  void finish() override {
    if (bytes.size() < count_) throw wrong_size();
  }
  std::string bytes;

 private:
  static Error wrong_size() {
    return {ErrorKind::corrupt, "it does not hold as many bytes as its name says"};
  }

  uint64_t count_;
};

/// Puts the piece first that was stored last; of equal ones the one that reaches farthest.
struct IsLessWanted {
  bool operator()(const WalPiece* a, const WalPiece* b) const {
    return std::tie(a->object.modified, a->end, a->object.key) <
           std::tie(b->object.modified, b->end, b->object.key);
  }
};

void write_zeros(uint64_t bytes, Sink& sink) {
  static constexpr std::array<char, 65536> kZeros{};
  for (; bytes > 0; bytes -= std::min<uint64_t>(bytes, kZeros.size())) {
    sink.write({kZeros.data(), static_cast<size_t>(std::min<uint64_t>(bytes, kZeros.size()))});
  }
}

}  // namespace

WalFileCheck::WalFileCheck(Sink& next, const std::string& name, const std::string& system_id)
    : next_(next) {
  if (has_pages(name)) pages_.emplace(name, system_id);
}

void WalFileCheck::write(std::string_view bytes) {
  if (pages_) pages_->see(bytes);
  bytes_ += bytes.size();
  if (!pages_ && bytes_ > kMaxSmallObject) {
    throw Error(ErrorKind::corrupt, fmt::format("it has more than {} bytes", kMaxSmallObject));
  }
  next_.write(bytes);
}

void WalFileCheck::finish() {
  if (pages_) pages_->end();
}

std::optional<uint64_t> WalFileCheck::missing_bytes() const {
  if (!pages_ || !pages_->page()) return std::nullopt;
  return pages_->page()->segment_bytes - pages_->seen_bytes();
}

void read_wal_object(Store& store, const std::string& key, const AgeKeys* keys, Sink& sink) {
  with_context(store.location(key), [&] {
    const std::optional<WalKey> parsed = parse_wal_key(key);
    const Packing packing = parsed ? parsed->packing : Packing{};
    const std::unique_ptr<Sink> unpacked = unpack(sink, packing, keys);
    const std::unique_ptr<Source> source = store.open(key);
    copy_bytes(*source, *unpacked);
    unpacked->finish();
  });
}

std::string damage_in(const std::function<void()>& read) {
  try {
    read();
    return {};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt) throw;
    return error.message();
  }
}

WalReader::WalReader(Store& store, std::string system_id, const AgeKeys* keys, Log* log)
    : store_(store), system_id_(std::move(system_id)), keys_(keys), log_(log) {}

StoredSegment WalReader::find(std::string_view name) {
  return list_wal_file(store_, system_id_, name);
}

bool WalReader::can_read(const StoredSegment& stored) const {
  if (keys_ != nullptr && !keys_->identities.empty()) return true;
  const auto is_encrypted = [](const WalObject& object) { return object.is_encrypted; };
  return std::none_of(stored.copies.begin(), stored.copies.end(), is_encrypted) &&
         std::none_of(stored.pieces.begin(), stored.pieces.end(),
                      [&](const WalPiece& piece) { return is_encrypted(piece.object); });
}

bool WalReader::fetch(const std::string& name, const StoredSegment& stored, Sink& sink) {
  if (!stored.is_whole()) return join_pieces(name, stored, sink);
  WalFileCheck check(sink, name, system_id_);
  read_wal_object(store_, choose(name, stored).key, keys_, check);
  return true;
}

void WalReader::check(const std::string& name) {
  NullSink nowhere;
  static_cast<void>(fetch(name, find(name), nowhere));
}

/// Returns whether `read`, which reads the object, finds it damaged, or no key opens it. Keeps the
/// first error, or one of a key: with another key the bytes may come.
bool WalReader::is_passed_over(const WalObject& object, const std::function<void()>& read,
                               std::optional<Error>& failure) const {
  try {
    read();
    return false;
  } catch (const Error& error) {
    const bool is_closed = error.kind() == ErrorKind::denied && object.is_encrypted;
    if (!is_closed && error.kind() != ErrorKind::corrupt) throw;
    if (!failure || (is_closed && failure->kind() != ErrorKind::denied)) failure = error;
    return true;
  }
}

/// Returns the copy that counts. Where there are several, reads all of them.
const WalObject& WalReader::choose(const std::string& name, const StoredSegment& stored) {
  if (stored.copies.size() == 1) return stored.copies.front();
  const WalObject* chosen = nullptr;
  std::string sha256;
  std::optional<Error> failure;
  for (const WalObject& copy : stored.copies) {
    NullSink nowhere;
    HashSink hash(nowhere);
    WalFileCheck check(hash, name, system_id_);
    if (is_passed_over(
            copy, [&] { read_wal_object(store_, copy.key, keys_, check); }, failure)) {
      continue;
    }
    if (chosen == nullptr) {
      chosen = &copy;
      sha256 = hash.sha256();
    } else if (hash.sha256() != sha256) {
      warn_of_difference(name, *chosen, copy);
    }
  }
  if (chosen == nullptr) throw Error(*failure);
  if (failure) {
    warn_of_failure(name, *failure);
  }
  return *chosen;
}

std::string WalReader::read_piece(const std::string& name, const WalPiece& piece) {
  const uint64_t count = piece.end - piece.begin;
  PieceBytes read(count);
  if (count <= kMostKeptBytes) read_wal_object(store_, piece.object.key, keys_, read);
  with_context(store_.location(piece.object.key), [&] {
    if (count > kMostKeptBytes) throw Error(ErrorKind::corrupt, "no piece has so many bytes");
    if (piece.begin > 0 || count < kWalPageHeaderBytes) return;
    check_wal_page(read_wal_page(read.bytes), name, system_id_);
  });
  return std::move(read.bytes);
}

bool WalReader::join_pieces(const std::string& name, const StoredSegment& stored, Sink& sink) {
  WalFileCheck check(sink, name, system_id_);
  std::priority_queue<const WalPiece*, std::vector<const WalPiece*>, IsLessWanted> waiting;
  std::optional<Error> failure;
  uint64_t reached = 0;
  auto next = stored.pieces.begin();
  while (true) {
    for (; next != stored.pieces.end() && next->begin <= reached; ++next) waiting.push(&*next);
    if (waiting.empty()) break;
    const WalPiece& piece = *waiting.top();
    waiting.pop();
    if (piece.end <= reached) continue;
    std::string bytes;
    if (is_passed_over(
            piece.object, [&] { bytes = read_piece(name, piece); }, failure))
      continue;
    check.write(std::string_view(bytes).substr(reached - piece.begin));
    reached = piece.end;
  }
  // What is stored behind a damaged piece would be lost without a word.
  if (failure && reached < stored.reach(kMostSegmentBytes)) throw Error(*failure);
  const std::optional<uint64_t> missing = check.missing_bytes();
  if (!missing) {
    throw Error(ErrorKind::not_found,
                fmt::format("{} is not stored", store_.location(wal_key(system_id_, name, {}))));
  }
  if (failure) {
    warn_of_failure(name, *failure);
  }
  write_zeros(*missing, check);
  check.finish();
  return missing == 0;
}

void WalReader::warn_of_failure(const std::string& name, const Error& failure) {
  if (log_ == nullptr || std::exchange(is_warned_of_failure_, true)) return;
  log_->warn("a stored copy of WAL is passed over", {{"file", name}, {"cause", failure.message()}});
}

void WalReader::warn_of_difference(const std::string& name, const WalObject& chosen,
                                   const WalObject& other) {
  if (log_ == nullptr || std::exchange(is_warned_of_difference_, true)) return;
  log_->warn("stored copies of WAL differ, and the one stored last counts",
             {{"file", name},
              {"counts", store_.location(chosen.key)},
              {"differs", store_.location(other.key)}});
}

}  // namespace pgbackup
