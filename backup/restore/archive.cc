#include "backup/restore/archive.h"

#include <vector>

#include "backup/restore/hold_back.h"
#include "common/catalog/sealed.h"
#include "common/catalog/stored_stream.h"
#include "common/codec/packing.h"
#include "common/codec/progress.h"

namespace pgbackup {

Manifest read_manifest_to_restore(Store& store, const Backup& backup, const AgeKeys* keys) {
  Manifest manifest = with_damage_hint([&] { return read_manifest(store, backup); });
  if (manifest.streams.size() != 1) {
    throw Error(ErrorKind::failed,
                "it was written by a newer version: this one restores dumps of one stream only",
                "update pg-backup and pg-prune");
  }
  open_private(store, backup, manifest, keys);
  return manifest;
}

uint64_t StoredArchive::copy(Sink& sink, Clock& clock, Log& log) {
  require_objects(store_, backup_, stream());
  const BlockSums* const known = sums();
  HoldBackSink hold(sink);
  StreamCheck checked(hold, stream());
  const std::unique_ptr<Sink> unpacked = unpack(checked, stream().packing, keys_);
  ProgressSink progress(
      *unpacked, {.what = backup_.group.name(), .total = manifest_.stored_bytes()}, clock, log);
  if (known != nullptr) {
    copy_blocks(store_, {backup_, stream(), *known}, progress);
  } else {
    copy_objects(store_, backup_, stream(), progress);
  }
  progress.finish();
  return stream().uncompressed_bytes;
}

const BlockSums* StoredArchive::sums() {
  if (!store_.signatures().are_wanted()) return nullptr;
  if (!sums_) sums_ = sum_blocks(store_, backup_, stream());
  return &*sums_;
}

void StoredArchive::copy_head(Sink& sink, const std::function<bool()>& enough) {
  constexpr size_t kStep = size_t{64} << 10U;
  const std::unique_ptr<Sink> unpacked = unpack(sink, stream().packing, keys_);
  if (const BlockSums* const known = sums()) {
    copy_blocks(store_, {backup_, stream(), *known}, *unpacked, enough);
    if (!enough()) unpacked->finish();
    return;
  }
  std::vector<char> buffer(kStep);
  for (const ManifestObject& object : stream().objects) {
    const std::unique_ptr<Source> source = store_.open(backup_.key_of(object.name));
    while (const size_t got = source->read(buffer)) {
      unpacked->write({buffer.data(), got});
      if (enough()) return;
    }
  }
  unpacked->finish();  // age may hold the end back
}

}  // namespace pgbackup
