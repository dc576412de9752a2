#include "prune/guard.h"

#include <fmt/format.h>

#include "common/base/units.h"

namespace pgbackup {

std::optional<std::string> guard_clock(UtcTime local, UtcTime store) {
  if (std::chrono::abs(local - store) <= kMaxClockDifference) return std::nullopt;
  return fmt::format(
      "the clocks disagree by more than {}: it is {} here and {} at the store, so no age can be "
      "trusted and nothing was deleted",
      format_duration(kMaxClockDifference), format_iso(local), format_iso(store));
}

}  // namespace pgbackup
