// The drawings of the status page as inline SVG, each with its text for those who do not see it.
#pragma once

#include <span>
#include <string>

#include "prune/page/model.h"

namespace pgbackup {

/// Returns the calendar strip: a cell per day, filled where backups are in the store.
[[nodiscard]] std::string draw_days(std::span<const PageDay> calendar);
/// Returns what the strip shows, as a sentence.
[[nodiscard]] std::string describe_days(std::span<const PageDay> calendar);

/// Returns the sizes of backups over time, newest first in `backups`; an empty string for less than
/// two.
[[nodiscard]] std::string draw_sizes(std::span<const PageBackup> backups);
/// Returns what the chart of sizes shows, as a sentence.
[[nodiscard]] std::string describe_sizes(std::span<const PageBackup> backups);

/// Returns a bar from the first moment that can be restored up to `now`, filled where it can.
[[nodiscard]] std::string draw_windows(std::span<const RecoveryWindow> windows, UtcTime now);

}  // namespace pgbackup
