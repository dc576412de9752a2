// Reads what the status page shows: the plan of each destination as a run would make it, and what
// the manifests say. Several readers fetch manifests that the cache does not have. Decides nothing
// about what is shown: model.h does.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/catalog/group.h"
#include "common/store/destinations.h"
#include "prune/decide.h"
#include "prune/page/manifest_cache.h"

namespace pgbackup {

/// Says of which databases one run of pg-backup took notice.
struct RunFacts {
  UtcTime time;                     ///< from the id
  UtcTime newest;                   ///< when its last object that is known was stored
  std::string system_identifier{};  ///< of the server; empty: unknown
  std::vector<Group> groups{};      ///< sorted
  std::vector<LeftOut> left_out{};  ///< by database
};

/// Holds what was read of one destination.
struct StoreView {
  std::string name{};            ///< of the destination; empty where there is only one
  std::string location{};        ///< `s3://bucket/prefix/`
  std::optional<Error> error{};  ///< why nothing could be read; the rest is then empty
  UtcTime now{};                 ///< by the store's clock
  std::optional<Look> seen{};
  std::vector<std::string> problems{};  ///< what could not be read, and why nothing is deleted
  size_t most_rows = 0;                 ///< the newest so many of each group have facts
  std::unordered_map<const Backup*, PageFacts> facts{};
  std::map<std::string, RunFacts> runs{};  ///< by id: those that made the newest of each group
};

/// Limits how many groups of a destination are shown: the first ones by name.
inline constexpr size_t kMostPageGroups = 1000;
/// Limits how many backups of one group, and of all, are shown each with its facts.
inline constexpr size_t kMostRowsOfGroup = 400;
inline constexpr size_t kMostRows = 30'000;

/// Returns how many backups of each of `groups` groups are shown.
[[nodiscard]] size_t rows_for(size_t groups);

class StoreReader {
 public:
  /// Opens the destinations; called by several threads at once.
  using Open = std::function<Destinations(const std::stop_token& stop)>;

  /// Keeps references to `rules`, `adoption` and `clock`, which must outlive the object.
  StoreReader(Open open, const Rules& rules, const Adoption& adoption, const Clock& clock)
      : open_(std::move(open)), rules_(rules), adoption_(adoption), clock_(clock) {}

  /// Reads all destinations. One that fails has its error in its view. Throws where no destination
  /// can be opened, and `canceled`. One thread at a time.
  [[nodiscard]] std::vector<StoreView> read(const std::stop_token& stop);

 private:
  [[nodiscard]] StoreView read_one(const Destination& destination, const std::stop_token& stop);
  void read_manifests(StoreView& view, const Destination& destination, const std::stop_token& stop);

  Open open_;
  const Rules& rules_;
  const Adoption& adoption_;
  const Clock& clock_;
  std::map<std::string, ManifestCache> caches_{};  ///< by the name of the destination
};

}  // namespace pgbackup
