#include "common/catalog/stored_stream.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "common/codec/age.h"
#include "common/codec/relay_sink.h"

namespace pgbackup {
namespace {

/// What is compared before it passes: few sums for a large object, and little memory.
constexpr size_t kBlockBytes = size_t{4} << 20U;

void check(const std::string& what, const HashSink& seen, uint64_t bytes,
           const std::string& sha256) {
  if (seen.bytes() != bytes) {
    throw damaged(fmt::format("{} has {} bytes, the manifest says {}", what, seen.bytes(), bytes));
  }
  if (seen.sha256() != sha256) {
    throw damaged(fmt::format("the SHA-256 of {} does not match the manifest", what));
  }
}

/// Reads the next block, which is shorter than `buffer` only at the end of the object.
std::string_view read_block(Source& source, std::vector<char>& buffer) {
  size_t filled = 0;
  while (filled < buffer.size()) {
    const size_t got = source.read(std::span(buffer).subspan(filled));
    if (got == 0) break;
    filled += got;
  }
  return {buffer.data(), filled};
}

std::string uncompressed(const ManifestStream& stream) {
  return fmt::format("the uncompressed {}", stream.name);
}

}  // namespace

Error damaged(std::string message) {
  return {ErrorKind::corrupt, std::move(message),
          "this backup is damaged: restore another one (--id, or with two destinations --from; "
          "pg-backup list shows them)"};
}

void require_object(Store& store, const Backup& backup, const ManifestObject& object) {
  const std::string key = backup.key_of(object.name);
  const std::optional<ObjectInfo> info = store.stat(key);
  if (!info) throw damaged(fmt::format("{} is missing", store.location(key)));
  if (info->bytes != object.bytes) {
    throw damaged(fmt::format("{} has {} bytes, the manifest says {}", store.location(key),
                              info->bytes, object.bytes));
  }
}

void require_objects(Store& store, const Backup& backup, const ManifestStream& stream) {
  for (const ManifestObject& object : stream.objects) require_object(store, backup, object);
}

void copy_object(Store& store, const Backup& backup, const ManifestObject& object, Sink& packed) {
  const std::string key = backup.key_of(object.name);
  HashSink stored(packed);
  const std::unique_ptr<Source> source = store.open(key);
  try {
    copy_bytes(*source, stored);  // the end of one object is not the end of the stream
  } catch (const Error& error) {
    // To age a header whose recipients are damaged is one for others.
    if (error.kind() == ErrorKind::denied) check_object(store, backup, object);
    throw;
  }
  check(store.location(key), stored, object.bytes, object.sha256);
}

void copy_objects(Store& store, const Backup& backup, const ManifestStream& stream, Sink& packed) {
  for (const ManifestObject& object : stream.objects) copy_object(store, backup, object, packed);
}

BlockSums sum_blocks(Store& store, const Backup& backup, const ManifestStream& stream) {
  BlockSums sums;
  std::vector<char> buffer(kBlockBytes);
  NullSink nowhere;
  for (const ManifestObject& object : stream.objects) {
    const std::string key = backup.key_of(object.name);
    HashSink stored(nowhere);
    std::vector<std::string>& of_object = sums.emplace_back();
    const std::unique_ptr<Source> source = store.open(key);
    for (std::string_view block = read_block(*source, buffer); !block.empty();
         block = read_block(*source, buffer)) {
      stored.write(block);
      if (stored.bytes() > object.bytes) break;
      of_object.push_back(sha256_hex(block));
    }
    check(store.location(key), stored, object.bytes, object.sha256);
  }
  return sums;
}

void copy_blocks(Store& store, const SummedStream& summed, Sink& packed,
                 const std::function<bool()>& enough) {
  std::vector<char> buffer(kBlockBytes);
  for (size_t i = 0; i < summed.stream.objects.size(); ++i) {
    const std::string key = summed.backup.key_of(summed.stream.objects[i].name);
    const std::unique_ptr<Source> source = store.open(key);
    const auto refuse_changed = [&](bool is_changed) {
      if (is_changed) throw damaged(store.location(key) + " was replaced while it was read");
    };
    for (const std::string& sum : summed.sums.at(i)) {
      const std::string_view block = read_block(*source, buffer);
      refuse_changed(sha256_hex(block) != sum);
      packed.write(block);
      if (enough && enough()) return;
    }
    refuse_changed(!read_block(*source, buffer).empty());
  }
}

void check_object(Store& store, const Backup& backup, const ManifestObject& object) {
  const std::string key = backup.key_of(object.name);
  NullSink nowhere;
  HashSink stored(nowhere);
  RelaySink beside(stored);
  const std::unique_ptr<Source> source = store.open(key);
  copy_bytes(*source, beside);
  beside.finish();
  check(store.location(key), stored, object.bytes, object.sha256);
}

StreamCheck::StreamCheck(Sink& next, const ManifestStream& stream) : hash_(next), stream_(stream) {
  if (stream.uncompressed_sha256.empty()) throw no_key_to_decrypt();
}

void StreamCheck::write(std::string_view bytes) {
  if (bytes.size() > stream_.uncompressed_bytes - hash_.bytes()) {
    throw damaged(fmt::format("{} is longer than the {} bytes of the manifest",
                              uncompressed(stream_), stream_.uncompressed_bytes));
  }
  hash_.write(bytes);
}

void StreamCheck::finish() {
  check(uncompressed(stream_), hash_, stream_.uncompressed_bytes, stream_.uncompressed_sha256);
  hash_.finish();
}

}  // namespace pgbackup
