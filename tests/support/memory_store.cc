#include "tests/support/memory_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/error.h"
#include "common/codec/digest.h"
#include "tests/support/string_source.h"

namespace pgbackup {
class MemoryStore::Writer final : public ObjectWriter {
 public:
  Writer(MemoryStore& store, std::string key)
      : store_(store), key_(std::move(key)), id_(std::to_string(store.next_id_++)) {
    note_progress();
  }
  ~Writer() override { store_.unfinished.erase(id_); }

  void write(std::string_view bytes) override {
    bytes_ += bytes;
    note_progress();
  }

  void finish() override {
    std::string_view rest = bytes_;
    do {
      const std::string_view piece = rest.substr(
          0, static_cast<size_t>(std::min<uint64_t>(rest.size(), store_.max_object_bytes_)));
      const std::string key =
          stored_.empty() ? key_ : fmt::format("{}.{:04}", key_, stored_.size());
      store_.put(key, piece);
      stored_.push_back({.key = key, .bytes = piece.size(), .sha256 = sha256_hex(piece)});
      rest.remove_prefix(piece.size());
    } while (!rest.empty());
    store_.unfinished.erase(id_);
  }

  [[nodiscard]] const std::vector<StoredObject>& stored() const override { return stored_; }

 private:
  void note_progress() {
    store_.unfinished[id_] = {.key = key_, .id = id_, .newest = store_.clock_.now()};
  }

  MemoryStore& store_;
  std::string key_;
  std::string id_;
  std::string bytes_;
  std::vector<StoredObject> stored_;
};

std::string MemoryStore::location(std::string_view key) const {
  return fmt::format("memory:{}", key);
}

std::string MemoryStore::full_key(std::string_view key) const { return std::string(key); }

std::unique_ptr<ObjectWriter> MemoryStore::create(const std::string& key) {
  return std::make_unique<Writer>(*this, key);
}

void MemoryStore::put(const std::string& key, std::string_view bytes) {
  objects[key] = {.bytes = std::string(bytes), .modified = clock_.now()};
}

std::unique_ptr<Source> MemoryStore::open(const std::string& key) {
  const auto object = objects.find(key);
  if (object == objects.end()) {
    throw Error(ErrorKind::not_found, location(key) + " does not exist");
  }
  return std::make_unique<StringSource>(object->second.bytes);
}

std::optional<ObjectInfo> MemoryStore::stat(const std::string& key) {
  const auto object = objects.find(key);
  if (object == objects.end()) return std::nullopt;
  return ObjectInfo{
      .key = key, .bytes = object->second.bytes.size(), .modified = object->second.modified};
}

void MemoryStore::list(std::string_view prefix,
                       const std::function<void(const ObjectInfo&)>& visit) {
  const auto snapshot = objects;  // `visit` may remove what it sees
  for (const auto& [key, object] : snapshot) {
    if (!key.starts_with(prefix)) continue;
    visit({.key = key, .bytes = object.bytes.size(), .modified = object.modified});
  }
}

void MemoryStore::remove(const std::string& key) { objects.erase(key); }

std::vector<RemovalFailure> MemoryStore::remove_all(std::span<const std::string> keys) {
  if (keys.size() > batch) throw Error(ErrorKind::failed, "more keys than a batch takes");
  std::vector<RemovalFailure> failures;
  for (const std::string& key : keys) {
    try {
      if (before_removal) before_removal(key);
      if (const std::string lock = lock_of ? lock_of(key) : ""; !lock.empty()) {
        failures.push_back({key, Error(ErrorKind::denied, "AccessDenied"), lock});
        continue;
      }
      remove(key);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::canceled) throw;
      failures.push_back({.key = key, .error = error});
    }
  }
  return failures;
}

void MemoryStore::list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) {
  const auto snapshot = unfinished;  // `visit` may remove what it sees
  for (const auto& [id, write] : snapshot) visit(write);
}

void MemoryStore::remove_unfinished(const UnfinishedWrite& write) { unfinished.erase(write.id); }

}  // namespace pgbackup
