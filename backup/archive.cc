#include "backup/archive.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "backup/hold_back.h"
#include "backup/progress.h"
#include "common/codec/digest.h"
#include "common/codec/gzip.h"
#include "common/codec/zstd.h"

namespace pgbackup {
namespace {

void check(const std::string& what, uint64_t bytes, const std::string& sha256,
           uint64_t expected_bytes, const std::string& expected_sha256) {
  if (bytes != expected_bytes) {
    throw damaged(
        fmt::format("{} has {} bytes, the manifest says {}", what, bytes, expected_bytes));
  }
  if (sha256 != expected_sha256) {
    throw damaged(fmt::format("{} has another SHA-256 than the manifest says", what));
  }
}

/// Passes on to `sink` only after the decompressed whole was checked.
class PlainCheck final : public Sink {
 public:
  PlainCheck(Sink& next, const Manifest& manifest)
      : hold_(next), hash_(hold_), manifest_(manifest) {}
  void write(std::string_view bytes) override {
    if (bytes.size() > manifest_.plain_bytes - hash_.bytes()) {
      throw damaged(fmt::format("the dump is longer than the {} bytes of the manifest",
                                manifest_.plain_bytes));
    }
    hash_.write(bytes);
  }
  void finish() override {
    check("the decompressed dump", hash_.bytes(), hash_.sha256(), manifest_.plain_bytes,
          manifest_.plain_sha256);
    hash_.finish();
  }

 private:
  HoldBackSink hold_;
  HashSink hash_;
  const Manifest& manifest_;
};

/// Undoes what the manifest says; whichever it is goes on to `next`.
class Decompressor {
 public:
  Decompressor(Sink& next, Compression compression) : next_(next) {
    switch (compression) {
      case Compression::zstd:
        unzstd_.emplace(next);
        break;
      case Compression::gzip:
        gunzip_.emplace(next);
        break;
      case Compression::none:
        break;
    }
  }
  [[nodiscard]] Sink& sink() {
    if (unzstd_) return *unzstd_;
    return gunzip_ ? static_cast<Sink&>(*gunzip_) : next_;
  }

 private:
  Sink& next_;
  std::optional<UnzstdSink> unzstd_;
  std::optional<GunzipSink> gunzip_;
};

uint64_t stored_bytes(const Manifest& manifest) {
  uint64_t total = 0;
  for (const ManifestObject& object : manifest.objects) total += object.bytes;
  return total;
}

}  // namespace

Manifest read_manifest_to_restore(Store& store, const Backup& backup) {
  return with_damage_hint([&] { return read_manifest(store, backup); });
}

uint64_t StoredArchive::copy(Sink& sink, Clock& clock, Log& log) {
  for (const ManifestObject& object : manifest_.objects) check_presence(object);
  PlainCheck plain(sink, manifest_);
  Decompressor decompressor(plain, manifest_.compression);
  ProgressSink progress(decompressor.sink(), backup_.group, stored_bytes(manifest_), clock, log);
  for (const ManifestObject& object : manifest_.objects) copy_object(object, progress);
  progress.finish();
  return manifest_.plain_bytes;
}

void StoredArchive::copy_head(Sink& sink, const std::function<bool()>& enough) {
  constexpr size_t kStep = size_t{64} << 10U;
  Decompressor decompressor(sink, manifest_.compression);
  std::vector<char> buffer(kStep);
  for (const ManifestObject& object : manifest_.objects) {
    const std::unique_ptr<Source> source = store_.open(backup_.key_of(object.name));
    while (const size_t got = source->read(buffer)) {
      decompressor.sink().write({buffer.data(), got});
      if (enough()) return;
    }
  }
}

/// What is missing or cut off is known before anything is touched.
void StoredArchive::check_presence(const ManifestObject& object) {
  const std::string key = backup_.key_of(object.name);
  const std::optional<ObjectInfo> info = store_.stat(key);
  if (!info) throw damaged(fmt::format("{} is missing", store_.location(key)));
  if (info->bytes != object.bytes) {
    throw damaged(fmt::format("{} has {} bytes, the manifest says {}", store_.location(key),
                              info->bytes, object.bytes));
  }
}

void StoredArchive::copy_object(const ManifestObject& object, Sink& sink) {
  const std::string key = backup_.key_of(object.name);
  HashSink stored(sink);
  const std::unique_ptr<Source> source = store_.open(key);
  pour(*source, stored);  // the end of one object is not the end of the stream
  check(store_.location(key), stored.bytes(), stored.sha256(), object.bytes, object.sha256);
}

}  // namespace pgbackup
