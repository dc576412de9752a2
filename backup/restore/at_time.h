// The moment of `restore --at`, as a person writes it.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/utc_time.h"

namespace pgbackup {

/// Parses `2026-11-20 03:15:00+01`, `2026-11-20T03:15Z`, `2026-11-20 03:15` (local time of TZ) and
/// `2026-11-20` (the end of that day). Returns nullopt for anything else.
[[nodiscard]] std::optional<UtcTime> parse_at_time(std::string_view text);

}  // namespace pgbackup
