// A store whose calls a test sees, and makes fail before or after they took effect.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/store/store.h"

namespace pgbackup {

class FaultyStore final : public Store {
 private:
  template <class Call>
  auto around(std::string_view name, std::string_view key, const Call& call) {
    before(name, key);
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      after(name, key);
    } else {
      auto result = call();
      after(name, key);
      return result;
    }
  }

 public:
  /// Gets the call's name and key; what it throws, the call throws.
  using Hook = std::function<void(std::string_view call, std::string_view key)>;

  explicit FaultyStore(Store& store) : store_(store) {}

  Hook before = [](std::string_view, std::string_view) {};  ///< the call has no effect
  Hook after = [](std::string_view, std::string_view) {};   ///< done, but the reply is lost

  [[nodiscard]] std::string location(std::string_view key) const override {
    return store_.location(key);
  }
  [[nodiscard]] std::string full_key(std::string_view key) const override {
    return store_.full_key(key);
  }
  [[nodiscard]] std::unique_ptr<ObjectWriter> create(const std::string& key) override {
    return around("create", key, [&] { return store_.create(key); });
  }
  void put(const std::string& key, std::string_view bytes) override {
    around("put", key, [&] { store_.put(key, bytes); });
  }
  [[nodiscard]] std::optional<UtcTime> locked_until() const override {
    return store_.locked_until();
  }
  [[nodiscard]] std::unique_ptr<Source> open(const std::string& key) override {
    return around("open", key, [&] { return store_.open(key); });
  }
  [[nodiscard]] std::optional<ObjectInfo> stat(const std::string& key) override {
    return around("stat", key, [&] { return store_.stat(key); });
  }
  void list(std::string_view prefix, const std::function<void(const ObjectInfo&)>& visit) override {
    around("list", prefix, [&] { store_.list(prefix, visit); });
  }
  void remove(const std::string& key) override {
    around("remove", key, [&] { store_.remove(key); });
  }
  /// One call where the store takes many at once, else a `remove` for each.
  [[nodiscard]] std::vector<RemovalFailure> remove_all(std::span<const std::string> keys) override {
    if (removal_batch() == 1) return Store::remove_all(keys);
    return around("remove_all", keys.front(), [&] { return store_.remove_all(keys); });
  }
  [[nodiscard]] size_t removal_batch() const override { return store_.removal_batch(); }
  [[nodiscard]] std::vector<UnfinishedWrite> list_unfinished() override {
    return around("list_unfinished", "", [&] { return store_.list_unfinished(); });
  }
  void remove_unfinished(const UnfinishedWrite& write) override {
    around("remove_unfinished", write.key, [&] { store_.remove_unfinished(write); });
  }
  [[nodiscard]] UtcTime now() override {
    return around("now", "", [&] { return store_.now(); });
  }

 private:
  Store& store_;
};

}  // namespace pgbackup
