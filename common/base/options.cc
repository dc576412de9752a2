#include "common/base/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <getopt.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/did_you_mean.h"
#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/option_help.h"
#include "common/base/option_value.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

struct Given {
  std::string value;
  std::string source;
  std::string name;  ///< as the user wrote it: `--s3-bucket`, `S3_BUCKET`
  bool by_alias = false;
};

/// Flags are found by getopt_long; a value above any character marks a row.
constexpr int kFirstRow = 1000;
constexpr int kHelp = 900;
constexpr int kVersion = 901;

bool is_bool(const Option& option) { return std::holds_alternative<bool*>(option.value); }

bool is_secret(const Option& option) { return std::holds_alternative<Secret*>(option.value); }

std::vector<option> long_options(const CommandLine& command,
                                 const std::vector<std::string>& flags) {
  std::vector<option> table;
  for (size_t i = 0; i < flags.size(); ++i) {
    table.push_back({flags[i].c_str() + 2,
                     is_bool(command.options[i]) ? no_argument : required_argument, nullptr,
                     kFirstRow + static_cast<int>(i)});
  }
  table.push_back({"help", no_argument, nullptr, kHelp});
  table.push_back({"version", no_argument, nullptr, kVersion});
  table.push_back({nullptr, 0, nullptr, 0});
  return table;
}

/// Returns whether quotes or whitespace stand at both ends or at one: in a secret that cannot be
/// shown, nobody would see them.
bool has_odd_edges(std::string_view text) {
  if (text.empty()) return false;
  const bool is_quoted = text.size() > 1 && text.front() == text.back() &&
                         (text.front() == '"' || text.front() == '\'');
  return is_quoted || is_whitespace(text.front()) || is_whitespace(text.back());
}

/// Returns `serve, now and restore`.
std::string join_words(std::span<const std::string_view> words) {
  if (words.size() < 2) return fmt::format("{}", fmt::join(words, ""));
  return fmt::format("{} and {}", fmt::join(words.first(words.size() - 1), ", "), words.back());
}

class Parser {
 public:
  Parser(const CommandLine& command, const Environment& environment)
      : command_(command), environment_(environment), flag_values_(command.options.size()) {
    for (const Option& row : command.options) flags_.push_back(flag_name(row));
  }

  ParsedOptions parse(std::span<const std::string> arguments) {
    read_flags(arguments);
    for (size_t i = 0; i < command_.options.size(); ++i) {
      const Option& row = command_.options[i];
      if (flag_values_[i] && verb_ != nullptr && !has_effect_on(row, *verb_)) {
        problem(fmt::format("{} has no effect on {}; it belongs to {} {}", flags_[i], verb_->name,
                            command_.program, join_words(row.verbs)));
      }
      apply(row, flag_values_[i]);
    }
    return std::move(result_);
  }

 private:
  void problem(std::string text) { result_.problems.push_back(std::move(text)); }

  void read_flags(std::span<const std::string> arguments) {
    std::vector<std::string> words(arguments.begin(), arguments.end());
    std::vector<char*> argv = {const_cast<char*>(command_.program.data())};
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::vector<option> table = long_options(command_, flags_);
    const int argc = static_cast<int>(words.size()) + 1;
    opterr = 0;
    optind = 0;  // glibc: start anew
    int found = 0;
    while ((found = getopt_long(argc, argv.data(), ":h", table.data(), nullptr)) != -1) {
      take_flag(found, argv[static_cast<size_t>(optind) - 1]);
    }
    take_verb({argv.begin() + optind, argv.begin() + argc});
  }

  void take_flag(int found, std::string_view word) {
    if (found == 'h' || found == kHelp) {
      result_.help = true;
    } else if (found == kVersion) {
      result_.version = true;
    } else if (found >= kFirstRow) {
      const auto row = static_cast<size_t>(found - kFirstRow);
      if (is_secret(command_.options[row])) {
        problem(fmt::format("{}: every process can read a command line; set {} or {}_FILE",
                            flags_[row], command_.options[row].name, command_.options[row].name));
        return;
      }
      const bool is_variable = !command_.options[row].name.starts_with("--");
      if (!is_variable && optarg != nullptr && *optarg == '\0') {
        problem(fmt::format("{} is empty: give it a value, or leave it out", flags_[row]));
        return;
      }
      flag_values_[row] = Given{optarg != nullptr ? optarg : "true", "flag", flags_[row]};
    } else if (found == ':') {
      problem(fmt::format("{} needs a value", word));
    } else if (optopt >= kHelp) {
      problem(fmt::format("{} takes no value", word.substr(0, word.find('='))));
    } else if (optopt != 0) {  // negative: a byte above 0x7f
      problem(fmt::format("unknown option -{}", static_cast<char>(optopt)));
    } else {
      const std::string_view flag = word.substr(0, word.find('='));
      problem(fmt::format("unknown option {}{}", flag, did_you_mean(flag, flags_)));
    }
  }

