// Every row of both tables, whatever it is for: a good and a bad value, as variable, as flag, and
// under the names of older systems.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "backup/config.h"
#include "common/base/option_value.h"
#include "common/base/text.h"
#include "prune/config.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

/// One that is not the default.
std::string good_value(const OptionValue& slot) {
  return std::visit(
      Overloaded{[](const std::string*) { return std::string("value"); },
                 [](const Secret*) { return std::string("value"); },
                 [](const std::filesystem::path*) { return std::string("/value"); },
                 [](const bool* value) { return std::string(*value ? "false" : "true"); },
                 [](const Number& number) {
                   return std::to_string(*number.value == number.min ? number.max : number.min);
                 },
                 [](const Duration&) { return std::string("77d"); },
                 [](const Bytes&) { return std::string("33MiB"); },
                 [](const Choice& choice) { return std::string(choice.names.back()); },
                 [](const Lines&) { return std::string("one, two"); }},
      slot);
}

/// Empty: there is none.
std::string bad_value(const OptionValue& slot) {
  if (std::holds_alternative<std::filesystem::path*>(slot)) return "";
  if (std::holds_alternative<Lines>(slot)) return "";
  const bool is_text =
      std::holds_alternative<std::string*>(slot) || std::holds_alternative<Secret*>(slot);
  return is_text ? "two\nlines" : "-1x";
}

template <class Config>
void check_every_option(CommandLine (*make)(Config&)) {
  Config listed;
  const CommandLine table = make(listed);
  for (const Option& row : table.options) {
    if (row.name.starts_with("--")) continue;
    const std::string name(row.name);
    CAPTURE(name);
    const auto parse = [&](const std::vector<std::string>& arguments, const Environment& given) {
      Config config;
      const CommandLine command = make(config);
      ParsedOptions parsed = parse_options(command, arguments, given);
      std::string shown;
      for (const Setting& setting : parsed.settings) {
        if (setting.name == name) shown = setting.value + " from " + setting.given_as;
      }
      return std::pair(shown, parsed.problems);
    };
    const bool is_secret = std::holds_alternative<Secret*>(row.value);
    const bool is_bool = std::holds_alternative<bool*>(row.value);
    const std::string good = good_value(row.value);
    const std::string bad = bad_value(row.value);
    std::vector<std::string> variables = {name};
    for (const Alias& alias : row.aliases) {
      if (alias.unit.empty()) variables.emplace_back(alias.name);
    }
    for (const std::string_view fallback : row.fallbacks) variables.emplace_back(fallback);
    for (const std::string& variable : variables) {
      CAPTURE(variable);
      const auto [shown, problems] = parse({}, {{variable, good}});
      CHECK(problems.empty());
      CHECK(shown == (is_secret ? "(hidden)" : good) + " from " + variable);
      if (bad.empty()) continue;
      const auto [unused, complaints] = parse({}, {{variable, bad}});
      REQUIRE(complaints.size() == 1);
      CHECK(complaints[0].starts_with(variable + ": "));
      CHECK((!is_secret || complaints[0].find("lines") == std::string::npos));
    }
    const std::string flag = flag_name(row);
    const std::string verb(row.verbs.at(0));
    const std::vector<std::string> with_flag =
        is_bool ? std::vector<std::string>{verb, flag} : std::vector<std::string>{verb, flag, good};
    const auto [shown, problems] = parse(with_flag, {});
    CHECK(problems.empty() == !is_secret);
    if (is_secret) CHECK(problems.at(0).find("every process can read") != std::string::npos);
    if (!is_secret && !is_bool) CHECK(shown == good + " from " + flag);
    if (is_secret || is_bool || bad.empty()) continue;
    CHECK(parse({verb, flag, bad}, {}).second.at(0).starts_with(flag + ": "));
  }
}

