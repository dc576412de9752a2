// Why a step is taken, in words for tables, JSON and the log.
#pragma once

#include <string>
#include <vector>

#include "prune/plan.h"

namespace pgbackup {

/// Returns at least one text, such as `younger than 30d`, `newest of its day` or `no rule keeps
/// it`.
[[nodiscard]] std::vector<std::string> reason_texts(const Step& step, const Rules& rules);

/// Returns the reason_texts() in one line, separated by semicolons.
[[nodiscard]] std::string reason_line(const Step& step, const Rules& rules);

}  // namespace pgbackup