  void take_verb(std::span<char* const> words) {
    verb_ = &command_.verbs.front();
    result_.verb = verb_->name;
    if (words.empty()) return;
    result_.is_verb_given = true;
    const std::string_view wanted = words[0];
    const auto found =
        std::find_if(command_.verbs.begin(), command_.verbs.end(), [&](const Verb& verb) {
          const std::vector<std::string> also = split_command_line(verb.also);
          return verb.name == wanted || std::find(also.begin(), also.end(), wanted) != also.end();
        });
    verb_ = found == command_.verbs.end() ? nullptr : &*found;
    if (verb_ == nullptr) {
      std::vector<std::string> known;
      for (const Verb& verb : command_.verbs) known.emplace_back(verb.name);
      problem(fmt::format("unknown command {}{}; the commands are {}", wanted,
                          did_you_mean(wanted, known), fmt::join(known, ", ")));
      return take_arguments(words.subspan(1), {});
    }
    result_.verb = verb_->name;
    take_arguments(words.subspan(1), verb_->arguments);
  }

  /// Takes the arguments of a verb. `wanted` names them; empty for a verb without any.
  void take_arguments(std::span<char* const> words, std::string_view wanted) {
    const std::vector<std::string> names = split_command_line(wanted);
    const size_t count = std::min(names.size(), words.size());
    result_.arguments.assign(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count));
    if (count < names.size() && !names[count].starts_with('[')) {
      problem(fmt::format("{} needs {}", result_.verb, wanted));
    }
    if (words.size() > count) problem(fmt::format("unexpected argument {}", words[count]));
  }

  /// Returns the value of a row from the strongest source that has one.
  std::optional<Given> find(const Option& row, std::optional<Given>& flag) {
    if (flag || row.name.starts_with("--")) return std::move(flag);
    std::optional<Given> given = from_name(row.name, has_file_form(row));
    for (const Alias& alias : row.aliases) merge(row, given, from_alias(row, alias));
    if (given) return given;
    for (const std::string_view fallback : row.fallbacks) {
      const auto found = environment_.find(fallback);
      if (found != environment_.end() && !found->second.empty()) {
        return Given{found->second, std::string(fallback), std::string(fallback)};
      }
    }
    return from_secret(row);
  }

  /// Returns the value of the variable or of its file.
  std::optional<Given> from_name(std::string_view name, bool has_file) {
    const auto variable = environment_.find(name);
    const bool has_variable = variable != environment_.end() && !variable->second.empty();
    if (has_file) {
      const std::string file_name = fmt::format("{}_FILE", name);
      const auto file = environment_.find(file_name);
      if (file != environment_.end() && !file->second.empty()) {
        if (has_variable) problem(fmt::format("{} and {} are both set; keep one", name, file_name));
        return from_file(file_name, file->second);
      }
    }
    if (!has_variable) return std::nullopt;
    return Given{variable->second, "variable", std::string(name)};
  }

  /// Returns the value of a secret's mount. An absent or empty file counts as no value.
  std::optional<Given> from_secret(const Option& row) {
    if (row.secret_file.empty()) return std::nullopt;
    const std::string path(row.secret_file);
    std::optional<std::string> text = read_text_file(path);
    if (!text && errno != ENOENT && errno != ENOTDIR) {
      problem(fmt::format("{}: cannot read {}: {}", row.name, path, errno_text(errno)));
    }
    if (!text || text->empty()) return std::nullopt;
    return Given{std::move(*text), path, path};
  }

  std::optional<Given> from_alias(const Option& row, const Alias& alias) {
    std::optional<Given> given = from_name(alias.name, has_file_form(row));
    if (!given) return std::nullopt;
    std::string& value = given->value;
    // Text that is no number stays as it is, so that the parser complains about what the user
    // wrote.
    const bool is_number = value.find_first_not_of("0123456789") == std::string::npos;
    const bool is_zero = is_number && value.find_first_not_of('0') == std::string::npos;
    if (is_zero && !alias.may_be_zero) problem(fmt::format("{}: must be at least 1", alias.name));
    if (is_number) value += alias.unit;
    given->source = given->name;
    given->by_alias = true;
    return given;
  }

  /// Merges two sources of one setting, which must agree in meaning, if not in spelling.
  void merge(const Option& row, std::optional<Given>& given, std::optional<Given> other) {
    if (!other) return;
    if (given && meaning(row, given->value) != meaning(row, other->value)) {
      problem(fmt::format("{} and {} are two names for one setting and differ; keep one",
                          given->name, other->name));
    }
    if (!given) given = std::move(other);
  }

  /// Returns what a value means. Leaves the value in the row's target, or the target unchanged.
  static std::string meaning(const Option& row, const std::string& value) {
    return assign_value(row.value, value).empty() ? show_value(row.value) : value;
  }

  std::optional<Given> from_file(const std::string& name, const std::string& path) {
    std::optional<std::string> text = read_text_file(path);
    if (!text) {
      const std::string hint =
          errno == EACCES ? fmt::format("; the program runs as user id {}", geteuid()) : "";
      problem(fmt::format("{}: cannot read {}: {}{}", name, path, errno_text(errno), hint));
      return std::nullopt;
    }
    if (text->empty()) {
      problem(fmt::format("{}: {} is empty", name, path));
      return std::nullopt;
    }
    return Given{std::move(*text), "file", name};
  }

  void apply(const Option& row, std::optional<Given>& flag) {
    const size_t problems = result_.problems.size();
    std::optional<Given> given = find(row, flag);
    const bool has_bad_file = !given && result_.problems.size() > problems;
    if (given) {
      const std::string complaint = assign_value(row.value, given->value);
      if (!complaint.empty()) problem(fmt::format("{}: {}", given->name, complaint));
      if (is_secret(row) && has_odd_edges(given->value)) {
        result_.notes.push_back(
            fmt::format("{} has quotes or whitespace around it, which count as part of it; "
                        "`docker run --env-file` does not take quotes off",
                        given->name));
      }
    }
    if (!row.name.starts_with("--")) {
      result_.settings.push_back({std::string(row.name),
                                  given ? show_value(row.value) : default_text(row),
                                  given          ? given->source
                                  : has_bad_file ? "file"
                                                 : "default",
                                  given ? given->name : "", given && given->by_alias});
    }
    if (given) wipe(given->value);
  }

  const CommandLine& command_;
  const Environment& environment_;
  std::vector<std::string> flags_;
  std::vector<std::optional<Given>> flag_values_;
  const Verb* verb_ = nullptr;  ///< the command; null for one that is unknown
  ParsedOptions result_;
};

