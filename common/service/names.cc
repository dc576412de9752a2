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

/// Holds the names of other images and libraries for a setting of ours.
struct NameElsewhere {
  std::string_view name;
  std::string_view ours;
};
constexpr auto kElsewhere = std::to_array<NameElsewhere>({
    {"POSTGRES_PORT", "DB_PORT"},
    {"POSTGRESQL_HOST", "DB_HOST"},
    {"POSTGRESQL_PORT", "DB_PORT"},
    {"POSTGRESQL_USERNAME", "DB_USER"},
    {"POSTGRESQL_PASSWORD", "DB_PASSWORD"},
    {"POSTGRESQL_DATABASE", "DB"},
    {"POSTGRES_DATABASE", "DB"},
    {"POSTGRES_EXTRA_OPTS", "PGDUMP_OPTIONS"},
    {"DB_HOSTNAME", "DB_HOST"},
    {"DB_USERNAME", "DB_USER"},
    {"DB_PASS", "DB_PASSWORD"},
    {"DB_PASSWD", "DB_PASSWORD"},
    {"DB_DATABASE", "DB"},
    {"S3_ACCESS_KEY_ID", "S3_ACCESS_KEY"},
    {"S3_SECRET_ACCESS_KEY", "S3_SECRET_KEY"},
    {"S3_KEY", "S3_ACCESS_KEY"},
    {"S3_SECRET", "S3_SECRET_KEY"},
    {"S3_BUCKET_NAME", "S3_BUCKET"},
    {"S3_HOST", "S3_ENDPOINT"},
    {"S3_URL", "S3_ENDPOINT"},
    {"S3_PATH", "S3_PREFIX"},
    {"S3_FOLDER", "S3_PREFIX"},
    {"BACKUP_PATH", "BACKUP_DIR"},
    {"BACKUP_CRON", "BACKUP_SCHEDULE"},
    {"BACKUP_CRON_EXPRESSION", "BACKUP_SCHEDULE"},
    {"CRON_SCHEDULE", "BACKUP_SCHEDULE"},
    {"TIMEZONE", "TZ"},
    {"RETENTION_DAYS", "S3_BACKUP_MAX_AGE"},
    {"BACKUP_RETENTION", "S3_BACKUP_MAX_AGE"},
    {"BACKUP_RETENTION_DAYS", "S3_BACKUP_MAX_AGE"},
    {"BACKUP_KEEP_WEEKS", "RETENTION_KEEP_WEEKLY"},
    {"BACKUP_KEEP_MONTHS", "RETENTION_KEEP_MONTHLY"},
    {"KEEP_DAYS", "S3_BACKUP_MAX_AGE"},
});

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

/// Returns our name for a setting that is called `name` elsewhere, where the program has it and
/// nothing says its value yet, or another one.
std::optional<std::string> name_of_ours(std::string_view name, std::string_view value,
                                        const ParsedOptions& parsed) {
  const auto* const row =
      std::find_if(kElsewhere.begin(), kElsewhere.end(),
                   [&](const NameElsewhere& candidate) { return candidate.name == name; });
  if (row == kElsewhere.end() || value.empty() || is_set(parsed, row->ours)) return std::nullopt;
  for (const Setting& setting : parsed.settings) {
    if (setting.name == row->ours && setting.value != value) return setting.name;
  }
  return std::nullopt;
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
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (const std::optional<std::string> ours = name_of_ours(name, value, parsed)) {
      notes.push_back(fmt::format("{} is no setting here; {} is", name, *ours));
    } else if (const std::optional<std::string> wanted = meant(name, known)) {
      notes.push_back(fmt::format("{} is no setting; did you mean {}?", name, *wanted));
    }
  }
  return notes;
}

}  // namespace pgbackup
