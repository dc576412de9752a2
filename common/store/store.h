// The seam between the programs and the places that hold backups: an S3 bucket, a directory, memory
// (tests). All of them keep one contract, which tests/support/store_contract.h checks. Keys are
// relative to the store's own root (bucket and prefix, or directory), use [A-Za-z0-9._/=-] and
// never start with '/'.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/base/utc_time.h"
#include "common/codec/sink.h"
#include "common/store/signatures.h"

namespace pgbackup {

struct ObjectInfo {
  std::string key;
  uint64_t bytes = 0;
  UtcTime modified;  ///< by the store's clock
};

/// Describes what was written, as it is stored.
struct StoredObject {
  std::string key;
  uint64_t bytes = 0;
  std::string sha256;  ///< 64 hexadecimal digits
};

/// Names an object that still exists after remove_all(), and says why.
struct RemovalFailure {
  std::string key;
  Error error;
  std::string lock{};  ///< where a lock is the reason: `locked until 2027-01-01T00:00:00Z`
};

/// Reports that parts of the store cannot be read, and names the first of them. A listing throws
/// this error after it has visited all the rest.
class PartialListing final : public Error {
 public:
  using Error::Error;
};

/// Describes a write that was begun and neither finished nor abandoned: its writer was killed, or
/// still runs.
struct UnfinishedWrite {
  std::string key;  ///< of the object that would have been written
  std::string id;   ///< the store's own name for it
  UtcTime newest;   ///< a time of activity by the store's clock; see last_activity()
};

/// Writes one stream. Nothing is visible before finish(); afterwards everything is, and the store
/// has confirmed key and size. A writer that is destroyed without finish() deletes all traces, as
/// far as the store answers, within seconds.
class ObjectWriter : public Sink {
 public:
  /// Returns the pieces in order, at least one; valid after finish(). `cat` of the pieces is the
  /// stream. The first has the key that was asked for, and the next ones have `.0001`, `.0002` ...
  /// appended.
  [[nodiscard]] virtual const std::vector<StoredObject>& stored() const = 0;
};

/// Holds objects by key. All calls may throw `not_found`, `denied`, `transient` (after the retries
/// gave up), `corrupt`, `canceled` (by the stop token that the store was made with) and `failed`.
/// Calls block. One thread at a time may use a store, except for what a writer does inside.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  /// Returns the location of a key for messages: `s3://bucket/prefix/key`, `/backups/key`.
  [[nodiscard]] virtual std::string location(std::string_view key) const = 0;
  /// Returns the key as other tools see it: with the prefix, without bucket or directory.
  [[nodiscard]] virtual std::string full_key(std::string_view key) const = 0;

  /// Begins a new object from a stream of unknown length, which may be empty.
  [[nodiscard]] virtual std::unique_ptr<ObjectWriter> create(const std::string& key) = 0;
  /// Begins an object as create() does, whose name and content other writers may have, too, such as
  /// a segment of WAL. What is complete is never deleted again: another writer may rely on it.
  /// finish() throws `conflict` where the object is another writer's.
  [[nodiscard]] virtual std::unique_ptr<ObjectWriter> create_shared(const std::string& key) {
    return create(key);
  }
  /// Writes an object at once and atomically, and never deletes it. Putting the same bytes again is
  /// harmless.
  virtual void put(const std::string& key, std::string_view bytes) = 0;
  /// Returns until when what this store object writes cannot be deleted; nullopt when it can be at
  /// any time.
  [[nodiscard]] virtual std::optional<UtcTime> locked_until() const { return std::nullopt; }
  /// Lets the lock of what is written from now on begin now, and not when the store was made. All
  /// objects of a backup have one lock, so this is for what is written by itself.
  virtual void renew_lock() {}
  /// Makes a backup exist: writes `folder`/SHA256SUMS, where a key signs the manifest
  /// `folder`/manifest.json.sig, and then `folder`/manifest.json. A directory
  /// store also keeps a link `latest` beside `folder`, and S3 an object of that name where
  /// S3_LATEST asks for it.
  virtual void commit(const std::string& folder, std::string_view manifest,
                      const std::vector<StoredObject>& objects);

