// A directory as a store. Crash-safe: every object is a temporary file, synced, renamed, and its
// folder synced. The store's clock is the machine's.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/store/store.h"

namespace pgbackup {

class DirStore final : public Store {
 public:
  /// `root` must be a directory that can be read; it is made by nobody here, so that a forgotten
  /// mount is noticed. Throws `not_found`, `denied`, `failed`.
  DirStore(const std::filesystem::path& root, const Clock& clock);

  [[nodiscard]] std::string location(std::string_view key) const override;
  [[nodiscard]] std::string full_key(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<ObjectWriter> create(const std::string& key) override;
  void put(const std::string& key, std::string_view bytes) override;
  void commit(const std::string& folder, std::string_view manifest,
              const std::vector<StoredObject>& objects) override;
  [[nodiscard]] std::unique_ptr<Source> open(const std::string& key) override;
  [[nodiscard]] std::optional<ObjectInfo> stat(const std::string& key) override;
  void list(std::string_view prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  void remove(const std::string& key) override;
  [[nodiscard]] std::vector<UnfinishedWrite> list_unfinished(const KeyFilter& is_ours) override;
  void remove_unfinished(const UnfinishedWrite& write) override;
  [[nodiscard]] UtcTime now() override { return clock_.now(); }

 private:
  [[nodiscard]] std::filesystem::path path_of(std::string_view key) const;
  void link_latest(const std::filesystem::path& folder);
  [[nodiscard]] bool is_older_than_latest(const std::filesystem::path& folder) const;

  std::filesystem::path root_;
  const Clock& clock_;
};

}  // namespace pgbackup
