// A dump that an older system wrote: one file without a manifest, maybe with the output of
// sha256sum beside it. The first bytes tell its format. The receiver gets the last bytes only after
// everything was checked that can be: that checksum, gzip's own, and how plain SQL ends. The
// layouts of older systems are in common/catalog/old_layouts.h.
#pragma once

#include <optional>
#include <string>

#include "backup/restore/stored_dump.h"
#include "common/store/store.h"

namespace pgbackup {

class AdoptedDump final : public StoredDump {
 public:
  /// Reads the first bytes. Throws `corrupt` for a file that is empty, damaged, or neither an
  /// archive nor plain SQL of pg_dump, and `denied` for one that no key opens. All references must
  /// outlive the object.
  AdoptedDump(Store& store, const Backup& backup, const AgeKeys* keys = nullptr);

  [[nodiscard]] const Backup& backup() const override { return backup_; }
  [[nodiscard]] StreamFormat format() const override { return format_; }
  [[nodiscard]] int client_version() const override { return client_version_; }
  [[nodiscard]] int server_version() const override { return 0; }
  [[nodiscard]] std::optional<int64_t> tables() const override { return std::nullopt; }
  [[nodiscard]] std::optional<uint64_t> bytes() const override { return std::nullopt; }
  [[nodiscard]] const DatabaseProperties* properties() const override { return nullptr; }
  uint64_t copy(Sink& sink, Clock& clock, Log& log) override;
  void copy_head(Sink& sink, const std::function<bool()>& enough) override;

 private:
  [[nodiscard]] std::string sum_key() const;
  [[nodiscard]] std::optional<std::string> read_sum() const;

  Store& store_;
  const Backup& backup_;
  const AgeKeys* keys_;
  StreamFormat format_ = StreamFormat::custom;
  int client_version_ = 0;
};

}  // namespace pgbackup