  /// Returns the bytes of an object from its start. Throws `not_found`, which the first read does
  /// not.
  [[nodiscard]] virtual std::unique_ptr<Source> open(const std::string& key) = 0;
  /// Returns what is known of an object; nullopt when there is none.
  [[nodiscard]] virtual std::optional<ObjectInfo> stat(const std::string& key) = 0;
  /// Visits every object whose key starts with `prefix`, in no promised order. Symbolic links and
  /// unfinished writes are not objects. Throws PartialListing at the end, when only some of them
  /// could be read.
  virtual void list(std::string_view prefix,
                    const std::function<void(const ObjectInfo&)>& visit) = 0;
  /// Deletes an object; succeeds when it is absent. Works after a stop was requested, too, within
  /// seconds, for cleaning up.
  virtual void remove(const std::string& key) = 0;
  /// Deletes all of `keys`, in any order, and returns those that failed. Throws `canceled` only,
  /// when some are deleted and some are not. This implementation deletes one by one.
  [[nodiscard]] virtual std::vector<RemovalFailure> remove_all(std::span<const std::string> keys);
  /// Returns how many objects remove_all() takes in one request to the store. May fall to 1 for
  /// good.
  [[nodiscard]] virtual size_t removal_batch() const { return 1; }

  /// Visits the unfinished writes below the store's root, also those of other programs. Costs no
  /// request for each of them. Throws PartialListing as list() does.
  virtual void list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) = 0;
  /// Returns when `write`, which list_unfinished() has visited, last received bytes; nullopt when
  /// it is gone. Costs a request. An error here says nothing about other writes.
  [[nodiscard]] virtual std::optional<UtcTime> last_activity(const UnfinishedWrite& write) {
    return write.newest;
  }
  /// Deletes an unfinished write; succeeds when it is absent.
  virtual void remove_unfinished(const UnfinishedWrite& write) = 0;

  /// Sets who signs what is committed, and whose signature a manifest must have: the store is not
  /// trusted, whoever reads it.
  void use_signatures(Signatures signatures) { signatures_ = std::move(signatures); }
  /// Returns the keys; a store that stands before another one returns those of that one.
  [[nodiscard]] virtual const Signatures& signatures() const { return signatures_; }

  /// Returns the time by the store's own clock, which `modified` and `newest` are measured by.
  [[nodiscard]] virtual UtcTime now() = 0;
  /// Returns the store's time where its clock is not this machine's and the store tells it within
  /// seconds, else nullopt. Throws `canceled` only.
  [[nodiscard]] virtual std::optional<UtcTime> own_time() { return std::nullopt; }

 private:
  Signatures signatures_;
};

/// The name of the object whose existence is the backup's existence.
inline constexpr std::string_view kManifestName = "manifest.json";
/// The name of the object that holds the signature of the manifest: the 64 bytes of Ed25519 over
/// the bytes of the manifest, and nothing else.
inline constexpr std::string_view kSignatureName = "manifest.json.sig";
/// The name of the object that holds the checksums of a backup's objects and of its manifest, for
/// `sha256sum -c`. The programs do not read it.
inline constexpr std::string_view kSumsName = "SHA256SUMS";
/// The name beside a group's backups that leads to the newest of them: a link in a directory, an
/// object in a bucket. The programs do not read it.
inline constexpr std::string_view kLatestName = "latest";

/// The most bytes of a manifest, and of anything else that is read as a whole.
inline constexpr size_t kMaxSmallObject = size_t{1} << 20U;

/// Returns all of a small object. Throws `corrupt` when it is larger than `max_bytes`.
[[nodiscard]] std::string read_small_object(Store& store, const std::string& key,
                                            size_t max_bytes = kMaxSmallObject);

/// Returns whether the object exists, by a listing. Where the permission to list is limited to a
/// prefix, S3 answers a HEAD of an absent object with 403 in place of 404.
[[nodiscard]] bool is_listed(Store& store, const std::string& key);

}  // namespace pgbackup
