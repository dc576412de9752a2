// A store whose calls a test sees, and makes fail before or after they took effect.
#pragma once

#include <cerrno>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/store/destinations.h"

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

  /// Its calls are `write` and `finish`; what a real writer does about a lost reply to the latter
  /// is its own affair.
  class Writer final : public ObjectWriter {
   public:
    Writer(FaultyStore& store, std::string key, std::unique_ptr<ObjectWriter> writer)
        : store_(store), key_(std::move(key)), writer_(std::move(writer)) {}
    void write(std::string_view bytes) override {
      store_.around("write", key_, [&] { writer_->write(bytes); });
    }
    void finish() override {
      store_.before("finish", key_);
      writer_->finish();
    }
    [[nodiscard]] const std::vector<StoredObject>& stored() const override {
      return writer_->stored();
    }

   private:
    FaultyStore& store_;
    std::string key_;
    std::unique_ptr<ObjectWriter> writer_;
  };

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
    return std::make_unique<Writer>(*this, key,
                                    around("create", key, [&] { return store_.create(key); }));
  }
  [[nodiscard]] std::unique_ptr<ObjectWriter> create_shared(const std::string& key) override {
    return std::make_unique<Writer>(
        *this, key, around("create", key, [&] { return store_.create_shared(key); }));
  }
  void put(const std::string& key, std::string_view bytes) override {
    around("put", key, [&] { store_.put(key, bytes); });
  }
  [[nodiscard]] std::optional<UtcTime> locked_until() const override {
    return store_.locked_until();
  }
  void renew_lock() override { store_.renew_lock(); }
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
  [[nodiscard]] std::optional<UtcTime> own_time() override { return store_.own_time(); }
  [[nodiscard]] const Signatures& signatures() const override { return store_.signatures(); }
  void list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) override {
    around("list_unfinished", "", [&] { store_.list_unfinished(visit); });
  }
  [[nodiscard]] std::optional<UtcTime> last_activity(const UnfinishedWrite& write) override {
    return around("last_activity", write.key, [&] { return store_.last_activity(write); });
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

/// What a library or the operating system throws, each of which only its own part may feel.
inline const std::vector<std::function<void()>> kForeignExceptions = {
    [] { throw std::bad_alloc(); },
    [] { throw std::system_error(EAGAIN, std::system_category(), "it failed"); },
    [] {
      throw std::filesystem::filesystem_error("it failed", "/backups",
                                              std::make_error_code(std::errc::permission_denied));
    },
    [] { throw std::out_of_range("it failed"); },
    [] { throw 7; },
};

/// `store`, which must outlive it, as one of several destinations, or without a name as the only
/// one.
[[nodiscard]] inline Destination destination_of(std::string name, Store& store) {
  return {std::move(name), std::make_unique<FaultyStore>(store)};
}

[[nodiscard]] inline Destinations only(Store& store) {
  Destinations destinations;
  destinations.push_back(destination_of("", store));
  return destinations;
}

[[nodiscard]] inline Destinations both(Store& dir, Store& s3) {
  Destinations destinations;
  destinations.push_back(destination_of(kDirDestination, dir));
  destinations.push_back(destination_of(kS3Destination, s3));
  return destinations;
}

}  // namespace pgbackup
