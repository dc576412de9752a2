// What a user can do about a statement that failed in a restore. pg_dump writes dumps that cannot
// be restored as they are, and does not say so.
#pragma once

#include <string>
#include <string_view>

namespace pgbackup {

/// Returns the cause of what pg_restore or psql complain about in `errors` and the way out, or "".
/// `in_one_transaction` adds ways out that a restore without one transaction has taken already.
[[nodiscard]] std::string restore_hint(std::string_view errors, bool in_one_transaction);

}  // namespace pgbackup
