#include "prune/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/catalog/backup_name.h"

namespace pgbackup {
namespace {

constexpr std::string_view kMaxAge = "S3_BACKUP_MAX_AGE";
constexpr std::string_view kKeepLast = "RETENTION_KEEP_LAST";
constexpr std::array kRules = {kMaxAge,
                               kKeepLast,
                               std::string_view("RETENTION_KEEP_HOURLY"),
                               std::string_view("RETENTION_KEEP_DAILY"),
                               std::string_view("RETENTION_KEEP_WEEKLY"),
                               std::string_view("RETENTION_KEEP_MONTHLY"),
                               std::string_view("RETENTION_KEEP_YEARLY")};
// The verbs on which a group of rows has an effect.
constexpr std::array<std::string_view, 4> kPruning = {"serve", "now", "plan", kCheck};
constexpr std::array<std::string_view, 5> kPlanning = {"serve", "now", "plan", "page", kCheck};
constexpr std::array<std::string_view, 1> kServing = {"serve"};
constexpr std::array<std::string_view, 2> kReported = {"serve", "now"};
constexpr std::array<std::string_view, 6> kWithStore = {"serve", "now",     "plan",
                                                        "page",  "release", kCheck};
constexpr std::array<std::string_view, 4> kRemoving = {"serve", "now", "release", kCheck};
constexpr std::array<std::string_view, 7> kLogging = {
    "serve", "now", "plan", "page", "release", kScheduleVerb.name, kCheck};

constexpr int kMostBackups = 1'000'000;
constexpr int kMostYears = 100;

std::vector<Option> rule_options(Retention& retention) {
  return {
      {.name = kMaxAge,
       .value = Duration{&retention.max_age, std::chrono::seconds(1)},
       .help = "Keeps what is younger: seconds, or 30d.",
       .aliases = {{"BACKUP_KEEP_DAYS", "d"}}},
      {.name = kKeepLast,
       .value = Number{&retention.keep_last, 0, kMostBackups},
       .help = "Keeps the newest N.",
       .aliases = {{.name = "DB_BACKUP_MAX_N", .may_be_zero = false},
                   {.name = "BACKUPS_TO_RETAIN", .may_be_zero = false}}},
      {.name = "RETENTION_KEEP_HOURLY",
       .value = Number{&retention.keep_hourly, 0, kMostYears * 8784},
       .help = "Keeps one per hour for N hours."},
      {.name = "RETENTION_KEEP_DAILY",
       .value = Number{&retention.keep_daily, 0, kMostYears * 366},
       .help = "Keeps one per day for N days."},
      {.name = "RETENTION_KEEP_WEEKLY",
       .value = Number{&retention.keep_weekly, 0, kMostYears * 53},
       .help = "Keeps one per week (from Monday on) for N weeks."},
      {.name = "RETENTION_KEEP_MONTHLY",
       .value = Number{&retention.keep_monthly, 0, kMostYears * 12},
       .help = "Keeps one per month for N months."},
      {.name = "RETENTION_KEEP_YEARLY",
       .value = Number{&retention.keep_yearly, 0, kMostYears},
       .help = "Keeps one per year for N years."},
      {.name = "RETENTION_MIN_BACKUPS",
       .value = Number{&retention.min_backups, 1, kMostBackups},
       .help = "So many of the newest backups of each database stay, whatever the rules say.",
       .aliases = {{"BACKUP_KEEP_MIN_COUNT"}}},
  };
}

std::vector<Option> run_options(PruneConfig& config) {
  GuardRules& guards = config.rules.guards;
  return {
      {.name = "RETENTION_DRY_RUN",
       .value = &config.dry_run,
       .help = "Say what would be deleted, and delete nothing. Same as --dry-run.",
       .verbs = {"serve", "now", "page", "release"}},
      {.name = "PRUNE_WHEN_STALLED",
       .value = choice(&guards.when_stalled, {"freeze", "allow"}),
       .help = "Whether to delete backups of a database whose next backup is overdue."},
      {.name = "PRUNE_ON_SUSPECT",
       .value = choice(&guards.on_suspect, {"freeze", "allow"}),
       .help = "Whether to delete backups of a database whose newest backup has less than half of "
               "the bytes or tables of those before it."},
      {.name = "PRUNE_ON_BACKDATED",
       .value = choice(&guards.on_backdated, {"freeze", "allow"}),
       .help = "Whether to delete backups of a database of which some were stored long after their "
               "date, although others had been stored in time before."},
      {.name = "PRUNE_ON_UNSIGNED",
       .value = choice(&guards.on_unsigned, {"freeze", "allow"}),
       .help = "With BACKUP_VERIFY_KEY: whether to delete backups of a database of which some are "
               "not signed that were stored after the first signed one."},
      {.name = "PRUNE_REQUIRE_VERIFIED",
       .value = &config.rules.retention.require_verified,
       .help =
           "Keep the newest backup of each database that `pg-backup verify` has found good, and "
           "delete none while there is no such backup."},
      {.name = "PRUNE_MAX_REMOVE",
       .value = &config.max_remove,
       .help =
           "Delete nothing of a database where more than so many backups would be deleted in one "
           "run: 20, or 50% of those older than two days. 100%: no limit.",
       .default_note = "50%, but 10 in any case"},
      {.name = "SWEEP_AFTER",
       .value = Duration{&config.rules.sweep_after, kWriterPause},
       .help = "What an interrupted backup left is deleted when nothing was written to it for so "
               "long. At least 1h, and more than S3_RETRY_TIME of pg-backup: less would delete "
               "what is still being written."},
      {.name = "PRUNE_INTERVAL",
       .value = Duration{&config.timing.interval, std::chrono::seconds(1)},
       .help = "Time from the start of one run of `serve` to the start of the next.",
       .verbs = {"serve", kScheduleVerb.name}},
      {.name = "CLEANUP_SCHEDULE",
       .value = &config.timing.cron,
       .help = "In place of the interval: `minute hour day month weekday`, six fields with seconds "
               "first, or `@daily` and the like.",
       .verbs = {"serve", kScheduleVerb.name}},
      {.name = "TZ",
       .value = &config.timing.time_zone,
       .help =
           "Time zone of hours, days, weeks, months and years, and of CLEANUP_SCHEDULE, such as "
           "Europe/Berlin.",
       .default_note = "UTC",
       .verbs = {"serve", "now", "plan", "page", kScheduleVerb.name, kCheck}},
  };
}

std::vector<Option> access_options(AccessConfig& access) {
  return {
      {.name = "STATUS_USER",
       .value = &access.user,
       .help = "Whoever reads the status port must know this name and STATUS_PASSWORD (HTTP Basic "
               "authentication), Prometheus included. Unset: the page is for this machine alone, "
               "and /metrics for everyone."},
      {.name = "STATUS_PASSWORD",
       .value = &access.password,
       .help = "The password of STATUS_USER. Read again for each run, so a new one is in force "
               "after the next."},
      {.name = "STATUS_PUBLIC",
       .value = &access.is_public,
       .help = "Serve the page without a password to everyone who reaches the port."},
  };
}

/// Returns the flags, which stand after the rows so that --dry-run overrides RETENTION_DRY_RUN.
std::vector<Option> flag_options(PruneConfig& config) {
  return {{.name = "--dry-run",
           .value = &config.dry_run,
           .help = "say what would be deleted, and delete nothing",
           .verbs = {"serve", "now", "release"}},
          {.name = "--json",
           .value = &config.json,
           .help = "now, plan, check: one JSON object per backup or finding, and line",
           .verbs = {"now", "plan", kCheck}}};
}

void check_rules(const PruneConfig& config, const ParsedOptions& parsed,
                 std::vector<std::string>& problems) {
  if (has_rule(config.rules.retention)) return;
  const bool is_any_set = std::any_of(kRules.begin(), kRules.end(),
                                      [&](std::string_view name) { return is_set(parsed, name); });
  if (is_any_set && !problems.empty()) return;  // its own problem has been reported already
  problems.emplace_back(
      "no retention rule is set, so nothing says what may be deleted: set S3_BACKUP_MAX_AGE=30d, "
      "for example, or RETENTION_KEEP_DAILY=7");
}

void check_timing(PruneConfig& config, const ParsedOptions& parsed,
                  std::vector<std::string>& problems) {
  ScheduleConfig& timing = config.timing;
  check_schedule(timing, {.interval = "PRUNE_INTERVAL", .cron = "CLEANUP_SCHEDULE"}, parsed,
                 problems);
  const std::optional<std::string>& zone = timing.schedule.zone();
  if (zone && *zone != (timing.time_zone.empty() ? "UTC" : timing.time_zone)) {
    problems.push_back(fmt::format(
        "CLEANUP_SCHEDULE: a zone in front would move the days of the retention rules, too; set "
        "TZ={} instead",
        *zone));
  }
  check_time_zone(timing, problems);
}

/// Turns a password file that cannot be read into a note: backups are pruned all the same, and
/// nobody reads the status port until the file can be read.
void forgive_password_file(ParsedOptions& parsed) {
  const auto is_of_file = [](const std::string& problem) {
    return problem.starts_with("STATUS_PASSWORD_FILE: ");
  };
  for (const std::string& problem : parsed.problems) {
    if (!is_of_file(problem)) continue;
    parsed.notes.push_back(problem + "; nobody can read the status port until it can be read");
  }
  std::erase_if(parsed.problems, is_of_file);
}

void check_access(const AccessConfig& access, ParsedOptions& parsed) {
  forgive_password_file(parsed);
  if (parsed.verb != "serve") return;
  const bool has_user = !access.user.empty();
  if (has_user != is_set(parsed, "STATUS_PASSWORD")) {
    parsed.problems.emplace_back(has_user
                                     ? "STATUS_USER has no password: set STATUS_PASSWORD_FILE, too"
                                     : "STATUS_PASSWORD belongs to nobody: set STATUS_USER, too");
  }
  if (access.user.find(':') != std::string::npos) {
    parsed.problems.emplace_back(
        "STATUS_USER: a colon would end the name, as HTTP Basic authentication has it");
  }
  if (has_user && access.is_public) {
    parsed.notes.emplace_back("STATUS_PUBLIC has no effect with STATUS_USER");
  }
}

}  // namespace

CommandLine prune_command_line(PruneConfig& config) {
  CommandLine command{
      .program = "pg-prune",
      .summary = "Deletes the PostgreSQL backups that no rule keeps.",
      .verbs = {{"serve",
                 "Prune at start and then every PRUNE_INTERVAL or by CLEANUP_SCHEDULE; SIGUSR1: "
                 "now (default)."},
                {.name = "now",
                 .help = "Prune once.",
                 .also = "/opt/prune-backups.py /scripts/cleanup.sh"},
                {"plan", "Show the rules and what they would delete; delete nothing."},
                {kCheck, "Connect to every destination, and say what is wrong; delete nothing."},
                {"page", "Print the status page, an HTML document; delete nothing."},
                kScheduleVerb,
                kConfigVerb,
                {"release", "Take the hold off a backup: pg-prune may delete it again.",
                 "GROUP/ID"},
                kHealthVerb},
      .options = {},
      .notes = "Exit codes: 0 done, 1 failed, 2 bad configuration or usage, 3 refused by a guard."};
  append_options(command.options, "Retention", rule_options(config.rules.retention), kPlanning);
  append_options(command.options, "Pruning", run_options(config), kPlanning);
  append_options(command.options, "Older systems", adoption_options(config.adoption), kPlanning);
  append_options(command.options, "Store", store_options(config.store), kWithStore);
  append_options(command.options, "Store", removal_options(config.store), kRemoving);
  append_options(command.options, "Store", verify_key_rows(config.store.signatures), kPlanning);
  append_options(command.options, "Service", service_options(config.service), kLogging);
  append_options(command.options, "Service", access_options(config.access), kServing);
  append_options(command.options, "Reports", report_options(config.reports), kReported);
  append_options(command.options, "Options", flag_options(config), kPruning);
  return command;
}

void check_prune_config(PruneConfig& config, ParsedOptions& parsed) {
  std::vector<std::string>& problems = parsed.problems;
  check_timing(config, parsed, problems);
  if (parsed.verb == kScheduleVerb.name) return;
  const bool may_prune = parsed.verb != "release";
  if (may_prune) check_rules(config, parsed, problems);
  if (parsed.verb == "release" && !parsed.arguments.empty()) {
    check_backup_name(parsed.verb, parsed.arguments.front(), problems);
  }
  config.rules.guards.require_verified = config.rules.retention.require_verified;
  config.rules.guards.max_remove = kDefaultRemovalLimit;
  if (!config.max_remove.empty()) {
    config.rules.guards.max_remove = parse_removal_limit(config.max_remove);
    if (!config.rules.guards.max_remove) {
      problems.push_back(
          fmt::format("PRUNE_MAX_REMOVE: '{}' is not a number from 1 on, such as 20, "
                      "or a percentage up to 100%",
                      config.max_remove));
    }
  }
  const std::optional<std::chrono::seconds>& max_age = config.rules.retention.max_age;
  if (may_prune && max_age && *max_age < std::chrono::hours(24)) {
    parsed.notes.push_back(
        fmt::format("S3_BACKUP_MAX_AGE is {}, less than a day: 30d are 30 days, and a number "
                    "without a unit counts seconds",
                    format_duration(*max_age)));
  }
  check_adoption(config.adoption, problems);
  check_store_config(config.store, parsed, problems);
  check_signatures(config.store.signatures, parsed, config.store.environment);
  check_report_config(config.reports, parsed);
  check_access(config.access, parsed);
}

namespace {

std::string zone_of(const PruneConfig& config) {
  return config.timing.time_zone.empty() ? "UTC" : config.timing.time_zone;
}

}  // namespace

PageSettings rules_in_force(const PruneConfig& config) {
  const Retention& retention = config.rules.retention;
  const GuardRules& guards = config.rules.guards;
  const auto on_doubt = [](OnDoubt what) { return what == OnDoubt::freeze ? "freeze" : "allow"; };
  const auto count = [](int number) { return number == 0 ? "off" : std::to_string(number); };
  PageSettings rules{.is_dry_run = config.dry_run, .zone = zone_of(config)};
  rules.keep = {
      {"S3_BACKUP_MAX_AGE", retention.max_age ? format_duration(*retention.max_age) : "off"},
      {"RETENTION_KEEP_LAST", count(retention.keep_last)},
      {"RETENTION_KEEP_HOURLY", count(retention.keep_hourly)},
      {"RETENTION_KEEP_DAILY", count(retention.keep_daily)},
      {"RETENTION_KEEP_WEEKLY", count(retention.keep_weekly)},
      {"RETENTION_KEEP_MONTHLY", count(retention.keep_monthly)},
      {"RETENTION_KEEP_YEARLY", count(retention.keep_yearly)}};
  rules.besides = {
      {"RETENTION_MIN_BACKUPS", std::to_string(retention.min_backups)},
      {"SWEEP_AFTER", format_duration(config.rules.sweep_after)},
      {"PRUNE_WHEN_STALLED", on_doubt(guards.when_stalled)},
      {"PRUNE_ON_SUSPECT", on_doubt(guards.on_suspect)},
      {"PRUNE_ON_BACKDATED", on_doubt(guards.on_backdated)},
      {"PRUNE_ON_UNSIGNED", on_doubt(guards.on_unsigned)},
      {"PRUNE_MAX_REMOVE", guards.max_remove ? format_removal_limit(*guards.max_remove) : "off"},
      {"TZ", rules.zone},
      {"ADOPT_LAYOUTS", config.adoption.layouts.empty() ? "none" : config.adoption.layouts}};
  if (retention.require_verified) rules.besides.emplace_back("PRUNE_REQUIRE_VERIFIED", "true");
  if (!config.adoption.adoption.database.empty()) {
    rules.besides.emplace_back("ADOPT_DATABASE", config.adoption.adoption.database);
  }
  return rules;
}

std::string format_rules(const PruneConfig& config) {
  const PageSettings rules = rules_in_force(config);
  std::string text = "a backup stays if any of these keeps it:\n";
  const auto add = [&](const SettingRows& rows) {
    for (const auto& [name, value] : rows) text += fmt::format("  {:<23}  {}\n", name, value);
  };
  add(rules.keep);
  text += "and besides:\n";
  add(rules.besides);
  return text;
}

std::optional<std::string> rules_warning(const ParsedOptions& parsed) {
  std::vector<std::string_view> set;
  bool sounds_like_limit = false;
  for (const Setting& setting : parsed.settings) {
    const bool is_rule = std::find(kRules.begin(), kRules.end(), setting.name) != kRules.end();
    if (!is_rule || setting.given_as.empty() || setting.value == "0") continue;
    set.push_back(setting.given_as);
    sounds_like_limit =
        sounds_like_limit || setting.given_as == kMaxAge || setting.given_as == "DB_BACKUP_MAX_N";
  }
  if (set.size() < 2 || !sounds_like_limit) return std::nullopt;
  return fmt::format(
      "{} are all rules that keep: a backup stays if any of them keeps it, and none "
      "is an upper limit",
      fmt::join(set, ", "));
}

}  // namespace pgbackup
