#include "prune/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

/// All problems that this environment and these arguments give, one per line.
std::string problems(const Environment& environment, const std::vector<std::string>& arguments,
                     PruneConfig& config) {
  const CommandLine command = prune_command_line(config);
  ParsedOptions parsed = parse_options(command, arguments, environment);
  check_prune_config(config, parsed);
  return fmt::format("{}", fmt::join(parsed.problems, "\n"));
}

std::string problems(Environment environment, const std::vector<std::string>& arguments = {}) {
  environment.try_emplace("BACKUP_DIR", "/backups");
  PruneConfig config;
  return problems(environment, arguments, config);
}

TEST_CASE("The settings arrive, the others have their defaults") {
  using std::chrono::seconds;
  PruneConfig config;
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}, {"BACKUP_DIR", "/backups"}},
                 {"now", "--dry-run", "--json"}, config)
            .empty());
  CHECK(config.rules.retention.max_age == seconds(2592000));
  CHECK(config.rules.retention.min_backups == 1);
  CHECK(config.rules.sweep_after == seconds(604800));
  CHECK(config.timing.interval == seconds(3600));
  CHECK(config.dry_run);
  CHECK(config.json);
  PruneConfig other;
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "1"},
                  {"RETENTION_MIN_BACKUPS", "7"},
                  {"SWEEP_AFTER", "1h"},
                  {"PRUNE_INTERVAL", "90"},
                  {"BACKUP_DIR", "/backups"}},
                 {"serve"}, other)
            .empty());
  CHECK(other.rules.retention.max_age == seconds(1));
  CHECK(other.rules.retention.min_backups == 7);
  CHECK(other.rules.sweep_after == seconds(3600));
  CHECK(other.timing.interval == seconds(90));
}

TEST_CASE("Without a policy it refuses with one sentence") {
  for (const Environment& environment : {Environment{}, Environment{{"S3_BACKUP_MAX_AGE", ""}},
                                         Environment{{"RETENTION_MIN_BACKUPS", "5"}}}) {
    const std::string text = problems(environment);
    CHECK(text.starts_with("no retention rule is set"));
    CHECK(text.find('\n') == std::string::npos);
  }
}

TEST_CASE("Each wrong setting is one sentence that names it") {
  struct Row {
    std::string name;
    std::string value;
  };
  for (const Row& row : std::vector<Row>{{"S3_BACKUP_MAX_AGE", "0"},
                                         {"S3_BACKUP_MAX_AGE", "0d"},
                                         {"S3_BACKUP_MAX_AGE", "-30d"},
                                         {"S3_BACKUP_MAX_AGE", "1.5d"},
                                         {"S3_BACKUP_MAX_AGE", "a month"},
                                         {"S3_BACKUP_MAX_AGE", "99999d"},
                                         {"RETENTION_MIN_BACKUPS", "0"},
                                         {"RETENTION_MIN_BACKUPS", "-1"},
                                         {"RETENTION_MIN_BACKUPS", "1.5"},
                                         {"RETENTION_MIN_BACKUPS", "99999999999"},
                                         {"SWEEP_AFTER", "-1s"},
                                         {"SWEEP_AFTER", "never"},
                                         {"SWEEP_AFTER", "0"},
                                         {"SWEEP_AFTER", "0s"},
                                         {"SWEEP_AFTER", "15m"},
                                         {"SWEEP_AFTER", "3599s"},
                                         {"PRUNE_INTERVAL", "0"},
                                         {"PRUNE_INTERVAL", "hourly"}}) {
    CAPTURE(row.name, row.value);
    Environment environment = {{"S3_BACKUP_MAX_AGE", "30d"}};
    environment[row.name] = row.value;
    const std::string text = problems(environment);
    CHECK(text.starts_with(row.name + ": '" + row.value + "' is "));
    CHECK(text.find('\n') == std::string::npos);
  }
}

