// Configuration by one table. From its rows come the flag (`--s3-bucket`), the variable
// (`S3_BUCKET`), its file form (`S3_BUCKET_FILE`), --help, the effective settings with their
// sources, and the table in docs/configuration.md. Precedence: flag, variable or its alias, file,
// fallback, secret's mount, default. Nothing here exits or prints.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/secret.h"

namespace pgbackup {

using Environment = std::map<std::string, std::string, std::less<>>;

/// The process's environment.
[[nodiscard]] Environment process_environment();

/// A whole number within [min, max].
struct Number {
  int* value;
  int min;
  int max;
};

/// A duration (`90`, `6h`, `30d`) of at least `min`; the optional form starts unset.
struct Duration {
  std::variant<std::chrono::seconds*, std::optional<std::chrono::seconds>*> value;
  std::chrono::seconds min{0};
};

/// A size or a rate in bytes (`16MiB`, `10MB`) within [min, max].
struct Bytes {
  uint64_t* value;
  uint64_t min;
  uint64_t max;
};

/// One of `names`; `set` receives its index, `current` returns it.
struct Choice {
  std::vector<std::string_view> names;
  std::function<size_t()> current;
  std::function<void(size_t)> set;
};

/// Where a value goes; the type picks the parser, the value found there is the default.
using OptionValue = std::variant<std::string*, Secret*, std::filesystem::path*, bool*, Number,
                                 Duration, Bytes, Choice>;

/// A target for an enum whose values count up from 0 in the order of `names`.
template <class Enum>
Choice choice(Enum* value, std::vector<std::string_view> names) {
  return {std::move(names), [value] { return static_cast<size_t>(*value); },
          [value](size_t index) { *value = static_cast<Enum>(index); }};
}

/// The name that an older system gave to a setting. It has a file form where the setting has one.
/// Where it counted in a unit of its own, `unit` is put behind the number: `d`.
struct Alias {
  std::string_view name;
  std::string_view unit = {};
  bool may_be_zero = true;
};

/// A row. `name` is the variable (`S3_BUCKET`); a name that starts with `--` is a flag only.
/// A bool is a flag without argument, as a variable `true` or `false`. Rows that are paths and
/// bools have no file form.
struct Option {
  std::string_view name;
  OptionValue value;
  std::string_view help;
  std::vector<Alias> aliases = {};  ///< as strong as the name: with another value an error
  std::vector<std::string_view> fallbacks = {};  ///< weaker variables of others: PGHOST, AWS_REGION
  std::string_view default_note = {};            ///< shown as the default where a value says less
  std::string_view secret_file = {};  ///< read where nothing else says it: a secret's mount
  bool rotates = false;  ///< no secret, but may change together with one: the role of a password
  /// The commands on which it has an effect, as append_options() fills in; empty: every command.
  /// The flag is refused for any other command; a variable is not, as all commands in a container
  /// share the environment.
  std::vector<std::string_view> verbs = {};
};

/// A verb of the command line, as in `pg-backup restore`.
struct Verb {
  std::string_view name;
  std::string_view help;
  std::string_view argument = {};  ///< what must follow it, for --help: `GROUP/ID`
  std::string_view also = {};      ///< the name that an older system gave it
  std::string_view flags_of = {};  ///< a verb whose flags this one takes as well
};

/// What a program offers: its name, one line about it, verbs (the first is the default) and rows.
struct CommandLine {
  std::string_view program;
  std::string_view summary;
  std::vector<Verb> verbs;
  std::vector<Option> options;
  std::string_view notes = {};  ///< closing lines of --help
};

/// A secret with this in it comes from the example that we ship.
inline constexpr std::string_view kForTrying = "for-trying-only";
inline constexpr std::string_view kShownForTrying = "(hidden, for trying only)";

/// One effective setting, for the log at start: secrets show as `(hidden)`.
struct Setting {
  std::string name;
  std::string value;
  std::string source;    ///< `flag`, `variable`, `file`, the alias's or fallback's name, `default`
  std::string given_as;  ///< by the user: `--s3-bucket`, `S3_BUCKET_FILE`; empty for a default
  bool by_alias = false;
};

struct ParsedOptions {
  std::string_view verb;
  std::string argument{};  ///< of the verb
  bool help = false;
  bool version = false;
  std::vector<Setting> settings;
  /// What the user should know though nothing is wrong, one sentence each.
  std::vector<std::string> notes{};
  /// One sentence each; empty when all is well. The caller adds its own and throws them at once.
  std::vector<std::string> problems;
};

/// Adds `more` behind `rows`. Those that name no verbs themselves get `verbs`.
void append_options(std::vector<Option>& rows, std::vector<Option> more,
                    std::span<const std::string_view> verbs);

/// Whether `row` has an effect on the command `verb`.
[[nodiscard]] bool has_effect_on(const Option& row, const Verb& verb);

/// True when the user has set the row `name`, rightly or wrongly.
[[nodiscard]] bool is_set(const ParsedOptions& parsed, std::string_view name);

/// Every variable that may hold a secret of these rows, or name its file: by name, alias and
/// fallback.
[[nodiscard]] std::vector<std::string> secret_variables(std::span<const Option> rows);

/// What children may see of `environment`: all but those.
[[nodiscard]] Environment without_secrets(Environment environment, std::span<const Option> rows);

/// Reads anew the files that secrets, and what `rotates` with them, came from: `NAME_FILE` and
/// mounts. One that cannot be used at the moment, as it is just being replaced, leaves the value as
/// it is. Returns a sentence for each of those.
[[nodiscard]] std::vector<std::string> reread_secrets(std::span<const Option> rows,
                                                      const ParsedOptions& parsed,
                                                      const Environment& environment);

/// Fills the targets. Never throws for wrong input: everything wrong is in `problems`.
/// `arguments` is argv without the program's name.
[[nodiscard]] ParsedOptions parse_options(const CommandLine& command,
                                          std::span<const std::string> arguments,
                                          const Environment& environment);

/// Throws Error `usage` with all problems, one per line, when there are any.
void throw_problems(std::string_view program, const std::vector<std::string>& problems);

/// Text of --help.
[[nodiscard]] std::string help_text(const CommandLine& command);
/// The table in docs/configuration.md of the rows: a Markdown table with a line per option.
[[nodiscard]] std::string markdown_table(const CommandLine& command);

}  // namespace pgbackup
