// A stored backup of ours as the archive or SQL that pg_dump wrote: fetched, checked, decompressed.
// What receives it gets the last bytes only after every size and checksum has matched.
#pragma once

#include <utility>

#include "backup/stored_dump.h"
#include "common/store/store.h"

namespace pgbackup {

/// read_manifest(); what is damaged comes with the hint to take another backup.
[[nodiscard]] Manifest read_manifest_to_restore(Store& store, const Backup& backup);

/// A backup with what its manifest says. `store` and `backup` must outlive it.
class StoredArchive final : public StoredDump {
 public:
  StoredArchive(Store& store, const Backup& backup, Manifest manifest)
      : store_(store), backup_(backup), manifest_(std::move(manifest)) {}

  [[nodiscard]] const Backup& backup() const override { return backup_; }
  [[nodiscard]] DumpForm form() const override {
    return manifest_.dump_format == DumpFormat::plain ? DumpForm::sql : DumpForm::archive;
  }
  /// Any psql reads SQL.
  [[nodiscard]] int client_version() const override {
    return form() == DumpForm::sql ? 0 : manifest_.client_version;
  }
  [[nodiscard]] int server_version() const override { return manifest_.server_version; }
  [[nodiscard]] const DatabaseProperties* properties() const override {
    return &manifest_.database;
  }
  uint64_t copy(Sink& sink, Clock& clock, Log& log) override;
  void copy_head(Sink& sink, const std::function<bool()>& enough) override;

 private:
  void check_presence(const ManifestObject& object);
  void copy_object(const ManifestObject& object, Sink& sink);

  Store& store_;
  const Backup& backup_;
  Manifest manifest_;
};

}  // namespace pgbackup