TEST_CASE("Every rule is taken, by any of its names") {
  struct Row {
    std::string name;
    std::string value;
    Retention wanted;
  };
  using std::chrono::days;
  using std::chrono::seconds;
  for (const Row& row : std::vector<Row>{
           {"S3_BACKUP_MAX_AGE", "1", {.max_age = seconds(1)}},
           {"S3_BACKUP_MAX_AGE", "2592000", {.max_age = days(30)}},
           {"BACKUP_KEEP_DAYS", "30", {.max_age = days(30)}},
           {"RETENTION_KEEP_LAST", "1", {.keep_last = 1}},
           {"RETENTION_KEEP_LAST", "1000000", {.keep_last = 1000000}},
           {"DB_BACKUP_MAX_N", "3", {.keep_last = 3}},
           {"BACKUPS_TO_RETAIN", "1", {.keep_last = 1}},
           {"RETENTION_KEEP_HOURLY", "24", {.keep_hourly = 24}},
           {"RETENTION_KEEP_HOURLY", "878400", {.keep_hourly = 878400}},
           {"RETENTION_KEEP_DAILY", "7", {.keep_daily = 7}},
           {"RETENTION_KEEP_WEEKLY", "4", {.keep_weekly = 4}},
           {"RETENTION_KEEP_MONTHLY", "12", {.keep_monthly = 12}},
           {"RETENTION_KEEP_YEARLY", "100", {.keep_yearly = 100}},
       }) {
    CAPTURE(row.name, row.value);
    PruneConfig config;
    CHECK(problems({{row.name, row.value}, {"BACKUP_DIR", "/backups"}}, {}, config).empty());
    const Retention& is = config.rules.retention;
    CHECK(has_rule(is));
    CHECK(is.max_age == row.wanted.max_age);
    CHECK(is.keep_last == row.wanted.keep_last);
    CHECK(is.keep_hourly == row.wanted.keep_hourly);
    CHECK(is.keep_daily == row.wanted.keep_daily);
    CHECK(is.keep_weekly == row.wanted.keep_weekly);
    CHECK(is.keep_monthly == row.wanted.keep_monthly);
    CHECK(is.keep_yearly == row.wanted.keep_yearly);
    CHECK(is.min_backups == 1);
  }
  PruneConfig config;
  CHECK(problems({{"RETENTION_KEEP_DAILY", "1"},
                  {"BACKUP_KEEP_MIN_COUNT", "2"},
                  {"RETENTION_MIN_BACKUPS", "2"},
                  {"BACKUP_DIR", "/backups"}},
                 {}, config)
            .empty());
  CHECK(config.rules.retention.min_backups == 2);
}

TEST_CASE("A count that is negative, a fraction or absurd is one sentence that names it") {
  for (const auto* name :
       {"RETENTION_KEEP_LAST", "DB_BACKUP_MAX_N", "BACKUPS_TO_RETAIN", "RETENTION_KEEP_HOURLY",
        "RETENTION_KEEP_DAILY", "RETENTION_KEEP_WEEKLY", "RETENTION_KEEP_MONTHLY",
        "RETENTION_KEEP_YEARLY", "BACKUP_KEEP_MIN_COUNT"}) {
    for (const auto* value : {"-1", "1.5", "7d", "all", "1000001", "99999999999", "0x7", " 7"}) {
      CAPTURE(name, value);
      const std::string text = problems({{name, value}, {"S3_BACKUP_MAX_AGE", "30d"}});
      CHECK(text.starts_with(std::string(name) + ": '" + value + "' is not a whole number from "));
      CHECK(text.find('\n') == std::string::npos);
    }
  }
  for (const auto* value : {"-1", "1.5", "0", "99999999", "all"}) {
    CAPTURE(value);
    CHECK(problems({{"BACKUP_KEEP_DAYS", value}}).starts_with("BACKUP_KEEP_DAYS: '"));
  }
  for (const auto& [name, value] : Environment{{"RETENTION_KEEP_HOURLY", "878401"},
                                               {"RETENTION_KEEP_DAILY", "36601"},
                                               {"RETENTION_KEEP_WEEKLY", "5301"},
                                               {"RETENTION_KEEP_MONTHLY", "1201"},
                                               {"RETENTION_KEEP_YEARLY", "101"},
                                               {"BACKUP_KEEP_MIN_COUNT", "0"}}) {
    CHECK(problems({{name, value}, {"S3_BACKUP_MAX_AGE", "1d"}}).starts_with(name + ": '"));
  }
}

TEST_CASE("0 is off for our own names, and an error for those of older systems") {
  CHECK(problems({{"RETENTION_KEEP_LAST", "0"}, {"RETENTION_KEEP_DAILY", "7"}}).empty());
  for (const auto* name : {"DB_BACKUP_MAX_N", "BACKUPS_TO_RETAIN"}) {
    CHECK(problems({{name, "0"}, {"RETENTION_KEEP_DAILY", "7"}}) ==
          std::string(name) + ": must be at least 1");
    CHECK(problems({{name, "0"}}) == std::string(name) + ": must be at least 1");
  }
}

