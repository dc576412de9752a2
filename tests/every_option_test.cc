// Every row of both tables, whatever it is for: a good and a bad value, as variable, as flag, and
// under the names of older systems.
#include <fmt/format.h>

#include "backup/config.h"
#include "common/base/option_value.h"
#include "prune/config.h"
#include "tests/test.h"

namespace pgbackup {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

/// One that is not the default.
std::string good_value(const Target& target) {
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
                 [](const Choice& choice) { return std::string(choice.names.back()); }},
      target);
}

/// Empty: there is none.
std::string bad_value(const Target& target) {
  if (std::holds_alternative<std::filesystem::path*>(target)) return "";
  const bool is_text =
      std::holds_alternative<std::string*>(target) || std::holds_alternative<Secret*>(target);
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
    const bool is_secret = std::holds_alternative<Secret*>(row.target);
    const bool is_bool = std::holds_alternative<bool*>(row.target);
    const std::string good = good_value(row.target);
    const std::string bad = bad_value(row.target);
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
    const std::vector<std::string> with_flag =
        is_bool ? std::vector<std::string>{flag} : std::vector<std::string>{flag, good};
    const auto [shown, problems] = parse(with_flag, {});
    CHECK(problems.empty() == !is_secret);
    if (is_secret) CHECK(problems.at(0).find("every process can read") != std::string::npos);
    if (!is_secret && !is_bool) CHECK(shown == good + " from " + flag);
    if (is_secret || is_bool || bad.empty()) continue;
    CHECK(parse({flag, bad}, {}).second.at(0).starts_with(flag + ": "));
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
