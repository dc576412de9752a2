// The part of the status page's HTML that is about one group. Pure.
#pragma once

#include <string>
#include <string_view>

#include "prune/page/model.h"

namespace pgbackup {

/// Returns an icon, which is drawn as kPageIcons has it.
[[nodiscard]] std::string icon(std::string_view name);

/// Returns a time with the exact one in UTC for programs: `<time datetime="…">2026-11-30 03:15`.
[[nodiscard]] std::string time_element(UtcTime time);

/// Returns an entry of a list of names and values. `value` and `small` are HTML already; `small`
/// may be empty.
[[nodiscard]] std::string fact(std::string_view name, const std::string& value,
                               const std::string& small = "");

/// Returns the element of a group, which is open where `is_open`.
[[nodiscard]] std::string format_group(const PageGroup& group, UtcTime now, bool is_open);

}  // namespace pgbackup