/// Each flag is taken by the commands on which it has an effect, and refused by all others, which
/// are told where it belongs; as a variable it is taken by all.
template <class Config>
void check_every_verb(CommandLine (*make)(Config&)) {
  Config listed;
  const CommandLine table = make(listed);
  const auto is_verb = [&](std::string_view name) {
    return std::any_of(table.verbs.begin(), table.verbs.end(),
                       [&](const Verb& verb) { return verb.name == name; });
  };
  for (const Option& row : table.options) {
    CAPTURE(row.name);
    REQUIRE_FALSE(row.verbs.empty());
    CHECK(std::all_of(row.verbs.begin(), row.verbs.end(), is_verb));
    if (std::holds_alternative<Secret*>(row.value)) continue;  // has no flag
    const std::string flag = flag_name(row);
    const std::string good = good_value(row.value);
    for (const Verb& verb : table.verbs) {
      CAPTURE(verb.name);
      const auto problems_of = [&](const std::vector<std::string>& flags,
                                   const Environment& given) {
        std::vector<std::string> arguments = {std::string(verb.name)};
        for (size_t i = 0; i < split_command_line(verb.arguments).size(); ++i) {
          arguments.emplace_back("argument");
        }
        arguments.insert(arguments.end(), flags.begin(), flags.end());
        Config config;
        return fmt::format("{}",
                           fmt::join(parse_options(make(config), arguments, given).problems, "\n"));
      };
      const bool is_bool = std::holds_alternative<bool*>(row.value);
      const std::string problems =
          problems_of({is_bool ? flag : fmt::format("{}={}", flag, good)}, {});
      const bool is_named = [&](std::string_view name) {
        return std::find(row.verbs.begin(), row.verbs.end(), name) != row.verbs.end();
      }(verb.name == "config" && row.name != "--check" ? "serve" : verb.name);
      if (is_named) {
        CHECK(problems.empty());
      } else {
        CHECK(problems.starts_with(fmt::format("{} has no effect on {}; it belongs to {} {}", flag,
                                               verb.name, table.program, row.verbs.at(0))));
      }
      if (!row.name.starts_with("--"))
        CHECK(problems_of({}, {{std::string(row.name), good}}).empty());
    }
  }
}

TEST_CASE("Every flag is refused by the commands of pg-backup on which it has no effect") {
  check_every_verb<BackupConfig>(&backup_command_line);
}

TEST_CASE("Every flag is refused by the commands of pg-prune on which it has no effect") {
  check_every_verb<PruneConfig>(&prune_command_line);
}

TEST_CASE("A restore takes no flag that says what goes into a backup, a backup none of a restore") {
  struct Row {
    std::vector<std::string> arguments;
    std::string problem;
  };
  for (const Row& row : std::vector<Row>{
           {{"list", "--schema-only"},
            "--schema-only has no effect on list; it belongs to pg-backup serve, now and restore"},
           {{"restore", "--include-schemas", "a"}, "--include-schemas has no effect on restore"},
           {{"restore", "--exclude-tables", "a"}, "--exclude-tables has no effect on restore"},
           {{"restore", "--pgdump-options", "-O"}, "--pgdump-options has no effect on restore"},
           {{"restore", "--s3-part-size", "8MiB"}, "--s3-part-size has no effect on restore"},
           {{"--create"}, "--create has no effect on serve; it belongs to pg-backup restore"},
           {{"now", "--clean"}, "--clean has no effect on now"},
           {{"list", "--db", "app"}, "--db has no effect on list"},
           {{"health", "--max-backup-age-seconds", "9"},
            "--max-backup-age-seconds has no effect on health; it belongs to pg-backup serve"},
           {{"schedule", "--s3-bucket", "b"}, "--s3-bucket has no effect on schedule"},
       }) {
    CAPTURE(row.arguments);
    BackupConfig config;
    const ParsedOptions parsed = parse_options(backup_command_line(config), row.arguments, {});
    REQUIRE(parsed.problems.size() == 1);
    CHECK(parsed.problems[0].starts_with(row.problem));
  }
}

TEST_CASE("Every setting of pg-backup takes a good value and refuses a bad one, by all its names") {
  check_every_option<BackupConfig>(&backup_command_line);
}

TEST_CASE("Every setting of pg-prune takes a good value and refuses a bad one, by all its names") {
  check_every_option<PruneConfig>(&prune_command_line);
}

}  // namespace
}  // namespace pgbackup
