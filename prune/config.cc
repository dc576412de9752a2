#include "prune/config.h"

#include <limits>

namespace pgbackup {
namespace {

constexpr std::string_view kMaxAge = "S3_BACKUP_MAX_AGE";

std::vector<Option> retention_options(PruneConfig& config) {
  using std::chrono::seconds;
  return {
      {.name = kMaxAge,
       .target = Duration{&config.rules.retention.max_age, seconds(1)},
       .help = "A backup of that age or more is removed: seconds, or 30d. Required."},
      {.name = "RETENTION_MIN_BACKUPS",
       .target = Number{&config.rules.retention.min_backups, 1, std::numeric_limits<int>::max()},
       .help = "That many of the newest backups of each database stay, however old."},
      {.name = "SWEEP_AFTER",
       .target = Duration{&config.rules.sweep_after, seconds(0)},
       .help = "What an interrupted backup left is removed when nothing was written to it for so "
               "long."},
      {.name = "PRUNE_INTERVAL",
       .target = Duration{&config.interval, seconds(1)},
       .help = "Time from the start of one run of `serve` to the start of the next."},
  };
}

}  // namespace

CommandLine prune_command_line(PruneConfig& config) {
  CommandLine command{
      .program = "pg-prune",
      .summary = "Removes the PostgreSQL backups that no rule keeps.",
      .verbs = {{"serve", "Prune at start and then every PRUNE_INTERVAL; SIGUSR1: now (default)."},
                {"now", "Prune once."},
                kHealthVerb},
      .options = {{.name = "--dry-run",
                   .target = &config.dry_run,
                   .help = "say what would be removed, delete nothing"},
                  {.name = "--json",
                   .target = &config.json,
                   .help = "now: one JSON object per backup and line",
                   .verb = "now"}},
      .notes = "Exit codes: 0 done, 1 failed, 2 bad configuration or usage, 3 refused by a guard."};
  append_options(command.options, retention_options(config));
  append_options(command.options, store_options(config.store));
  append_options(command.options, removal_options(config.store));
  append_options(command.options, service_options(config.service));
  return command;
}

void check_prune_config(const PruneConfig& config, const ParsedOptions& parsed,
                        std::vector<std::string>& problems) {
  if (!has_rule(config.rules.retention) && !is_set(parsed, kMaxAge)) {
    problems.emplace_back(
        "S3_BACKUP_MAX_AGE is not set: without a retention policy nothing says what may be "
        "removed; set it to 30d, for example");
  }
  check_store_config(config.store, parsed, problems);
}

}  // namespace pgbackup
