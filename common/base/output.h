// Output for people and programs that never throws: a terminal that was closed, a full disk or a
// pipe without a reader must not end a restore or a daemon.
#pragma once

#include <cstdio>
#include <string_view>

namespace pgbackup {

/// Writes `text` to `out` (stdout or stderr). A failure is ignored here; where it matters, ask
/// with is_written().
void print(std::FILE* out, std::string_view text) noexcept;

/// Flushes `out`. Returns whether everything that was printed on it has been written, with errno
/// set where not.
[[nodiscard]] bool is_written(std::FILE* out) noexcept;

}  // namespace pgbackup
