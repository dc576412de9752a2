#include "common/codec/packing.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/error.h"

namespace pgbackup {
namespace {

struct Row {
  std::string_view name;
  std::string_view suffix;
  std::string_view encrypted_suffix;
};

/// Holds the rows in the order of Compression.
constexpr std::array<Row, 3> kRows = {
    {{"zstd", ".zst", ".zst.age"}, {"gzip", ".gz", ".gz.age"}, {"none", "", ".age"}}};

/// Holds the names in the order of Encryption.
constexpr std::array<std::string_view, 2> kEncryptions = {"none", "age"};

const Row& row_of(Compression compression) { return kRows.at(static_cast<size_t>(compression)); }

class BytesSink final : public Sink {
 public:
  void write(std::string_view more) override { bytes += more; }
  void finish() override {}
  std::string bytes;
};

/// Passes everything on as it is.
class PassSink final : public Sink {
 public:
  explicit PassSink(Sink& next) : next_(next) {}
  void write(std::string_view bytes) override { next_.write(bytes); }
  void finish() override { next_.finish(); }

 private:
  Sink& next_;
};

/// Joins two stages, of which the first passes on to the second.
class TwoStages final : public Sink {
 public:
  TwoStages(std::unique_ptr<Sink> second, std::unique_ptr<Sink> first)
      : second_(std::move(second)), first_(std::move(first)) {}
  void write(std::string_view bytes) override { first_->write(bytes); }
  void finish() override { first_->finish(); }

 private:
  std::unique_ptr<Sink> second_;
  std::unique_ptr<Sink> first_;
};

std::unique_ptr<Sink> compress(Sink& next, Compression compression, const PackingEffort& effort) {
  switch (compression) {
    case Compression::zstd:
      return std::make_unique<ZstdSink>(next, effort.zstd_level, effort.zstd_threads);
    case Compression::gzip:
      return std::make_unique<GzipSink>(next, effort.gzip_level);
    case Compression::none:
      break;
  }
  return std::make_unique<PassSink>(next);
}

std::unique_ptr<Sink> decompress(Sink& next, Compression compression) {
  switch (compression) {
    case Compression::zstd:
      return std::make_unique<UnzstdSink>(next);
    case Compression::gzip:
      return std::make_unique<GunzipSink>(next);
    case Compression::none:
      break;
  }
  return std::make_unique<PassSink>(next);
}

/// Returns whether `head`, the first bytes of something, may become or is the `magic`.
bool may_begin_with(std::string_view head, std::string_view magic) {
  return head.starts_with(magic.substr(0, head.size()));
}

/// Says how much more may be undone.
struct LayersLeft {
  int compressions = 2;
  int encryptions = 1;
};

/// Looks at the first bytes, then unpacks or passes on.
class ContentSink final : public Sink {
 public:
  ContentSink(Sink& next, const AgeKeys* keys, LayersLeft left)
      : next_(next), keys_(keys), left_(left) {}

  void write(std::string_view bytes) override {
    if (chosen_ != nullptr) return chosen_->write(bytes);
    head_ += bytes;
    if (head_.size() < kZstdMagic.size()) return;
    if (head_.size() >= kAgeMagic.size() || !may_begin_with(head_, kAgeMagic)) choose();
  }
  void finish() override {
    if (chosen_ == nullptr) choose();
    chosen_->finish();
  }

 private:
  void choose() {
    unpacker_ = unpacker();
    chosen_ = unpacker_ == nullptr ? &next_ : unpacker_.get();
    if (!head_.empty()) chosen_->write(head_);
    head_.clear();
  }

  /// Returns the stage in front of `inner_`; nullptr: the bytes are not packed.
  std::unique_ptr<Sink> unpacker() {
    if (left_.encryptions > 0 && head_.starts_with(kAgeMagic)) {
      if (keys_ == nullptr) throw no_key_to_decrypt();
      return std::make_unique<UnageSink>(inner({left_.compressions, left_.encryptions - 1}),
                                         *keys_);
    }
    if (left_.compressions == 0) return nullptr;
    const LayersLeft left = {left_.compressions - 1, left_.encryptions};
    if (head_.starts_with(kGzipMagic)) return std::make_unique<GunzipSink>(inner(left));
    if (head_.starts_with(kZstdMagic)) {
      return std::make_unique<UnzstdSink>(inner(left), FrameLimit::none);
    }
    return nullptr;
  }

  Sink& inner(LayersLeft left) {
    inner_ = std::make_unique<ContentSink>(next_, keys_, left);
    return *inner_;
  }

  Sink& next_;
  const AgeKeys* keys_;
  LayersLeft left_;
  std::string head_;
  std::unique_ptr<ContentSink> inner_;
  std::unique_ptr<Sink> unpacker_;
  Sink* chosen_ = nullptr;
};

}  // namespace

std::string_view compression_name(Compression compression) { return row_of(compression).name; }

std::optional<Compression> parse_compression(std::string_view name) {
  const auto* const found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.name == name; });
  if (found == kRows.end()) return std::nullopt;
  return static_cast<Compression>(found - kRows.begin());
}

std::string_view encryption_name(Encryption encryption) {
  return kEncryptions.at(static_cast<size_t>(encryption));
}

std::optional<Encryption> parse_encryption(std::string_view name) {
  const auto* const found = std::find(kEncryptions.begin(), kEncryptions.end(), name);
  if (found == kEncryptions.end()) return std::nullopt;
  return static_cast<Encryption>(found - kEncryptions.begin());
}

std::string_view packing_suffix(const Packing& packing) {
  const Row& row = row_of(packing.compression);
  return packing.encryption == Encryption::none ? row.suffix : row.encrypted_suffix;
}

std::unique_ptr<Sink> pack(Sink& next, const Packing& packing, const PackingEffort& effort) {
  if (packing.encryption == Encryption::none) return compress(next, packing.compression, effort);
  if (effort.keys == nullptr) throw Error(ErrorKind::failed, "there is nobody to encrypt for");
  auto encrypted = std::make_unique<AgeSink>(next, *effort.keys);
  auto compressed = compress(*encrypted, packing.compression, effort);
  return std::make_unique<TwoStages>(std::move(encrypted), std::move(compressed));
}

std::string pack_bytes(std::string_view bytes, const Packing& packing,
                       const PackingEffort& effort) {
  const bool is_plain_zstd =
      packing.compression == Compression::zstd && packing.encryption == Encryption::none;
  if (is_plain_zstd) return zstd_frames(bytes, effort.zstd_level);
  BytesSink packed;
  const std::unique_ptr<Sink> packer = pack(packed, packing, effort);
  packer->write(bytes);
  packer->finish();
  return std::move(packed.bytes);
}

std::unique_ptr<Sink> unpack(Sink& next, const Packing& packing, const AgeKeys* keys) {
  if (packing.encryption == Encryption::none) return decompress(next, packing.compression);
  if (keys == nullptr) throw no_key_to_decrypt();
  auto decompressed = decompress(next, packing.compression);
  auto decrypted = std::make_unique<UnageSink>(*decompressed, *keys);
  return std::make_unique<TwoStages>(std::move(decompressed), std::move(decrypted));
}

std::unique_ptr<Sink> unpack_by_content(Sink& next, const AgeKeys* keys) {
  return std::make_unique<ContentSink>(next, keys, LayersLeft{});
}

}  // namespace pgbackup
