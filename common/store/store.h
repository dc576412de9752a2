// The seam between the programs and where backups lie: an S3 bucket, a directory, memory (tests).
// One contract for all of them, held by tests/store_contract.h. Keys are relative to the store's
// own root (bucket and prefix, or directory), use [A-Za-z0-9._/=-] and never start with '/'.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/utc_time.h"
#include "common/codec/sink.h"

namespace pgbackup {

struct ObjectInfo {
  std::string key;
  uint64_t bytes = 0;
  UtcTime modified;  ///< by the store's clock
};

/// What was written, as it is stored.
struct StoredObject {
  std::string key;
  uint64_t bytes = 0;
  std::string sha256;  ///< 64 hexadecimal digits
};

/// An object that is still there after remove_all(), and why.
struct RemovalFailure {
  std::string key;
  Error error;
  std::string lock{};  ///< where that is no fault: `locked until 2027-01-01T00:00:00Z`
};

/// What a listing throws when parts of the store cannot be read: it has visited all the rest
/// before. Names the first of them.
class PartialListing final : public Error {
 public:
  using Error::Error;
};

/// A write that was begun and neither finished nor abandoned: its writer was killed, or still runs.
struct UnfinishedWrite {
  std::string key;  ///< of the object that it would have become
  std::string id;   ///< the store's own name for it
  UtcTime newest;   ///< a sign of life by the store's clock; the last one: see last_activity()
};

/// Writes one stream. Nothing is visible before finish(); afterwards everything is, and the store
/// has confirmed key and size. Destroyed without finish(): all traces are removed, as far as the
/// store answers, within seconds.
class ObjectWriter : public Sink {
 public:
  /// After finish(): the pieces in order, at least one. `cat` of them is the stream. The first has
  /// the key that was asked for, the next ones `.0001`, `.0002` ... behind it.
  [[nodiscard]] virtual const std::vector<StoredObject>& stored() const = 0;
};

/// Errors of all calls: `not_found`, `denied`, `transient` (after the retries gave up), `corrupt`,
/// `canceled` (the stop token that the store was made with), `failed`. Calls block; one thread at a
/// time per store, except for what a writer does inside.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  /// For messages: `s3://bucket/prefix/key`, `/backups/key`.
  [[nodiscard]] virtual std::string location(std::string_view key) const = 0;
  /// The key as other tools see it: with the prefix, without bucket or directory.
  [[nodiscard]] virtual std::string full_key(std::string_view key) const = 0;

  /// A new object from a stream of unknown length; may be empty.
  [[nodiscard]] virtual std::unique_ptr<ObjectWriter> create(const std::string& key) = 0;
  /// A small object at once, atomically. Putting the same bytes again is harmless.
  virtual void put(const std::string& key, std::string_view bytes) = 0;
  /// Until when what this store object writes cannot be removed; nullopt: it can at any time.
  [[nodiscard]] virtual std::optional<UtcTime> locked_until() const { return std::nullopt; }
  /// Makes a backup exist: writes `folder`/manifest.json. A directory store also keeps
  /// `folder`/SHA256SUMS and a link `latest` beside `folder`.
  virtual void commit(const std::string& folder, std::string_view manifest,
                      const std::vector<StoredObject>& objects);

  /// The bytes of an object from its start. `not_found` comes from here, not from the first read.
  [[nodiscard]] virtual std::unique_ptr<Source> open(const std::string& key) = 0;
  /// nullopt: there is no such object.
  [[nodiscard]] virtual std::optional<ObjectInfo> stat(const std::string& key) = 0;
  /// Every object whose key starts with `prefix`, in no promised order. Symbolic links and
  /// unfinished writes are not objects. Throws PartialListing at the end, when it could read some
  /// of them only.
  virtual void list(std::string_view prefix,
                    const std::function<void(const ObjectInfo&)>& visit) = 0;
  /// Absent already: done. Works after a stop was requested, too, within seconds: what is left to
  /// do then is to clean up.
  virtual void remove(const std::string& key) = 0;
  /// Removes all of `keys`, in any order, and returns those that failed. Throws `canceled` only:
  /// some are then gone and some are not. Here one by one.
  [[nodiscard]] virtual std::vector<RemovalFailure> remove_all(std::span<const std::string> keys);
  /// How many objects remove_all() takes in one request to the store; may fall to 1 for good.
  [[nodiscard]] virtual size_t removal_batch() const { return 1; }

  /// Below the store's root only, of other programs, too. Costs no request for each of them.
  /// Throws PartialListing as list() does.
  virtual void list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) = 0;
  /// When `write`, which list_unfinished() told of, last received bytes; nullopt: it is gone. Costs
  /// a request; what it throws says nothing about other writes.
  [[nodiscard]] virtual std::optional<UtcTime> last_activity(const UnfinishedWrite& write) {
    return write.newest;
  }
  /// Absent already: done.
  virtual void remove_unfinished(const UnfinishedWrite& write) = 0;

  /// The store's own clock: what `modified` and `newest` are measured by.
  [[nodiscard]] virtual UtcTime now() = 0;
  /// The same where it is not this machine's clock and the store tells it within seconds, else
  /// nullopt. Throws `canceled` only.
  [[nodiscard]] virtual std::optional<UtcTime> own_time() { return std::nullopt; }
};

/// Name of the object whose existence is the backup's existence.
inline constexpr std::string_view kManifestName = "manifest.json";
/// Checksums of a backup's objects for `sha256sum -c`, in directories.
inline constexpr std::string_view kSumsName = "SHA256SUMS";

/// What a manifest and whatever else is read as a whole have at most.
inline constexpr size_t kMaxSmallObject = size_t{1} << 20U;

/// All of a small object. `corrupt` when it is larger than `max_bytes`.
[[nodiscard]] std::string read_small_object(Store& store, const std::string& key,
                                            size_t max_bytes = kMaxSmallObject);

/// Whether the object exists, by a listing: where the right to list is limited to a prefix, S3
/// answers a HEAD of an absent object with 403 in place of 404.
[[nodiscard]] bool is_listed(Store& store, const std::string& key);

}  // namespace pgbackup
