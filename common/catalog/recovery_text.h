// What recovery_window.h finds, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "common/catalog/recovery_window.h"

namespace pgbackup {

/// Returns `every moment from FROM to UNTIL can be restored`.
[[nodiscard]] std::string describe_window(const RecoveryWindow& window);

/// Returns a clause about what cannot be restored behind a window; an empty string where nothing is
/// missing.
[[nodiscard]] std::string describe_loss(const RecoveryWindow& window);

/// Returns a clause that names the base backup and the segment that it lacks.
[[nodiscard]] std::string describe_stranded(const StrandedBase& base);

/// Returns the lines of all these for people, each with its line break, indented by two spaces.
[[nodiscard]] std::string format_recovery(const Recovery& recovery);

/// Adds `"windows"` and `"stranded"` to the line of a server. A window is
/// `{"id","from","until","begin","end","timeline","gaps"}`, and has `"next"` where there is a next
/// one; a gap is `{"timeline","begin","end"}`. A stranded base backup is `{"id","missing"}`.
void add_recovery(nlohmann::ordered_json& line, const Recovery& recovery);

}  // namespace pgbackup
