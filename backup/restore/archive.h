// A stored backup of ours as the archive or SQL that pg_dump wrote: fetched, checked, decompressed.
// The receiver gets the last bytes only after every size and checksum has matched; where signatures
// are wanted, it gets none before. The format of a stored backup is in common/catalog/manifest.h.
#pragma once

#include <optional>
#include <utility>

#include "backup/restore/stored_dump.h"
#include "common/store/store.h"

namespace pgbackup {

/// Reads the manifest as read_manifest() does; a damaged one is thrown with the hint to take
/// another backup. Opens the private part of an encrypted one as open_private() does, so that it is
/// known whether the keys open the backup.
[[nodiscard]] Manifest read_manifest_to_restore(Store& store, const Backup& backup,
                                                const AgeKeys* keys);

/// Holds a backup with what its manifest says. All references must outlive the object. Without
/// `keys` nothing that is encrypted can be read.
class StoredArchive final : public StoredDump {
 public:
  StoredArchive(Store& store, const Backup& backup, Manifest manifest,
                const AgeKeys* keys = nullptr)
      : store_(store), backup_(backup), manifest_(std::move(manifest)), keys_(keys) {}

  [[nodiscard]] const Backup& backup() const override { return backup_; }
  [[nodiscard]] StreamFormat format() const override { return stream().format; }
  /// Returns 0 for plain SQL, which any psql reads.
  [[nodiscard]] int client_version() const override {
    return format() == StreamFormat::plain ? 0 : manifest_.client_version;
  }
  [[nodiscard]] int server_version() const override { return manifest_.server_version; }
  [[nodiscard]] std::optional<int64_t> tables() const override { return manifest_.dump.tables; }
  [[nodiscard]] std::optional<uint64_t> bytes() const override {
    return stream().uncompressed_bytes;
  }
  [[nodiscard]] const DatabaseProperties* properties() const override {
    return &manifest_.dump.database;
  }
  uint64_t copy(Sink& sink, Clock& clock, Log& log) override;
  void copy_head(Sink& sink, const std::function<bool()>& enough) override;

 private:
  /// Returns the only stream that a dump has.
  [[nodiscard]] const ManifestStream& stream() const { return manifest_.streams.front(); }
  /// Returns the sums by which nothing passes that the signed manifest does not answer for, for
  /// which everything is read once before; nullptr where no signature is wanted.
  const BlockSums* sums();

  Store& store_;
  const Backup& backup_;
  Manifest manifest_;
  std::optional<BlockSums> sums_;
  const AgeKeys* keys_;
};

}  // namespace pgbackup
