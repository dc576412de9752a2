// Checks the destinations: each by itself, so that one that cannot be reached hides nothing of the
// other.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/group.h"
#include "common/service/backups_check.h"
#include "common/service/bucket_check.h"
#include "common/service/finding.h"
#include "common/store/store_config.h"

namespace pgbackup {

/// Says how long a request of a check is repeated, and how thorough it is.
inline constexpr std::chrono::seconds kCheckPatience{5};

enum class CheckDepth {
  reach,  ///< writes nothing, asks for as little as possible: whether everything is there
  full,
};

struct StoreCheck {
  StoreUser user = StoreUser::writer;
  CheckDepth depth = CheckDepth::full;
  Group group{};  ///< beside whose backups an object may be written for a try
  Adoption adoption{};
  std::vector<Group> wanted{};         ///< see BackupsWish
  std::optional<Schedule> schedule{};  ///< see BackupsWish
  /// Holds the sizes of the databases as far as they are known; those of the newest backups are
  /// better.
  std::map<Group, uint64_t> sizes{};
  /// Judges the backups of a store in place of judge_backups(), where it is set.
  std::function<Findings(Store& store, const std::string& area)> judge_backups{};
  /// Looks at the newest backups of a store besides, where it is set.
  std::function<Findings(Store& store, const std::string& area,
                         const std::vector<GroupBackups>& groups)>
      further{};
};

/// Checks every destination of `config`, which must have passed check_store_config(). Throws
/// `canceled` only.
[[nodiscard]] Findings check_stores(const StoreConfig& config, const StoreCheck& check,
                                    Clock& clock, Log& log, const std::stop_token& stop);

}  // namespace pgbackup
