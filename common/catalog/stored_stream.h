// Reads a stream of a stored backup, and checks that its bytes are those of the manifest: each
// object as it is stored, then the whole as it was before packing. What the stream means is for its
// reader.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/catalog/catalog.h"
#include "common/catalog/manifest.h"
#include "common/codec/digest.h"
#include "common/codec/sink.h"
#include "common/store/store.h"

namespace pgbackup {

/// Returns a `corrupt` error with the hint to take another backup.
[[nodiscard]] Error damaged(std::string message);

/// Runs `body`. A `corrupt` error without a hint that leaves `body` gets the hint of damaged().
template <class Body>
decltype(auto) with_damage_hint(Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::corrupt || !error.hint().empty()) throw;
    throw damaged(error.message());
  }
}

/// Throws `corrupt` for an object that is missing or has another size.
void require_object(Store& store, const Backup& backup, const ManifestObject& object);
/// Requires all objects of the stream: before anything is changed.
void require_objects(Store& store, const Backup& backup, const ManifestStream& stream);

/// Copies an object as it is stored into `packed`, which unpack() has made, and does not finish it.
/// Throws `corrupt`, naming the object, when it has another size or SHA-256.
void copy_object(Store& store, const Backup& backup, const ManifestObject& object, Sink& packed);
/// Copies all objects of the stream.
void copy_objects(Store& store, const Backup& backup, const ManifestStream& stream, Sink& packed);

/// Holds the SHA-256 of each block of each object of a stream.
using BlockSums = std::vector<std::vector<std::string>>;

/// Reads the objects of the stream to their ends, and throws as copy_objects() does. Returns what
/// copy_blocks() needs: about 25 bytes for each MiB.
[[nodiscard]] BlockSums sum_blocks(Store& store, const Backup& backup,
                                   const ManifestStream& stream);

/// Refers to a stream and to what sum_blocks() has returned of it.
struct SummedStream {
  const Backup& backup;
  const ManifestStream& stream;
  const BlockSums& sums;
};

/// Copies the objects as copy_objects() does: not a byte passes that sum_blocks() has not seen,
/// even where the store has changed since. Stops when `enough`, where it is given, returns true
/// after a block.
void copy_blocks(Store& store, const SummedStream& summed, Sink& packed,
                 const std::function<bool()>& enough = {});

/// Reads an object to its end, and throws as copy_object() does. Hashes in a thread beside the one
/// that reads, so that it is as fast as the store.
void check_object(Store& store, const Backup& backup, const ManifestObject& object);

/// Stands behind unpack(), and finishes what follows only after the size and SHA-256 of all that
/// has passed were those of the manifest. Throws `corrupt` otherwise; no more bytes than those of
/// the manifest have then been passed on.
class StreamCheck final : public Sink {
 public:
  /// Both must outlive the check. Throws `denied` for a stream of a manifest whose private part,
  /// which holds the SHA-256, is not known.
  StreamCheck(Sink& next, const ManifestStream& stream);
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  HashSink hash_;
  const ManifestStream& stream_;
};

}  // namespace pgbackup
