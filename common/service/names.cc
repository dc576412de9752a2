#include "common/service/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "common/base/did_you_mean.h"
#include "common/base/option_value.h"

namespace pgbackup {
namespace {

/// Prefixes of libpq, AWS and the platforms that programs run on. Such variables may resemble ours.
constexpr std::array<std::string_view, 5> kOfOthers = {"PG", "AWS_", "KUBERNETES_", "POSTGRES_",
                                                       "DOCKER_"};

/// A setting of pg-backup that resembles one of both programs.
constexpr std::string_view kOfPgBackup = "DB_RETRY_TIME";

bool is_of_others(std::string_view name) {
  if (name == kOfPgBackup) return true;
  if (name.starts_with("PG_") || name.starts_with("PGDUMP")) return false;
  return std::any_of(kOfOthers.begin(), kOfOthers.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

/// Returns everything that the table takes from the environment.
std::vector<std::string> variables_of(const CommandLine& command) {
  std::vector<std::string> names;
  for (const Option& row : command.options) {
    if (row.name.starts_with("--")) continue;
    std::vector<std::string> of_row = {std::string(row.name)};
    for (const Alias& alias : row.aliases) of_row.emplace_back(alias.name);
    for (const std::string& name : of_row) {
      names.push_back(name);
      if (has_file_form(row)) names.push_back(name + "_FILE");
    }
    names.insert(names.end(), row.fallbacks.begin(), row.fallbacks.end());
  }
  return names;
}

/// Returns the variable that `name` was probably meant to be.
std::optional<std::string> meant(const std::string& name, const std::vector<std::string>& known) {
  constexpr size_t kLeast = 6;  // shorter names are near to everything
  if (name.size() < kLeast || is_of_others(name)) return std::nullopt;
  const std::optional<std::string> nearest = nearest_word(name, known, name.size() / 5);
  return nearest == name ? std::nullopt : nearest;
}

}  // namespace

std::vector<std::string> notes_on_names(const CommandLine& command, const ParsedOptions& parsed,
                                        const Environment& environment) {
  std::vector<std::string> notes;
  for (const Setting& setting : parsed.settings) {
    if (!setting.by_alias) continue;
    notes.push_back(fmt::format("{} is used as {}", setting.given_as, setting.name));
  }
  const std::vector<std::string> known = variables_of(command);
  for (const auto& [name, value] : environment) {
    if (const std::optional<std::string> wanted = meant(name, known)) {
      notes.push_back(fmt::format("{} is no setting; did you mean {}?", name, *wanted));
    }
  }
  return notes;
}

}  // namespace pgbackup
