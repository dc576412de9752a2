#include <fmt/format.h>

#include "prune/config.h"
#include "tests/test.h"

namespace pgbackup {
namespace {

/// All problems that this environment and these arguments give, one per line.
std::string problems(const Environment& environment, const std::vector<std::string>& arguments,
                     PruneConfig& config) {
  const CommandLine command = prune_command_line(config);
  ParsedOptions parsed = parse_options(command, arguments, environment);
  check_prune_config(config, parsed, parsed.problems);
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
  CHECK(config.interval == seconds(3600));
  CHECK(config.dry_run);
  CHECK(config.json);
  PruneConfig other;
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "1"},
                  {"RETENTION_MIN_BACKUPS", "7"},
                  {"SWEEP_AFTER", "0s"},
                  {"PRUNE_INTERVAL", "90"},
                  {"BACKUP_DIR", "/backups"}},
                 {"serve"}, other)
            .empty());
  CHECK(other.rules.retention.max_age == seconds(1));
  CHECK(other.rules.retention.min_backups == 7);
  CHECK(other.rules.sweep_after == seconds(0));
  CHECK(other.interval == seconds(90));
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

TEST_CASE("Without a target it refuses, and with several problems names all") {
  PruneConfig config;
  const std::string text = problems({{"PRUNE_INTERVAL", "x"}}, {"later"}, config);
  CHECK(text.find("unknown command later") != std::string::npos);
  CHECK(text.find("PRUNE_INTERVAL") != std::string::npos);
  CHECK(text.find("S3_BACKUP_MAX_AGE") != std::string::npos);
  CHECK(text.find("BACKUP_DIR") != std::string::npos);
}

TEST_CASE("JSON goes with now; pg-backup's variables are none of ours") {
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}}, {"serve", "--json"}).find("--json") !=
        std::string::npos);
  CHECK(problems({{"S3_BACKUP_MAX_AGE", "30d"}, {"DB_PORT", "tcp://x"}, {"ZSTD_LEVEL", "x"}})
            .empty());
}

}  // namespace
}  // namespace pgbackup
