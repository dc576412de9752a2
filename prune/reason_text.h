// Why a step is taken, in words.
#pragma once

#include <string>
#include <vector>

#include "prune/plan.h"

namespace pgbackup {

/// At least one: `younger than 30d`, `newest of its day`, `no rule keeps it`.
[[nodiscard]] std::vector<std::string> reason_texts(const Step& step, const Rules& rules);

/// The same in one line, with semicolons.
[[nodiscard]] std::string reason_line(const Step& step, const Rules& rules);

}  // namespace pgbackup