TEST_CASE("A floor alone, and rules that are all off, are no policy") {
  for (const Environment& environment :
       std::vector<Environment>{{},
                                {{"RETENTION_MIN_BACKUPS", "5"}},
                                {{"BACKUP_KEEP_MIN_COUNT", "5"}},
                                {{"S3_BACKUP_MAX_AGE", ""}},
                                {{"RETENTION_KEEP_LAST", "0"}},
                                {{"RETENTION_KEEP_LAST", "0"},
                                 {"RETENTION_KEEP_HOURLY", "0"},
                                 {"RETENTION_KEEP_DAILY", "0"},
                                 {"RETENTION_KEEP_WEEKLY", "0"},
                                 {"RETENTION_KEEP_MONTHLY", "0"},
                                 {"RETENTION_KEEP_YEARLY", "0"},
                                 {"RETENTION_MIN_BACKUPS", "5"}}}) {
    CAPTURE(environment);
    for (const auto* verb : {"serve", "now", "plan"}) {
      const std::string text = problems(environment, {verb});
      CHECK(text.starts_with("no retention rule is set"));
      CHECK(text.find('\n') == std::string::npos);
    }
    CHECK(problems(environment, {"release", "app/20261120T031500Z-9f3a1c2b"}).empty());
  }
}

TEST_CASE("Two names for one rule that differ are refused, with both names") {
  for (const auto& [one, other, value] : std::vector<std::array<std::string, 3>>{
           {"S3_BACKUP_MAX_AGE", "BACKUP_KEEP_DAYS", "30"},  // seconds and days
           {"RETENTION_KEEP_LAST", "DB_BACKUP_MAX_N", "4"},
           {"RETENTION_KEEP_LAST", "BACKUPS_TO_RETAIN", "4"},
           {"DB_BACKUP_MAX_N", "BACKUPS_TO_RETAIN", "4"},
           {"RETENTION_MIN_BACKUPS", "BACKUP_KEEP_MIN_COUNT", "4"}}) {
    CAPTURE(one, other);
    CHECK(problems({{one, "30"}, {other, value}, {"RETENTION_KEEP_DAILY", "1"}}) ==
          one + " and " + other + " are two names for one setting and differ; keep one");
  }
}

TEST_CASE("How much may go in one run is a count or a percentage, by default half") {
  PruneConfig config;
  Environment environment = {{"S3_BACKUP_MAX_AGE", "30d"}, {"BACKUP_DIR", "/backups"}};
  CHECK(problems(environment, {}, config).empty());
  REQUIRE(config.rules.guards.max_remove);
  CHECK(format_removal_limit(*config.rules.guards.max_remove) == "50%, but 10 in any case");
  for (const auto* text : {"1", "20", "1%", "100%"}) {
    environment["PRUNE_MAX_REMOVE"] = text;
    CHECK(problems(environment, {}, config).empty());
    REQUIRE(config.rules.guards.max_remove);
    CHECK(format_removal_limit(*config.rules.guards.max_remove) == text);
  }
  for (const auto* text : {"0", "0%", "-1", "101%", "1.5", "half", "50 %", "%", "99999999999"}) {
    CAPTURE(text);
    environment["PRUNE_MAX_REMOVE"] = text;
    CHECK(problems(environment, {}, config)
              .starts_with("PRUNE_MAX_REMOVE: '" + std::string(text) + "' is not a number from 1"));
  }
}

TEST_CASE("The guards that may be told to look away take freeze and allow") {
  PruneConfig config;
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"},
                  {"PRUNE_WHEN_STALLED", "allow"},
                  {"PRUNE_ON_SUSPECT", "allow"},
                  {"BACKUP_DIR", "/backups"}},
                 {}, config)
            .empty());
  CHECK(config.rules.guards.when_stalled == OnDoubt::allow);
  CHECK(config.rules.guards.on_suspect == OnDoubt::allow);
  for (const auto* name : {"PRUNE_WHEN_STALLED", "PRUNE_ON_SUSPECT"}) {
    CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}, {name, "freeze"}}).empty());
    for (const auto* value : {"true", "Allow", "deny"}) {
      CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}, {name, value}})
                .starts_with(std::string(name) + ": '" + value + "' is not"));
    }
  }
}

