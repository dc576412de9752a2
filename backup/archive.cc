#include "backup/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "backup/progress.h"
#include "common/base/error.h"
#include "common/codec/digest.h"
#include "common/codec/zstd.h"

namespace pgbackup {
namespace {

constexpr uint64_t kHeldBytes = uint64_t{64} << 10U;
constexpr const char* kDamaged =
    "this backup is damaged: restore another one (--id, or with two targets --from; pg-backup list "
    "shows them)";

void check(const std::string& what, uint64_t bytes, const std::string& sha256,
           uint64_t expected_bytes, const std::string& expected_sha256) {
  if (bytes != expected_bytes) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} has {} bytes, the manifest says {}", what, bytes, expected_bytes),
                kDamaged);
  }
  if (sha256 != expected_sha256) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} has another SHA-256 than the manifest says", what), kDamaged);
  }
}

/// What is missing or cut off is known before anything is touched.
void check_presence(const StoredArchive& archive, const ManifestObject& object) {
  const std::string key = archive.backup.key_of(object.name);
  const std::optional<ObjectInfo> info = archive.store.stat(key);
  if (!info) {
    throw Error(ErrorKind::corrupt, fmt::format("{} is missing", archive.store.location(key)),
                kDamaged);
  }
  if (info->bytes != object.bytes) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} has {} bytes, the manifest says {}", archive.store.location(key),
                            info->bytes, object.bytes),
                kDamaged);
  }
}

/// Copies one object and checks it.
void copy_object(Store& store, const std::string& key, const ManifestObject& object, Sink& sink) {
  HashSink stored(sink);
  const std::unique_ptr<Source> source = store.open(key);
  pour(*source, stored);  // the end of one object is not the end of the stream
  check(store.location(key), stored.bytes(), stored.sha256(), object.bytes, object.sha256);
}

/// Passes on to `sink` only after the decompressed whole was checked.
class PlainCheck final : public Sink {
 public:
  PlainCheck(Sink& next, const Manifest& manifest)
      : hold_(next, manifest.plain_bytes), hash_(hold_), manifest_(manifest) {}
  void write(std::string_view bytes) override { hash_.write(bytes); }
  void finish() override {
    check("the decompressed archive", hash_.bytes(), hash_.sha256(), manifest_.plain_bytes,
          manifest_.plain_sha256);
    hash_.finish();
  }

 private:
  HoldBackSink hold_;
  HashSink hash_;
  const Manifest& manifest_;
};

uint64_t stored_bytes(const Manifest& manifest) {
  uint64_t total = 0;
  for (const ManifestObject& object : manifest.objects) total += object.bytes;
  return total;
}

}  // namespace

void HoldBackSink::write(std::string_view bytes) {
  if (bytes.size() > expected_ - seen_) {
    throw Error(ErrorKind::corrupt,
                fmt::format("the archive is longer than the {} bytes of the manifest", expected_),
                kDamaged);
  }
  const uint64_t free_until = expected_ - std::min(expected_, kHeldBytes);
  const uint64_t free_bytes = free_until - std::min(free_until, seen_);
  seen_ += bytes.size();
  const std::string_view passed = bytes.substr(0, free_bytes);
  if (!passed.empty()) next_.write(passed);
  held_ += bytes.substr(passed.size());
}

void HoldBackSink::finish() {
  if (!held_.empty()) next_.write(held_);
  held_.clear();
  next_.finish();
}

Manifest read_manifest_to_restore(Store& store, const Backup& backup) {
  try {
    return read_manifest(store, backup);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt || !error.hint().empty()) throw;
    throw Error(error.kind(), error.message(), kDamaged);
  }
}

void copy_archive(const StoredArchive& archive, Sink& sink, Clock& clock, Log& log) {
  for (const ManifestObject& object : archive.manifest.objects) check_presence(archive, object);
  PlainCheck plain(sink, archive.manifest);
  UnzstdSink unzstd(plain);
  ProgressSink progress(unzstd, archive.backup.group, stored_bytes(archive.manifest), clock, log);
  for (const ManifestObject& object : archive.manifest.objects) {
    copy_object(archive.store, archive.backup.key_of(object.name), object, progress);
  }
  progress.finish();
}

void copy_archive_head(const StoredArchive& archive, Sink& sink,
                       const std::function<bool()>& enough) {
  constexpr size_t kStep = size_t{64} << 10U;
  UnzstdSink unzstd(sink);
  std::vector<char> buffer(kStep);
  for (const ManifestObject& object : archive.manifest.objects) {
    const std::unique_ptr<Source> source = archive.store.open(archive.backup.key_of(object.name));
    while (const size_t got = source->read(buffer)) {
      unzstd.write({buffer.data(), got});
      if (enough()) return;
    }
  }
}

}  // namespace pgbackup
