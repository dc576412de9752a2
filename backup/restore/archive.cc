#include "backup/restore/archive.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "backup/restore/hold_back.h"
#include "common/codec/digest.h"
#include "common/codec/packing.h"
#include "common/codec/progress.h"

namespace pgbackup {
namespace {

void check(const std::string& what, uint64_t bytes, const std::string& sha256,
           uint64_t expected_bytes, const std::string& expected_sha256) {
  if (bytes != expected_bytes) {
    throw damaged(
        fmt::format("{} has {} bytes, the manifest says {}", what, bytes, expected_bytes));
  }
  if (sha256 != expected_sha256) {
    throw damaged(fmt::format("the SHA-256 of {} does not match the manifest", what));
  }
}

/// Passes the last bytes on only after the uncompressed whole was checked.
class StreamCheck final : public Sink {
 public:
  StreamCheck(Sink& next, const ManifestStream& stream)
      : hold_(next), hash_(hold_), stream_(stream) {}
  void write(std::string_view bytes) override {
    if (bytes.size() > stream_.uncompressed_bytes - hash_.bytes()) {
      throw damaged(fmt::format("the dump is longer than the {} bytes of the manifest",
                                stream_.uncompressed_bytes));
    }
    hash_.write(bytes);
  }
  void finish() override {
    check("the uncompressed dump", hash_.bytes(), hash_.sha256(), stream_.uncompressed_bytes,
          stream_.uncompressed_sha256);
    hash_.finish();
  }

 private:
  HoldBackSink hold_;
  HashSink hash_;
  const ManifestStream& stream_;
};

}  // namespace

Manifest read_manifest_to_restore(Store& store, const Backup& backup) {
  Manifest manifest = with_damage_hint([&] { return read_manifest(store, backup); });
  if (manifest.streams.size() != 1) {
    throw Error(ErrorKind::failed,
                "it was written by a newer version: this one restores dumps of one stream only",
                "update pg-backup and pg-prune");
  }
  return manifest;
}

uint64_t StoredArchive::copy(Sink& sink, Clock& clock, Log& log) {
  for (const ManifestObject& object : stream().objects) check_presence(object);
  StreamCheck checked(sink, stream());
  const std::unique_ptr<Sink> unpacked = unpack(checked, stream().packing);
  ProgressSink progress(*unpacked, backup_.group.name(), manifest_.stored_bytes(), clock, log);
  for (const ManifestObject& object : stream().objects) copy_object(object, progress);
  progress.finish();
  return stream().uncompressed_bytes;
}

void StoredArchive::copy_head(Sink& sink, const std::function<bool()>& enough) {
  constexpr size_t kStep = size_t{64} << 10U;
  const std::unique_ptr<Sink> unpacked = unpack(sink, stream().packing);
  std::vector<char> buffer(kStep);
  for (const ManifestObject& object : stream().objects) {
    const std::unique_ptr<Source> source = store_.open(backup_.key_of(object.name));
    while (const size_t got = source->read(buffer)) {
      unpacked->write({buffer.data(), got});
      if (enough()) return;
    }
  }
}

/// Throws `corrupt` for an object that is missing or cut off, before anything is changed.
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
  copy_bytes(*source, stored);  // the end of one object is not the end of the stream
  check(store_.location(key), stored.bytes(), stored.sha256(), object.bytes, object.sha256);
}

}  // namespace pgbackup