TEST_CASE("A dry run is asked for by flag or variable, and either is enough") {
  struct Row {
    const char* variable;
    std::vector<std::string> arguments;
    bool dry;
  };
  for (const Row& row : std::vector<Row>{{"", {"now"}, false},
                                         {"false", {"now"}, false},
                                         {"true", {"now"}, true},
                                         {"", {"now", "--dry-run"}, true},
                                         {"true", {"now", "--dry-run"}, true},
                                         {"false", {"now", "--dry-run"}, true}}) {
    CAPTURE(row.variable, row.arguments);
    PruneConfig config;
    CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"},
                    {"RETENTION_DRY_RUN", row.variable},
                    {"BACKUP_DIR", "/backups"}},
                   row.arguments, config)
              .empty());
    CHECK(config.dry_run == row.dry);
  }
  for (const auto* value : {"y", "2", "TRUE!", "dry"}) {
    CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}, {"RETENTION_DRY_RUN", value}})
              .starts_with("RETENTION_DRY_RUN: '"));
  }
}

TEST_CASE("A warning says that what sounds like a limit is a rule that keeps, beside other rules") {
  const auto warning = [](const Environment& environment) {
    PruneConfig config;
    return rules_warning(parse_options(prune_command_line(config), {}, environment));
  };
  for (const Environment& environment :
       std::vector<Environment>{{},
                                {{"S3_BACKUP_MAX_AGE", "30d"}},
                                {{"DB_BACKUP_MAX_N", "3"}},
                                {{"S3_BACKUP_MAX_AGE", "30d"}, {"RETENTION_MIN_BACKUPS", "3"}},
                                {{"RETENTION_KEEP_LAST", "3"}, {"RETENTION_KEEP_DAILY", "7"}},
                                {{"BACKUP_KEEP_DAYS", "30"}, {"BACKUPS_TO_RETAIN", "7"}},
                                {{"S3_BACKUP_MAX_AGE", "30d"}, {"RETENTION_KEEP_DAILY", ""}},
                                {{"S3_BACKUP_MAX_AGE", "30d"}, {"RETENTION_KEEP_DAILY", "0"}}}) {
    CAPTURE(environment);
    CHECK_FALSE(warning(environment));
  }
  CHECK(warning({{"S3_BACKUP_MAX_AGE", "30d"}, {"DB_BACKUP_MAX_N", "3"}}) ==
        "S3_BACKUP_MAX_AGE, DB_BACKUP_MAX_N are all rules that keep: a backup stays if any of them "
        "keeps it, and none is an upper limit");
  CHECK(warning({{"S3_BACKUP_MAX_AGE", "30d"}, {"RETENTION_KEEP_DAILY", "7"}}));
  CHECK(warning({{"DB_BACKUP_MAX_N", "3"}, {"BACKUP_KEEP_DAYS", "7"}}));
  CHECK(warning({{"DB_BACKUP_MAX_N", "3"}, {"RETENTION_KEEP_YEARLY", "7"}}));
}

TEST_CASE("A release names a backup of ours, and nothing else takes a name") {
  CHECK(problems({}, {"release"}) == "release needs GROUP/ID");
  CHECK(problems({}, {"release", "app"}).starts_with("release: 'app' is neither GROUP/ID"));
  CHECK(problems({}, {"release", "backup-2021-01-06T22:06:31.dump"}).starts_with("release: '"));
  CHECK(problems({}, {"release", "a/b/20261120T031500Z-9f3a1c2b"}).empty());
  const Environment rule = {{"S3_BACKUP_MAX_AGE", "30d"}};
  for (const auto* verb : {"serve", "now", "plan"}) {
    CHECK(problems(rule, {verb, "app/20261120T031500Z-9f3a1c2b"}).starts_with("unexpected arg"));
  }
}

TEST_CASE("The layouts of older systems are adopted by name") {
  PruneConfig config;
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"},
                  {"ADOPT_LAYOUTS", "db-folder, backup-time"},
                  {"ADOPT_DATABASE", "app"},
                  {"BACKUP_DIR", "/backups"}},
                 {}, config)
            .empty());
  CHECK(config.adoption.adoption.layouts == std::set{Layout::db_folder, Layout::backup_time});
  CHECK(config.adoption.adoption.database == "app");
  for (const auto* value : {"None", "db-folder,", "DB-FOLDER", "db-folder;backup-time", "ours"}) {
    CAPTURE(value);
    CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}, {"ADOPT_LAYOUTS", value}})
              .starts_with("ADOPT_LAYOUTS: unknown layout '"));
  }
}

