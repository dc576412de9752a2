// Output for people, which never throws: a terminal that was closed, a full disk or a pipe without
// a reader must not end a restore or a daemon. And output that is the result of a command, without
// which the command has failed.
#pragma once

#include <cstdio>
#include <string_view>

namespace pgbackup {

/// Writes `text` to `out` at once. A failure is ignored.
void print(std::FILE* out, std::string_view text) noexcept;

/// The same for the result of a command. Throws `failed` when it cannot be written.
void print_result(std::FILE* out, std::string_view text);

}  // namespace pgbackup