/// Returns all variables that may hold the value of a row.
std::vector<std::string> names_of(const Option& row) {
  std::vector<std::string> names = {std::string(row.name)};
  for (const Alias& alias : row.aliases) names.emplace_back(alias.name);
  if (has_file_form(row)) {
    const std::vector<std::string> plain = names;
    for (const std::string& name : plain) names.push_back(name + "_FILE");
  }
  names.insert(names.end(), row.fallbacks.begin(), row.fallbacks.end());
  return names;
}

/// Returns the file that the value came from; an empty string when that is no file.
std::string file_of(const Option& row, const ParsedOptions& parsed,
                    const Environment& environment) {
  for (const Setting& setting : parsed.settings) {
    if (setting.name != row.name) continue;
    if (!row.secret_file.empty() && setting.given_as == row.secret_file) return setting.given_as;
    std::string name = setting.given_as;
    if (name.empty() && setting.source == "file") name = fmt::format("{}_FILE", row.name);
    const auto found = environment.find(name);
    return name.ends_with("_FILE") && found != environment.end() ? found->second : "";
  }
  return "";
}

}  // namespace

Environment process_environment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

bool has_effect_on(const Option& row, const Verb& verb) {
  const auto names = [&](std::string_view name) {
    return std::find(row.verbs.begin(), row.verbs.end(), name) != row.verbs.end();
  };
  return row.verbs.empty() || names(verb.name) || (!verb.flags_of.empty() && names(verb.flags_of));
}

void append_options(std::vector<Option>& rows, std::string_view title, std::vector<Option> more,
                    std::span<const std::string_view> verbs) {
  for (Option& row : more) {
    row.title = title;
    if (row.verbs.empty()) row.verbs.assign(verbs.begin(), verbs.end());
  }
  rows.insert(rows.end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

bool is_set(const ParsedOptions& parsed, std::string_view name) {
  return std::any_of(parsed.settings.begin(), parsed.settings.end(), [&](const Setting& setting) {
    return setting.name == name && setting.source != "default";
  });
}

std::vector<std::string> secret_variables(std::span<const Option> rows) {
  std::vector<std::string> names;
  for (const Option& row : rows) {
    if (!is_secret(row) && !row.names_secret) continue;
    for (std::string& name : names_of(row)) names.push_back(std::move(name));
  }
  return names;
}

Environment without_secrets(Environment environment, std::span<const Option> rows) {
  for (const std::string& name : secret_variables(rows)) environment.erase(name);
  return environment;
}

std::vector<std::string> reread_secrets(std::span<const Option> rows, const ParsedOptions& parsed,
                                        const Environment& environment) {
  std::vector<std::string> problems;
  for (const Option& row : rows) {
    if (!is_secret(row) && !row.rotates) continue;
    const std::string path = file_of(row, parsed, environment);
    if (path.empty()) continue;
    std::optional<std::string> text = read_text_file(path);
    const std::string complaint = !text           ? errno_text(errno)
                                  : text->empty() ? "it is empty"
                                                  : assign_value(row.value, *text);
    if (text) wipe(*text);
    if (complaint.empty()) continue;
    const bool has_value = !show_value(row.value).empty();
    problems.push_back(fmt::format(
        "{}: {}, because {} cannot be read again: {}", row.name,
        has_value ? "the previous value is kept" : "there is no value yet", path, complaint));
  }
  return problems;
}

ParsedOptions parse_options(const CommandLine& command, std::span<const std::string> arguments,
                            const Environment& environment) {
  return Parser(command, environment).parse(arguments);
}

void throw_problems(std::string_view program, const std::vector<std::string>& problems) {
  if (problems.empty()) return;
  throw Error(ErrorKind::usage, fmt::format("{}", fmt::join(problems, "\n")),
              fmt::format("{} --help lists every setting", program));
}

}  // namespace pgbackup