TEST_CASE("A time zone that is not known is refused") {
  const ZoneGuard guard("UTC");
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}, {"TZ", "Europe/Berlin"}}).empty());
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}, {"TZ", "Europe/Berln"}}).starts_with("TZ: "));
}

TEST_CASE("Without a target it refuses, and with several problems names all") {
  PruneConfig config;
  const std::string text = problems({{"PRUNE_INTERVAL", "x"}}, {"later"}, config);
  CHECK(text.find("unknown command later") != std::string::npos);
  CHECK(text.find("PRUNE_INTERVAL") != std::string::npos);
  CHECK(text.find("S3_BACKUP_MAX_AGE") != std::string::npos);
  CHECK(text.find("BACKUP_DIR") != std::string::npos);
}

TEST_CASE("JSON goes with now and plan; pg-backup's variables are none of ours") {
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}}, {"serve", "--json"}).find("--json") !=
        std::string::npos);
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}, {"DB_PORT", "tcp://x"}, {"ZSTD_LEVEL", "x"}})
            .empty());
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}}, {"plan", "--json"}).empty());
  CHECK(problems({}, {"release", "a/20261120T031500Z-9f3a1c2b", "--json"}).starts_with("--json"));
}

TEST_CASE("The rules are printed one per line, also those that are off") {
  PruneConfig config;
  config.rules.retention.max_age = std::chrono::days(30);
  config.rules.retention.keep_daily = 7;
  config.rules.guards = {.on_suspect = OnDoubt::allow,
                         .max_remove = RemovalLimit{.count = 50, .is_percent = true}};
  config.adoption = {.layouts = "all", .adoption = {.layouts = {}, .database = "app"}};
  CHECK(format_rules(config) ==
        "a backup stays if any of these keeps it:\n"
        "  S3_BACKUP_MAX_AGE        30d\n"
        "  RETENTION_KEEP_LAST      off\n"
        "  RETENTION_KEEP_HOURLY    off\n"
        "  RETENTION_KEEP_DAILY     7\n"
        "  RETENTION_KEEP_WEEKLY    off\n"
        "  RETENTION_KEEP_MONTHLY   off\n"
        "  RETENTION_KEEP_YEARLY    off\n"
        "and besides:\n"
        "  RETENTION_MIN_BACKUPS    1\n"
        "  SWEEP_AFTER              7d\n"
        "  PRUNE_WHEN_STALLED       freeze\n"
        "  PRUNE_ON_SUSPECT         allow\n"
        "  PRUNE_ON_BACKDATED       freeze\n"
        "  PRUNE_ON_UNSIGNED        freeze\n"
        "  PRUNE_MAX_REMOVE         50%\n"
        "  TZ                       UTC\n"
        "  ADOPT_LAYOUTS            all\n"
        "  ADOPT_DATABASE           app\n");
}

TEST_CASE("An age below a day is pointed out") {
  const auto notes = [](const std::string& age) {
    PruneConfig config;
    const CommandLine command = prune_command_line(config);
    ParsedOptions parsed =
        parse_options(command, {}, {{"BACKUP_DIR", "/backups"}, {"S3_BACKUP_MAX_AGE", age}});
    check_prune_config(config, parsed);
    return fmt::format("{}", fmt::join(parsed.notes, "\n"));
  };
  CHECK(notes("30") ==
        "S3_BACKUP_MAX_AGE is 30s, less than a day: 30d are 30 days, and a number "
        "without a unit counts seconds");
  CHECK(notes("23h").starts_with("S3_BACKUP_MAX_AGE is 23h, less than a day"));
  CHECK(notes("1d").empty());
  CHECK(notes("86400").empty());
}

TEST_CASE("The commands of older systems prune once") {
  PruneConfig config;
  const CommandLine command = prune_command_line(config);
  for (const auto* word : {"/opt/prune-backups.py", "/scripts/cleanup.sh"}) {
    CAPTURE(word);
    const ParsedOptions parsed = parse_options(command, std::vector<std::string>{word}, {});
    CHECK(parsed.problems.empty());
    CHECK(parsed.verb == "now");
  }
  for (const auto* word : {"/opt/backup.py", "/scripts/backup.sh", "prune-backups.py"}) {
    CAPTURE(word);
    CHECK(parse_options(command, std::vector<std::string>{word}, {}).problems.size() == 1);
  }
}

}  // namespace
}  // namespace pgbackup
