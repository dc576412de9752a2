#include "common/base/option_help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "common/base/option_value.h"

namespace pgbackup {
namespace {

/// Returns the help of a row with the names that older systems gave it.
std::string help_of(const Option& row) {
  std::string text(row.help);
  for (const Alias& alias : row.aliases) {
    text += fmt::format("{} `{}`", &alias == row.aliases.data() ? " Also:" : ",", alias.name);
    if (alias.unit == "d") text += " (days)";
  }
  return row.aliases.empty() ? text : text + ".";
}

/// Escapes `|`, which would end a cell of a Markdown table.
std::string escape_cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

std::string default_text(const Option& row) {
  return row.default_note.empty() ? show_value(row.value) : std::string(row.default_note);
}

std::string help_text(const CommandLine& command) {
  std::string text = fmt::format("Usage: {} [COMMAND] [OPTIONS]\n{}\n\nCommands:\n",
                                 command.program, command.summary);
  const auto usage = [](const Verb& verb) {
    return fmt::format("{}{}{}", verb.name, verb.arguments.empty() ? "" : " ", verb.arguments);
  };
  size_t width = 10;
  for (const Verb& verb : command.verbs) width = std::max(width, usage(verb).size());
  for (const Verb& verb : command.verbs) {
    text += fmt::format("  {:<{}} {}\n", usage(verb), width, verb.help);
  }
  std::string flags;
  std::string settings;
  for (const Option& row : command.options) {
    const std::string flag = flag_name(row) + value_placeholder(row.value);
    if (row.name.starts_with("--")) {
      flags += fmt::format("  {:<26} {}\n", flag, row.help);
      continue;
    }
    const std::string shown = default_text(row);
    const std::string verbs = fmt::format("  [{}]", fmt::join(row.verbs, ", "));
    settings += fmt::format("  {}{}{}\n      {}{}\n", row.name,
                            std::holds_alternative<Secret*>(row.value) ? "" : ", " + flag,
                            row.verbs.empty() ? "" : verbs, help_of(row),
                            shown.empty() ? "" : fmt::format(" (default: {})", shown));
  }
  if (!flags.empty()) flags.insert(0, "\nOptions:\n");
  text += flags +
          "\n  --help, --version\n\nSettings, as variable (NAME, or NAME_FILE naming a file "
          "that holds it) or flag,\nwith the commands on which each has an effect:\n" +
          settings;
  if (!command.notes.empty()) text += fmt::format("\n{}\n", command.notes);
  return text;
}

std::string markdown_table(const CommandLine& command) {
  std::string text = "| Variable | Default | Meaning |\n|---|---|---|\n";
  for (const Option& row : command.options) {
    if (row.name.starts_with("--")) continue;
    const std::string shown = default_text(row);
    text += fmt::format("| `{}` | {} | {} |\n", row.name, shown.empty() ? "" : "`" + shown + "`",
                        escape_cell(help_of(row)));
  }
  return text;
}

}  // namespace pgbackup
