#include "backup/verify/verify_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

std::string problems_of(VerifyOptions& options, std::string_view zone = "") {
  std::vector<std::string> problems;
  check_verify_options(options, zone, problems);
  return fmt::format("{}", fmt::join(problems, "; "));
}

TEST_CASE("A flag of the verb is stronger than VERIFY_DEPTH, and only one may be given") {
  VerifyOptions options;
  CHECK(problems_of(options).empty());
  CHECK(options.depth == VerifyDepth::archive);
  CHECK_FALSE(options.schedule);
  options.restore = true;
  CHECK(problems_of(options).empty());
  CHECK(options.depth == VerifyDepth::restore);
  options.stored = true;
  CHECK(problems_of(options) == "--stored, --archive and --restore: keep one");
}

TEST_CASE("VERIFY_SCHEDULE is parsed as other schedules are") {
  for (const char* const good :
       {"@weekly", "0 4 * * 0", "@every 7d", "TZ=Europe/Berlin 0 4 * * *"}) {
    CAPTURE(good);
    VerifyOptions options;
    options.cron = good;
    CHECK(problems_of(options, "Europe/Berlin").empty());
    CHECK(options.schedule);
  }
  for (const char* const bad :
       {"weekly", "0 4 * *", "TZ=Asia/Tokyo 0 4 * * *", "@every 0s", "* * 30 2 *"}) {
    CAPTURE(bad);
    VerifyOptions options;
    options.cron = bad;
    CHECK(problems_of(options, "Europe/Berlin").starts_with("VERIFY_SCHEDULE: "));
  }
}

TEST_CASE("VERIFY_URL is a URL of PostgreSQL, and no message shows it") {
  for (const char* const good :
       {"postgres://u:p@scratch:5432", "postgresql://u@localhost/postgres?sslmode=disable"}) {
    CAPTURE(good);
    VerifyOptions options;
    options.url = Secret(good);
    CHECK(problems_of(options).empty());
  }
  for (const char* const bad : {"scratch:5432", "mysql://u:hunter2@h", "postgres://u:hunt%er2@h"}) {
    CAPTURE(bad);
    VerifyOptions options;
    options.url = Secret(bad);
    const std::string problem = problems_of(options);
    CHECK(problem.starts_with("VERIFY_URL"));
    CHECK(problem.find("er2") == std::string::npos);
  }
}

}  // namespace
}  // namespace pgbackup
