// Configuration by one table. From its rows come the flag (`--s3-bucket`), the variable
// (`S3_BUCKET`), its file form (`S3_BUCKET_FILE`), --help, the settings in force with their
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

/// Returns the process's environment.
[[nodiscard]] Environment process_environment();

/// Takes a whole number within [min, max].
struct Number {
  int* value;
  int min;
  int max;
};

/// Takes a duration (`90`, `6h`, `30d`) of at least `min`. The optional form starts unset.
struct Duration {
  std::variant<std::chrono::seconds*, std::optional<std::chrono::seconds>*> value;
  std::chrono::seconds min{0};
};

/// Takes a size or a rate in bytes (`16MiB`, `10MB`) within [min, max].
struct Bytes {
  uint64_t* value;
  uint64_t min;
  uint64_t max;
};

/// Takes one of `names`. `set` receives its index, `current` returns it.
struct Choice {
  std::vector<std::string_view> names;
  std::function<size_t()> current;
  std::function<void(size_t)> set;
};

/// Takes text of several lines.
struct Lines {
  std::string* value;
};

/// Says where a value is stored. The type picks the parser; the value found there is the default.
using OptionValue = std::variant<std::string*, Secret*, std::filesystem::path*, bool*, Number,
                                 Duration, Bytes, Choice, Lines>;

/// Makes a Choice for an enum whose values count up from 0 in the order of `names`.
template <class Enum>
Choice choice(Enum* value, std::vector<std::string_view> names) {
  return {std::move(names), [value] { return static_cast<size_t>(*value); },
          [value](size_t index) { *value = static_cast<Enum>(index); }};
}

/// Holds the name that an older system gave to a setting. An alias has a file form where the
/// setting has one. `unit` is appended to a number for a system that counted in a unit of its own:
/// `d`.
struct Alias {
  std::string_view name;
  std::string_view unit = {};
  bool may_be_zero = true;
};

/// Describes a row of the table. `name` is the variable (`S3_BUCKET`); a name that starts with `--`
/// is a flag only. A bool is a flag without argument, and as a variable `true` or `false`. Paths
/// and bools have no file form.
struct Option {
  std::string_view name;
  OptionValue value;
  std::string_view help;
  std::vector<Alias> aliases = {};  ///< as strong as the name: a different value is an error
  std::vector<std::string_view> fallbacks = {};  ///< weaker variables of others: PGHOST, AWS_REGION
  std::string_view default_note = {};  ///< shown as the default where the value itself says less
  std::string_view secret_file = {};   ///< a secret's mount, read when no other source has a value
  bool rotates = false;  ///< no secret, but may change together with one: the role of a password
  bool names_secret = false;  ///< the value names files that hold a secret
  /// Lists the commands on which the row has an effect, as append_options() fills in; empty: every
  /// command. The flag is refused for any other command. A variable is not, because all commands in
  /// a container share the environment.
  std::vector<std::string_view> verbs = {};
  std::string_view title = {};  ///< of the rows among which people find it: `Store`
};

/// Describes a verb of the command line, as in `pg-backup restore`.
struct Verb {
  std::string_view name;
  std::string_view help;
  /// Names the words that must follow it, for --help: `GROUP/ID`, `NAME PATH`. A word in brackets
  /// may be left out.
  std::string_view arguments = {};
  std::string_view also = {};      ///< what older systems called it, words split at spaces
  std::string_view flags_of = {};  ///< a verb whose flags this one takes, too
};

/// Describes a program: its name, one line about it, its verbs (the first is the default) and its
/// rows.
struct CommandLine {
  std::string_view program;
  std::string_view summary;
  std::vector<Verb> verbs;
  std::vector<Option> options;
  std::string_view notes = {};  ///< closing lines of --help
};

/// Marks a secret that comes from the example that we ship.
inline constexpr std::string_view kForTrying = "for-trying-only";
inline constexpr std::string_view kShownForTrying = "(hidden, for trying only)";

/// Holds one setting in force, for the log at start. A secret shows as `(hidden)`.
struct Setting {
  std::string name;
  std::string value;
  std::string source;    ///< `flag`, `variable`, `file`, the alias's or fallback's name, `default`
  std::string given_as;  ///< by the user: `--s3-bucket`, `S3_BUCKET_FILE`; empty for a default
  bool by_alias = false;
};

struct ParsedOptions {
  std::string_view verb;
  bool is_verb_given = false;            ///< rather than the first one, by default
  std::vector<std::string> arguments{};  ///< the words after the verb
  bool help = false;
  bool version = false;
  std::vector<Setting> settings;
  /// Holds what the user should know although nothing is wrong, one sentence each.
  std::vector<std::string> notes{};
  /// Holds one sentence for each problem; empty when there is none. The caller adds its own
  /// problems and throws all at once.
  std::vector<std::string> problems;
};

/// Appends `more` to `rows`, under `title`. Rows that name no verbs get `verbs`.
void append_options(std::vector<Option>& rows, std::string_view title, std::vector<Option> more,
                    std::span<const std::string_view> verbs);

/// Returns whether `row` has an effect on the command `verb`.
[[nodiscard]] bool has_effect_on(const Option& row, const Verb& verb);

/// Returns true when the user has set the row `name`, rightly or wrongly.
[[nodiscard]] bool is_set(const ParsedOptions& parsed, std::string_view name);

/// Returns every variable that may hold a secret of these rows or name its file, by name, alias and
/// fallback.
[[nodiscard]] std::vector<std::string> secret_variables(std::span<const Option> rows);

/// Returns the part of `environment` that child processes may see: everything but the
/// secret_variables() of `rows`.
[[nodiscard]] Environment without_secrets(Environment environment, std::span<const Option> rows);

/// Reads the files of secrets again, and those of rows with `rotates`: `NAME_FILE` and mounts. A
/// file that cannot be used now, such as one that is being replaced, leaves its value unchanged.
/// Returns a sentence for each such file.
[[nodiscard]] std::vector<std::string> reread_secrets(std::span<const Option> rows,
                                                      const ParsedOptions& parsed,
                                                      const Environment& environment);

/// Parses everything and stores the values. Never throws for wrong input: each problem goes into
/// `problems`. `arguments` is argv without the program's name.
[[nodiscard]] ParsedOptions parse_options(const CommandLine& command,
                                          std::span<const std::string> arguments,
                                          const Environment& environment);

/// Throws Error `usage` with all problems, one per line, when there are any.
void throw_problems(std::string_view program, const std::vector<std::string>& problems);

}  // namespace pgbackup
