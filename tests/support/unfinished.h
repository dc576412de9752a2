// The unfinished writes of a store as a list, each with the time of its last bytes.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "common/store/store.h"

namespace pgbackup {

[[nodiscard]] inline std::vector<UnfinishedWrite> unfinished_of(Store& store) {
  std::vector<UnfinishedWrite> listed;
  store.list_unfinished([&](const UnfinishedWrite& write) { listed.push_back(write); });
  std::vector<UnfinishedWrite> writes;
  for (UnfinishedWrite& write : listed) {
    const std::optional<UtcTime> newest = store.last_activity(write);
    if (!newest) continue;
    write.newest = *newest;
    writes.push_back(std::move(write));
  }
  return writes;
}

}  // namespace pgbackup
