#include "common/service/run_report.h"

#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

const UtcTime kTime{seconds(1795144500)};  // 2026-11-20T03:15:00Z

RunReport report() {
  return {.program = "pg-backup",
          .instance = "db1",
          .job = "backup",
          .started = kTime,
          .ended = kTime - seconds(9),  // the clock was set back
          .taken = seconds(90)};
}

RunState state(const std::string& name, const std::string& destination, int failures) {
  return {.job = "backup",
          .group = Group::database(name),
          .destination = destination,
          .failures = failures,
          .last_error = failures > 0 ? name + " broke" : ""};
}

std::vector<std::string> names(const RunReport& one) {
  std::vector<std::string> result;
  for (const Trouble& trouble : troubles_of(one)) result.push_back(trouble.name(one.job));
  return result;
}

TEST_CASE("After a good run nothing is wrong, whatever the states say") {
  RunReport good = report();
  good.states = {state("app", "", 2)};
  CHECK(names(good).empty());
  CHECK(describe(good) == "pg-backup on db1: the backup succeeded in 90s\n");
}

TEST_CASE("A run that found nothing to do says so") {
  RunReport idle = report();
  idle.is_idle = true;
  CHECK(describe(idle) == "pg-backup on db1: no backup was due\n");
}

TEST_CASE("What failed is listed by group and destination") {
  RunReport bad = report();
  bad.error = Error(ErrorKind::failed, "2 of 3 backups failed", "look at the server");
  bad.states = {state("app", "dir", 0), state("app", "s3", 3), state("crm", "", 1)};
  CHECK(names(bad) == std::vector<std::string>{"app (s3)", "crm"});
  CHECK(describe(bad) ==
        "pg-backup on db1: the backup failed: 2 of 3 backups failed\n"
        "app (s3): app broke (3 in a row)\n"
        "crm: crm broke\n"
        "hint: look at the server\n");
}

TEST_CASE("A run that failed before there was any work names its job") {
  RunReport bad = report();
  bad.error = Error(ErrorKind::transient, "connection refused");
  CHECK(names(bad) == std::vector<std::string>{"backup"});
  CHECK(describe(bad) == "pg-backup on db1: the backup failed: connection refused\n");
}

TEST_CASE("A refusal is told by its guard, and not as a failure, too") {
  RunReport frozen = report();
  frozen.program = "pg-prune";
  frozen.job = "pruning";
  frozen.error = Error(ErrorKind::conflict, "nothing of app was touched");
  frozen.states = {
      {.job = "pruning", .group = {}, .destination = "s3", .failures = 1, .last_error = "nothing"}};
  frozen.refused = {{.guard = "stalled",
                     .group = Group::database("app"),
                     .destination = "s3",
                     .sentence = "backups have stalled"},
                    {.guard = "volume",
                     .group = Group::database("crm"),
                     .destination = "s3",
                     .sentence = "too many"}};
  CHECK(names(frozen) == std::vector<std::string>{"app (s3): stalled", "crm (s3): volume"});
  CHECK(describe(frozen) ==
        "pg-prune on db1: the pruning was refused: nothing of app was touched\n"
        "app (s3): stalled: backups have stalled\n"
        "crm (s3): volume: too many\n");
  SECTION("where something failed besides, both are told") {
    frozen.error = Error(ErrorKind::failed, "403");
    CHECK(names(frozen) ==
          std::vector<std::string>{"pruning (s3)", "app (s3): stalled", "crm (s3): volume"});
  }
}

TEST_CASE("A report is bounded, however much is wrong") {
  RunReport bad = report();
  bad.error = Error(ErrorKind::failed, std::string(100'000, 'x') + "\x1b[2J");
  for (int i = 0; i < 1000; ++i) {
    bad.states.push_back(state(std::to_string(i), "", 1));
    bad.states.back().last_error = std::string(5000, 'y');
  }
  const std::string text = describe(bad);
  CHECK(text.size() < 60'000);
  CHECK(text.ends_with("and 950 more\n"));
}

TEST_CASE("Control characters of others do not get into a report") {
  RunReport bad = report();
  bad.error = Error(ErrorKind::failed, "a\nb\x1b[2Jc");
  CHECK(describe(bad) == "pg-backup on db1: the backup failed: a?b?[2Jc\n");
}

TEST_CASE("Text is cut between two characters") {
  CHECK(clipped("abc", 3) == "abc");
  CHECK(clipped("abcd", 3) == "abc...");
  CHECK(clipped("ab\xc3\xa4", 3) == "ab...");
  CHECK(clipped("\xf0\x9f\x98\x80x", 3) == "...");
  CHECK(clipped("\x80\x80\x80\x80\x80\x80\x80\x80", 6) == "\x80\x80...");  // no UTF-8 at all
  CHECK(clipped("", 0).empty());
}

}  // namespace
}  // namespace pgbackup
