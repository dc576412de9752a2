// Evidence that deleting would hurt. Each guard is pure and returns one sentence, or nothing when
// it has no objection; a sentence means exit 3 with nothing deleted.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/base/utc_time.h"

namespace pgbackup {

/// What S3 itself tolerates between a request's date and its own clock (RequestTimeTooSkewed).
inline constexpr std::chrono::minutes kMaxClockDifference{15};

/// Ages are measured by the store's clock; one that contradicts ours may be the wrong one.
[[nodiscard]] std::optional<std::string> guard_clock(UtcTime local, UtcTime store);

}  // namespace pgbackup
