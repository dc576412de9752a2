// Whether a restore that failed says something about the backup, or only about the server that it
// went to. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"

namespace pgbackup {

/// Returns what a server would have to have for the restore of which a client said `errors`: an
/// extension, a role, room on its disk. Returns an empty string where the backup itself is to
/// blame.
[[nodiscard]] std::string_view missing_on_server(std::string_view errors);

/// Returns `corrupt` with `message`, or `failed` with a hint where the server lacks something.
[[nodiscard]] Error judge_server(const std::string& message);
/// Does the same for an answer to a client of ours: what libpq says without an answer of the server
/// is `failed`.
[[nodiscard]] Error judge_answer(const std::string& message);

}  // namespace pgbackup
