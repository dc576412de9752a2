// The option table for people: --help, and the table in docs/configuration.md. The table itself is
// in options.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/options.h"

namespace pgbackup {

/// Returns the default of a row as people read it; empty where there is none.
[[nodiscard]] std::string default_text(const Option& row);
/// Returns the text of --help: of one verb, or of all where `verb` is empty.
[[nodiscard]] std::string help_text(const CommandLine& command, std::string_view verb = {});
/// Returns the titles of the rows, each once, in their order.
[[nodiscard]] std::vector<std::string_view> titles_of(const CommandLine& command);
/// Returns the rows as a Markdown table with a line per option, for docs/configuration.md.
[[nodiscard]] std::string markdown_table(const CommandLine& command);

}  // namespace pgbackup
