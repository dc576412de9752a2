// Output for people, which never throws: a closed terminal, a full disk or a pipe without a reader
// must not end a restore or a daemon. Output that is the result of a command is different: the
// command fails when it cannot be written.
#pragma once

#include <cstdio>
#include <string_view>

namespace pgbackup {

/// Writes `text` to `out` at once. Ignores a failure.
void print(std::FILE* out, std::string_view text) noexcept;

/// Writes the result of a command to `out`. Throws `failed` when it cannot be written.
void print_result(std::FILE* out, std::string_view text);

}  // namespace pgbackup
