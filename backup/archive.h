// A stored backup as the archive that pg_dump wrote: fetched, checked, decompressed. What receives
// it gets the last bytes only after every size and checksum has matched.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/codec/sink.h"
#include "common/store/store.h"

namespace pgbackup {

/// Passes on all but the last 64 KiB of `expected` bytes, which it keeps until finish(): a reader
/// of what comes out cannot have seen the end before. Throws `corrupt` at the first byte too many.
class HoldBackSink final : public Sink {
 public:
  HoldBackSink(Sink& next, uint64_t expected) : next_(next), expected_(expected) {}
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  Sink& next_;
  uint64_t expected_;
  uint64_t seen_ = 0;
  std::string held_;
};

/// read_manifest(); what is damaged comes with the hint to take another backup.
[[nodiscard]] Manifest read_manifest_to_restore(Store& store, const Backup& backup);

/// A backup with what its manifest says. All of it must outlive the calls below.
struct StoredArchive {
  Store& store;
  const Backup& backup;
  const Manifest& manifest;
};

/// Streams `archive` into `sink` and finishes it. Throws `corrupt` naming the object when bytes are
/// not what the manifest says; `sink` then has not received the end and is not finished.
void copy_archive(const StoredArchive& archive, Sink& sink, Clock& clock, Log& log);

/// The archive from its start, unchecked, until `enough` says so after a write: for its table of
/// contents.
void copy_archive_head(const StoredArchive& archive, Sink& sink,
                       const std::function<bool()>& enough);

}  // namespace pgbackup
