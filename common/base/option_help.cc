#include "common/base/option_help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <variant>

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

std::string usage(const Verb& verb) {
  return fmt::format("{}{}{}", verb.name, verb.arguments.empty() ? "" : " ", verb.arguments);
}

std::string usage_of_all(const CommandLine& command) {
  std::string text = fmt::format("Usage: {} [COMMAND] [OPTIONS]\n{}\n\nCommands:\n",
                                 command.program, command.summary);
  size_t width = 10;
  for (const Verb& verb : command.verbs) width = std::max(width, usage(verb).size());
  for (const Verb& verb : command.verbs) {
    text += fmt::format("  {:<{}} {}\n", usage(verb), width, verb.help);
  }
  return text;
}

/// Returns a row with its default, and with the commands on which it has an effect unless
/// `is_of_one`.
std::string describe_row(const Option& row, bool is_of_one) {
  const std::string flag = flag_name(row) + value_placeholder(row.value);
  if (row.name.starts_with("--")) return fmt::format("  {:<26} {}\n", flag, row.help);
  const std::string shown = default_text(row);
  const bool has_flag = !std::holds_alternative<Secret*>(row.value);
  return fmt::format(
      "  {}{}{}\n      {}{}\n", row.name, has_flag ? ", " + flag : "",
      is_of_one || row.verbs.empty() ? "" : fmt::format("  [{}]", fmt::join(row.verbs, ", ")),
      help_of(row), shown.empty() ? "" : fmt::format(" (default: {})", shown));
}

/// Returns the rows under a title, those of `verb` alone where there is one; empty where there are
/// none.
std::string rows_of(const CommandLine& command, std::string_view title, const Verb* verb) {
  std::string text;
  for (const Option& row : command.options) {
    if (row.title != title || (verb != nullptr && !has_effect_on(row, *verb))) continue;
    text += describe_row(row, verb != nullptr);
  }
  return text.empty() ? text : fmt::format("\n{}:\n{}", title.empty() ? "Options" : title, text);
}

}  // namespace

std::string default_text(const Option& row) {
  return row.default_note.empty() ? show_value(row.value) : std::string(row.default_note);
}

std::vector<std::string_view> titles_of(const CommandLine& command) {
  std::vector<std::string_view> titles;
  for (const Option& row : command.options) {
    if (std::find(titles.begin(), titles.end(), row.title) == titles.end()) {
      titles.push_back(row.title);
    }
  }
  return titles;
}

std::string help_text(const CommandLine& command, std::string_view verb) {
  const auto found = std::find_if(command.verbs.begin(), command.verbs.end(),
                                  [&](const Verb& one) { return one.name == verb; });
  const Verb* const one = found == command.verbs.end() ? nullptr : &*found;
  std::string text = one == nullptr ? usage_of_all(command)
                                    : fmt::format("Usage: {} {} [OPTIONS]\n{}\n", command.program,
                                                  usage(*one), one->help);
  for (const std::string_view title : titles_of(command)) text += rows_of(command, title, one);
  text += one == nullptr ? "\n  --help, --version\n" : "";
  text += "\nA setting is a variable (NAME, or NAME_FILE naming a file that holds it) or a flag.\n";
  text += one == nullptr ? fmt::format(
                               "In brackets: the commands on which it has an effect. {} "
                               "COMMAND --help shows those of one.\n",
                               command.program)
                         : "";
  if (one == nullptr && !command.notes.empty()) text += fmt::format("\n{}\n", command.notes);
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
