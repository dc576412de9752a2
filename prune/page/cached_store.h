// A store as the status page sees it: manifests come out of the cache where they are in it, and
// nothing can be changed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/store/store.h"
#include "prune/page/manifest_cache.h"

namespace pgbackup {

class CachedStore final : public Store {
 public:
  /// Reads from `store` by way of `cache`. Both must outlive the object.
  CachedStore(Store& store, ManifestCache& cache) : store_(store), cache_(cache) {}

  [[nodiscard]] std::string location(std::string_view key) const override {
    return store_.location(key);
  }
  [[nodiscard]] std::string full_key(std::string_view key) const override {
    return store_.full_key(key);
  }
  [[nodiscard]] std::unique_ptr<Source> open(const std::string& key) override;
  [[nodiscard]] std::optional<ObjectInfo> stat(const std::string& key) override {
    return store_.stat(key);
  }
  /// Notes in the cache which manifests there are.
  void list(std::string_view prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  void list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) override {
    store_.list_unfinished(visit);
  }
  [[nodiscard]] std::optional<UtcTime> last_activity(const UnfinishedWrite& write) override {
    return store_.last_activity(write);
  }
  [[nodiscard]] UtcTime now() override { return store_.now(); }
  [[nodiscard]] std::optional<UtcTime> own_time() override { return store_.own_time(); }
  [[nodiscard]] const Signatures& signatures() const override { return store_.signatures(); }

  // These throw `failed`, since a page changes nothing.
  [[nodiscard]] std::unique_ptr<ObjectWriter> create(const std::string& key) override;
  void put(const std::string& key, std::string_view bytes) override;
  void remove(const std::string& key) override;
  void remove_unfinished(const UnfinishedWrite& write) override;

 private:
  Store& store_;
  ManifestCache& cache_;
};

}  // namespace pgbackup
