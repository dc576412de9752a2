// The part of the page's model that is about one group. Pure.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "prune/page/model.h"
#include "prune/page/read_store.h"

namespace pgbackup {

/// Holds what a view has of one group.
struct GroupSlice {
  Group group{};
  Group reported{};                          ///< as manifests name it, which hold UTF-8
  std::span<const Step> steps{};             ///< of the plan; may be empty
  std::vector<const Backup*> in_progress{};  ///< without a manifest, and not given up
};

struct GroupSlices {
  std::vector<GroupSlice> shown{};  ///< by name, at most kMostPageGroups
  size_t unlisted = 0;              ///< further groups
};

/// Returns what `view` has of each group: also of those that only runs name.
[[nodiscard]] GroupSlices slices_of(const StoreView& view);

[[nodiscard]] PageGroup make_group(const GroupSlice& slice, const StoreView& view);

}  // namespace pgbackup
