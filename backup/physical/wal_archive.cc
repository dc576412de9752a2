#include "backup/physical/wal_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "backup/physical/wal_page.h"
#include "common/base/error.h"

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

/// Writes a file into a store: checked, packed, and visible when all of it is there.
class ArchiveSink final : public Sink {
 public:
  ArchiveSink(std::unique_ptr<ObjectWriter> object, std::unique_ptr<Sink> packed,
              const std::string& name, const std::string& system_id)
      : object_(std::move(object)), packed_(std::move(packed)), check_(*packed_, name, system_id) {}

  void write(std::string_view bytes) override { check_.write(bytes); }
  void finish() override {
    check_.finish();
    packed_->finish();
  }

 private:
  std::unique_ptr<ObjectWriter> object_;
  std::unique_ptr<Sink> packed_;
  CheckSink check_;
};

class BytesSource final : public Source {
 public:
  explicit BytesSource(std::string_view bytes) : bytes_(bytes) {}
  size_t read(std::span<char> buffer) override {
    const size_t count = bytes_.copy(buffer.data(), buffer.size());
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
};

class BytesSink final : public Sink {
 public:
  void write(std::string_view more) override { bytes += more; }
  void finish() override {}
  std::string bytes;
};

[[noreturn]] void refuse_other_content() {
  throw Error(ErrorKind::conflict, "a file with other content is stored under this name already",
              "two servers with the same system identifier must not archive to the same place: "
              "give one of them a prefix of its own");
}

/// Compares the first bytes that pass.
class CompareStartSink final : public Sink {
 public:
  explicit CompareStartSink(std::string_view start) : left_(start) {}

  void write(std::string_view stored) override {
    const size_t count = std::min(stored.size(), left_.size());
    if (stored.substr(0, count) != left_.substr(0, count)) refuse_other_content();
    left_.remove_prefix(count);
  }
  void finish() override {}

 private:
  std::string_view left_;
};

/// Compares what passes with another source.
class CompareSink final : public Sink {
 public:
  explicit CompareSink(Source& content) : content_(content), buffer_(kCopyBytes) {}

  void write(std::string_view stored) override {
    while (!stored.empty()) {
      const size_t count =
          content_.read(std::span(buffer_).first(std::min(stored.size(), buffer_.size())));
      if (count == 0 || stored.substr(0, count) != std::string_view(buffer_.data(), count)) {
        refuse_other_content();
      }
      stored.remove_prefix(count);
    }
  }
  void finish() override {
    if (content_.read(buffer_) != 0) refuse_other_content();
  }

 private:
  Source& content_;
  std::vector<char> buffer_;
};

/// Passes on what lies behind the first `skip` bytes, and requires that there are `bytes` in all.
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

}  // namespace

WalArchive::WalArchive(Store& store, std::string system_id, const Packing& packing,
                       const PackingEffort& effort)
    : store_(store), system_id_(std::move(system_id)), packing_(packing), effort_(effort) {}

StoredSegment WalArchive::find(std::string_view name) {
  return list_wal_file(store_, system_id_, name);
}

void WalArchive::put(const std::string& name, Source& content) {
  if (const StoredSegment stored = find(name); stored.whole) {
    compare(*stored.whole, content);
    return;
  }
  const std::unique_ptr<Sink> file = create(name);
  with_context(store_.location(wal_key(system_id_, name, packing_)), [&] {
    copy_bytes(content, *file);
    file->finish();
  });
}

void WalArchive::put(const std::string& name, std::string_view bytes) {
  BytesSource content(bytes);
  put(name, content);
}

std::unique_ptr<Sink> WalArchive::create(const std::string& name) {
  const bool is_history = wal_file_kind(name) == WalFileKind::history;
  const Packing packing = is_history ? Packing{Compression::none} : packing_;
  auto object = store_.create(wal_key(system_id_, name, packing));
  auto packed = pack(*object, packing, effort_);
  return std::make_unique<ArchiveSink>(std::move(object), std::move(packed), name, system_id_);
}

void WalArchive::put_piece(const std::string& name, uint64_t begin, std::string_view bytes) {
  const std::string key = wal_piece_key(system_id_, name, begin, begin + bytes.size(), packing_);
  with_context(store_.location(key), [&] {
    if (begin == 0 && bytes.size() >= kWalPageHeaderBytes) {
      check_wal_page(read_wal_page(bytes), name, system_id_);
    }
    BytesSink packed;
    const std::unique_ptr<Sink> packing = pack(packed, packing_, effort_);
    packing->write(bytes);
    packing->finish();
    store_.put(key, packed.bytes);
  });
}

void WalArchive::compare_start(const std::string& name, std::string_view bytes) {
  CompareStartSink comparison(bytes);
  with_context(store_.location(wal_key(system_id_, name, packing_)),
               [&] { static_cast<void>(fetch(name, find(name), comparison)); });
}

bool WalArchive::fetch(const std::string& name, const StoredSegment& stored, Sink& sink) {
  if (!stored.whole) return join_pieces(name, stored, sink);
  CheckSink check(sink, name, system_id_);
  read(*stored.whole, check);
  return true;
}

bool WalArchive::join_pieces(const std::string& name, const StoredSegment& stored, Sink& sink) {
  CheckSink check(sink, name, system_id_);
  uint64_t reached = 0;
  for (const WalPiece& piece : choose_pieces(stored.pieces)) {
    PieceSink part(check, piece.end - piece.begin, reached - piece.begin);
    read(piece.object, part);
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

/// Throws `conflict` unless the object holds what `content` does.
void WalArchive::compare(const WalObject& object, Source& content) {
  CompareSink comparison(content);
  read(object, comparison);
}

/// Writes the unpacked bytes of an object to `sink` and finishes it.
void WalArchive::read(const WalObject& object, Sink& sink) {
  with_context(store_.location(object.key), [&] {
    const std::optional<WalKey> key = parse_wal_key(object.key);
    const std::unique_ptr<Source> source = store_.open(object.key);
    const std::unique_ptr<Sink> unpacked = unpack(sink, key ? key->packing : packing_);
    copy_bytes(*source, *unpacked);
    unpacked->finish();
  });
}

}  // namespace pgbackup
