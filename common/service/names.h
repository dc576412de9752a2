// Finds what deserves a remark about the names of the variables in use: names of older systems, and
// names that look misspelled.
#pragma once

#include <string>
#include <vector>

#include "common/base/options.h"

namespace pgbackup {

/// Returns one sentence each for the aliases in use, with our name for them, and for the variables
/// whose name nearly is one of the table's. Such a variable may belong to another program, so it is
/// no error.
[[nodiscard]] std::vector<std::string> notes_on_names(const CommandLine& command,
                                                      const ParsedOptions& parsed,
                                                      const Environment& environment);

}  // namespace pgbackup
