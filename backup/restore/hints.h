// What a user can do about a statement that failed in a restore. pg_dump writes dumps that cannot
// be restored as they are, and says nothing.
#pragma once

#include <string>
#include <string_view>

namespace pgbackup {

/// The cause of what pg_restore or psql complain about in `errors` and the way out, or "". In one
/// transaction there are ways out that are taken already without.
[[nodiscard]] std::string restore_hint(std::string_view errors, bool in_one_transaction);

}  // namespace pgbackup
