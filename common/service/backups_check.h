// Judges the backups that a store holds: whether each group has one, whether the newest is whole,
// and whether the next is overdue.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/schedule.h"
#include "common/catalog/adoption.h"
#include "common/catalog/damage.h"
#include "common/service/finding.h"
#include "common/store/store.h"

namespace pgbackup {

/// Says what a store holds of one group.
struct GroupBackups {
  Group group{};
  size_t complete = 0;
  size_t future = 0;                   ///< of `complete`: dated in the future
  std::optional<Backup> newest{};      ///< complete and not dated in the future
  std::optional<Inspection> seen{};    ///< of the newest; unset where its manifest cannot be read
  std::string unreadable{};            ///< why it cannot
  std::vector<std::string> damaged{};  ///< ids of further ones, as far as the listing tells
};

/// Lists the backups and reads the manifest of the newest of each group. Throws what the store
/// throws; a manifest that cannot be read is part of the result.
[[nodiscard]] std::vector<GroupBackups> read_newest(Store& store, const Adoption& adoption,
                                                    UtcTime now);

/// Says what the backups are judged by.
struct BackupsWish {
  std::string area{};
  /// Groups that should have backups, of which alone it is judged; empty: those that have some.
  std::vector<Group> groups{};
  std::optional<Schedule> schedule{};  ///< tells what is due where no manifest does
};

[[nodiscard]] Findings judge_backups(const std::vector<GroupBackups>& groups,
                                     const BackupsWish& wish, UtcTime now);

}  // namespace pgbackup
