// A store in memory, for the tests of what uses one. Held to the same contract as the real ones.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/store/store.h"

namespace pgbackup {

/// Tests may look at and change the maps; one thread.
class MemoryStore : public Store {
 public:
  struct Object {
    std::string bytes;
    UtcTime modified;
  };

  /// `max_object_bytes`: longer streams go on in a next object. `clock` must outlive the store.
  explicit MemoryStore(const Clock& clock, uint64_t max_object_bytes = UINT64_MAX)
      : clock_(clock), max_object_bytes_(max_object_bytes) {}

  [[nodiscard]] std::string location(std::string_view key) const override;
  [[nodiscard]] std::string full_key(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<ObjectWriter> create(const std::string& key) override;
  void put(const std::string& key, std::string_view bytes) override;
  [[nodiscard]] std::optional<UtcTime> locked_until() const override { return lock_end; }
  [[nodiscard]] std::unique_ptr<Source> open(const std::string& key) override;
  [[nodiscard]] std::optional<ObjectInfo> stat(const std::string& key) override;
  void list(std::string_view prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  void remove(const std::string& key) override;
  [[nodiscard]] std::vector<RemovalFailure> remove_all(std::span<const std::string> keys) override;
  [[nodiscard]] size_t removal_batch() const override { return batch; }
  void list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) override;
  void remove_unfinished(const UnfinishedWrite& write) override;
  [[nodiscard]] UtcTime now() override { return clock_.now(); }

  std::map<std::string, Object> objects;              ///< by key
  std::map<std::string, UnfinishedWrite> unfinished;  ///< by id
  std::optional<UtcTime> lock_end;                    ///< what locked_until() says
  size_t batch = 1;                                   ///< what remove_all() takes at once
  /// Called for each key of remove_all(); what it throws is that key's failure.
  std::function<void(const std::string& key)> before_removal;
  std::function<std::string(const std::string& key)> lock_of;  ///< see RemovalFailure

 private:
  class Writer;

  const Clock& clock_;
  uint64_t max_object_bytes_;
  int next_id_ = 1;
};

}  // namespace pgbackup
