// What the status page remembers of manifests, which never change: the few facts that it shows of
// each, and the text of the newest for the guards. A listing notices what was deleted or replaced.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/catalog.h"
#include "common/catalog/damage.h"
#include "common/store/store.h"

namespace pgbackup {

/// Holds what the page shows of one manifest, and of the comparison with what is stored. Small,
/// whatever a manifest holds.
struct PageFacts {
  std::string problem{};     ///< why the manifest cannot be read; what follows is then unknown
  std::string damage{};      ///< why the backup cannot be restored; empty: it is whole
  std::string backdating{};  ///< why it may not be of its date; empty: it is
  UtcTime finished{};
  std::optional<UtcTime> next_due{};
  std::optional<UtcTime> locked_until{};
  uint64_t uncompressed_bytes = 0;
  int server_version = 0;  ///< server_version_num
};

[[nodiscard]] PageFacts facts_of(const Inspection& seen);

/// Limits the bytes of the texts that are kept: those of some thousand manifests.
inline constexpr size_t kMostCachedText = size_t{16} << 20U;

/// Holds what was read of the manifests of one destination, by key. Thread-safe.
class ManifestCache {
 public:
  /// Forgets what was read of `object`, a manifest, where it is another one than before.
  void note(const ObjectInfo& object);
  /// Forgets what was read of each manifest that was not noted since the last call.
  void forget_others();

  [[nodiscard]] std::optional<std::string> text(const std::string& key) const;
  /// Keeps the text of a manifest that was noted, while there is room.
  void keep_text(const std::string& key, std::string_view text);
  /// Returns what is known of `backup`, unless its objects are others than then.
  [[nodiscard]] std::optional<PageFacts> facts(const Backup& backup) const;
  /// Keeps what was found out about a backup whose manifest was noted.
  void keep_facts(const Backup& backup, PageFacts facts);

 private:
  struct Entry {
    uint64_t bytes = 0;
    UtcTime modified;
    bool is_noted = true;
    std::string text{};
    std::optional<PageFacts> facts{};
    size_t mark = 0;  ///< of the objects of the backup when `facts` were found
  };

  void drop_text(Entry& entry);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  size_t text_bytes_ = 0;
};

}  // namespace pgbackup
