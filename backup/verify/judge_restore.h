// Whether a restore that failed says something about the backup, or only about the server that it
// went to. Pure.
#pragma once

#include <string_view>

namespace pgbackup {

/// Returns what a server would have to have for the restore of which a client said `errors`: an
/// extension, a role, room on its disk. Returns an empty string where the backup itself is to
/// blame.
[[nodiscard]] std::string_view missing_on_server(std::string_view errors);

}  // namespace pgbackup
