// What is worth a word about the names of the variables in use: those of older systems, and those
// that look like a slip of the pen.
#pragma once

#include <string>
#include <vector>

#include "common/base/options.h"

namespace pgbackup {

/// One sentence each: aliases in use with our name for them, and variables that are nearly one of
/// the table's but none. They may be of other programs, so this is no error.
[[nodiscard]] std::vector<std::string> notes_on_names(const CommandLine& command,
                                                      const ParsedOptions& parsed,
                                                      const Environment& environment);

}  // namespace pgbackup
