#include "common/service/schedule_config.h"

#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr ScheduleRows kRows = {.interval = "EVERY", .cron = "WHEN", .jitter = "JITTER"};

ParsedOptions with_set(const std::vector<std::string>& names) {
  ParsedOptions parsed;
  for (const std::string& name : names) {
    parsed.settings.push_back({.name = name, .value = "", .source = "variable", .given_as = name});
  }
  return parsed;
}

std::vector<std::string> problems_of(ScheduleConfig config,
                                     const std::vector<std::string>& names = {}) {
  std::vector<std::string> problems;
  check_schedule(config, kRows, with_set(names), problems);
  return problems;
}

TEST_CASE("An interval, or a cron expression in its place, but not both") {
  ScheduleConfig config{.interval = hours(6)};
  std::vector<std::string> problems;
  check_schedule(config, kRows, with_set({}), problems);
  CHECK_FALSE(config.is_set);
  CHECK(config.schedule.text() == "6h");
  config.cron = "@daily";
  check_schedule(config, kRows, with_set({"WHEN"}), problems);
  CHECK(config.is_set);
  CHECK(config.schedule.text() == "@daily");
  CHECK(problems.empty());
  check_schedule(config, kRows, with_set({"WHEN", "EVERY"}), problems);
  CHECK(problems == std::vector<std::string>{"EVERY and WHEN are both set; keep one"});
  CHECK(problems_of({.interval = hours(1), .cron = "0 3 * *"}).at(0).starts_with("WHEN: it has 4"));
  CHECK(problems_of({.interval = hours(1), .cron = "0 0 3 * * 2026"})
            .at(0)
            .starts_with("WHEN: a year"));
}

TEST_CASE("What is added by chance is shorter than the shortest time between two runs") {
  struct Row {
    const char* cron;  ///< nullptr: an interval of an hour
    seconds jitter;
    bool is_fine;
  };
  for (const Row& row : std::vector<Row>{{nullptr, minutes(59), true},
                                         {"@daily", hours(22), true},
                                         {"0 3,5 * * *", minutes(119), true},
                                         {"*/5 * * * * *", seconds(4), true},
                                         {nullptr, hours(1), false},
                                         {nullptr, hours(2), false},
                                         {"@hourly", hours(1), false},
                                         {"0 3,5 * * *", hours(2), false},
                                         {"*/5 * * * * *", seconds(5), false},
                                         {"0 0 1,2 * *", hours(24), false}}) {
    CAPTURE(row.cron == nullptr ? "" : row.cron, row.jitter.count());
    const auto problems = problems_of(
        {.interval = hours(1), .cron = row.cron == nullptr ? "" : row.cron, .jitter = row.jitter});
    CHECK(problems.empty() == row.is_fine);
    if (!problems.empty()) CHECK(problems[0].starts_with("JITTER="));
  }
}

TEST_CASE("The next times are shown in local time, in UTC and from now") {
  const VariableGuard guard("TZ");
  ScheduleConfig config{.interval = hours(1), .cron = "30 2 * * *", .time_zone = "Europe/Berlin"};
  std::vector<std::string> problems;
  check_schedule(config, kRows, with_set({"WHEN"}), problems);
  check_time_zone(config, problems);
  CHECK(problems.empty());
  const std::string text = format_next_times(config, *parse_iso("2026-10-24T00:29:30Z"));
  // The clock goes back on the 25th, and the time that comes twice counts once.
  CHECK(
      text.starts_with("Sat 2026-10-24 02:30:00 +02:00  2026-10-24T00:30:00Z  in 30s\n"
                       "Sun 2026-10-25 02:30:00 +02:00  2026-10-25T00:30:00Z  in 1d 0h 0m\n"
                       "Mon 2026-10-26 02:30:00 +01:00  2026-10-26T01:30:00Z  in 2d 1h 0m\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 10);
  config.jitter = minutes(10);
  CHECK(format_next_times(config, *parse_iso("2026-10-24T00:29:30Z"))
            .ends_with("each up to 10m later\n"));
  CHECK(format_next_times({.interval = hours(2)}, *parse_iso("2026-01-01T00:00:00Z"))
            .find("2026-01-01T02:00:00Z  in 2h 0m\n") != std::string::npos);
}

}  // namespace
}  // namespace pgbackup
