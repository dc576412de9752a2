// A directory as a store. Safe against crashes: every object is written to a temporary file, synced
// and renamed, and its directory is synced. The store's clock is the machine's.
#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/store/dir_walk.h"
#include "common/store/store.h"
#include "common/store/store_root.h"

namespace pgbackup {

class DirStore final : public Store {
 public:
  /// Opens the directory; keys lie below `prefix` in it, see StoreRoot, which also says what this
  /// throws. All calls throw `not_found` once the directory is gone.
  DirStore(const std::filesystem::path& base, const Clock& clock, std::string prefix = {});

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
  void list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) override;
  void remove_unfinished(const UnfinishedWrite& write) override;
  [[nodiscard]] UtcTime now() override { return clock_.now(); }

 private:
  [[nodiscard]] std::filesystem::path path_of(std::string_view key) const;
  void walk(std::string_view prefix, const VisitFile& visit);
  void link_latest(const std::filesystem::path& folder);
  [[nodiscard]] bool is_older_than_latest(const std::filesystem::path& folder) const;

  StoreRoot root_;
  const Clock& clock_;
};

}  // namespace pgbackup
