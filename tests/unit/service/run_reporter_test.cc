#include "common/service/run_reporter.h"

#include <filesystem>
#include <stdexcept>

#include "tests/support/error_of.h"
#include "tests/support/hasty_clock.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

[[noreturn]] void fail() { throw Error(ErrorKind::failed, "no backup"); }

struct Fixture {
  explicit Fixture(std::vector<std::string> replies = std::vector<std::string>(50, ok("")))
      : server(std::move(replies)) {}

  [[nodiscard]] ReportedRuns runs(bool is_once = false) {
    return {.program = "pg-backup",
            .job = kBackupJob,
            .states = states,
            .schedule = &schedule,
            .metrics =
                [](Verdict verdict) {
                  CHECK(verdict.is_of_run);
                  return std::vector<MetricFamily>{
                      {.name = "m", .help = "Help.", .samples = {{.labels = {}, .value = 1}}}};
                },
            .tail = &tail,
            .transports = [] { return std::make_unique<CurlTransport>(""); },
            .is_once = is_once};
  }

  ScriptedServer server;
  HastyClock clock;
  LogTail tail;
  CapturedOutput output;
  Log log{clock, LogLevel::info, LogFormat::text, output.file(), &tail};
  RunStates states;
  Schedule schedule = Schedule::every(hours(6));
  ReportConfig config{.metrics_job = "pg_backup", .metrics_instance = "db1"};
};

size_t threads() {
  return static_cast<size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}));
}

TEST_CASE("Where nobody is told there is no thread, and a run is only a run") {
  Fixture fixture;
  const size_t before = threads();
  RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
  int count = 0;
  reporter.run([&] { ++count; });
  CHECK_THROWS_AS(reporter.run(fail), Error);
  CHECK(reporter.look([] { return std::optional(UtcTime()); }) == UtcTime());
  CHECK(threads() == before);
  const auto begun = steady_clock::now();
  reporter.finish({});
  CHECK(steady_clock::now() - begun < seconds(1));
  CHECK(count == 1);
  CHECK(fixture.output.text().empty());
}

TEST_CASE("Each run tells its start and its end, and throws what it threw") {
  Fixture fixture;
  fixture.config.ping_url = Secret(fixture.server.url("/p"));
  RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
  const auto settle = [&] { reporter.finish({}); };
  reporter.run(settle);
  settle();
  fixture.log.warn("the last words");
  CHECK_THROWS_AS(reporter.run([&] { settle(), fail(); }), Error);
  settle();
  CHECK_THROWS_AS(reporter.run([&] { settle(), throw std::runtime_error("odd"); }),
                  std::runtime_error);
  settle();
  CHECK(fixture.server.lines() == std::vector<std::string>{"POST /p/start", "POST /p",
                                                           "POST /p/start", "POST /p/fail",
                                                           "POST /p/start", "POST /p/fail"});
  CHECK(contains(fixture.server.requests[3], "pg-backup on db1: the backup failed: no backup\n"));
  CHECK(contains(fixture.server.requests[3], "the last words\n"));
  CHECK(contains(fixture.server.requests[5], "unexpected error: odd\n"));
}

TEST_CASE("A URL that changes between two runs is used from the next one on") {
  Fixture fixture;
  RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
  const auto run = [&] {
    reporter.run([&] { reporter.finish({}); });
    reporter.finish({});
  };
  run();
  fixture.config.ping_url = Secret(fixture.server.url("/a"));
  run();
  fixture.config.ping_url = Secret(fixture.server.url("/b"));
  run();
  CHECK(fixture.server.lines() ==
        std::vector<std::string>{"POST /a/start", "POST /a", "POST /b/start", "POST /b"});
}

TEST_CASE("A stop is no failure of a daemon's run; a run that nobody repeats has failed") {
  for (const bool is_once : {false, true}) {
    Fixture fixture;
    fixture.config.notify_url = Secret(fixture.server.url("/n"));
    RunReporter reporter(fixture.runs(is_once), fixture.config, fixture.clock, fixture.log);
    CHECK_THROWS_AS(reporter.run([] { throw Error(ErrorKind::canceled, "stopped"); }), Error);
    reporter.finish({});
    CHECK(fixture.server.lines().size() == (is_once ? 1U : 0U));
  }
}

TEST_CASE("A store that cannot be looked at is told as a failure, without a start") {
  Fixture fixture;
  fixture.config.ping_url = Secret(fixture.server.url("/p"));
  fixture.config.notify_url = Secret(fixture.server.url("/n"));
  RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
  CHECK_THROWS_AS(reporter.look([]() -> std::optional<UtcTime> { fail(); }), Error);
  reporter.finish({});
  std::vector<std::string> lines = fixture.server.lines();
  std::sort(lines.begin(), lines.end());
  CHECK(lines == std::vector<std::string>{"POST /n", "POST /p/fail"});
}

TEST_CASE("A store that can be looked at again is told where no run is due that would") {
  struct Row {
    hours age;
    bool had_failed;
    size_t told;
  };
  for (const Row& row : {Row{hours(1), true, 2}, Row{hours(7), true, 1}, Row{hours(1), false, 0}}) {
    Fixture fixture;
    fixture.config.notify_url = Secret(fixture.server.url("/n"));
    RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
    if (row.had_failed) {
      CHECK_THROWS_AS(reporter.look([]() -> std::optional<UtcTime> { fail(); }), Error);
      reporter.finish({});
    }
    for (int i = 0; i < 2; ++i) {  // it is told once
      const auto newest = fixture.clock.now() - row.age;
      CHECK(reporter.look([&] { return std::optional(newest); }) == newest);
      reporter.finish({});
    }
    CHECK(fixture.server.lines().size() == row.told);
    if (row.told == 2) CHECK(contains(fixture.server.requests[1], "\"event\":\"recovery\""));
  }
}

TEST_CASE("A random delay of a run is not overdue") {
  for (const auto& [jitter, told] : {std::pair(hours(0), 1U), std::pair(hours(3), 0U)}) {
    Fixture fixture;
    fixture.config.notify_url = Secret(fixture.server.url("/n"));
    ReportedRuns runs = fixture.runs();
    runs.jitter = jitter;
    RunReporter reporter(std::move(runs), fixture.config, fixture.clock, fixture.log);
    const Group app = Group::database("app");
    fixture.states.succeed(kBackupJob, app, "", fixture.clock.now() - hours(8));
    reporter.run([&] { fixture.states.succeed(kBackupJob, app, "", fixture.clock.now()); });
    reporter.finish({});
    CHECK(fixture.server.lines().size() == told);
  }
}

TEST_CASE("A run that had nothing to do is told as such, and the next one is not") {
  Fixture fixture;
  fixture.config.notify_url = Secret(fixture.server.url("/n"));
  fixture.config.notify_on = NotifyOn::always;
  RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
  reporter.run([&] { reporter.note_idle(); });
  reporter.finish({});
  reporter.run([] {});
  reporter.finish({});
  CHECK(fixture.server.lines().size() == 2);
  CHECK(contains(fixture.server.requests[0], "no backup was due"));
  CHECK(contains(fixture.server.requests[1], "the backup succeeded in "));
}

TEST_CASE("What was overdue at the start of the process and is made now has recovered") {
  const std::vector<std::pair<hours, size_t>> rows = {{hours(5), 0}, {hours(9), 1}, {-hours(1), 0}};
  for (const auto& [age, told] : rows) {
    Fixture fixture;
    fixture.config.notify_url = Secret(fixture.server.url("/n"));
    RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
    const Group app = Group::database("app");
    fixture.states.succeed(kBackupJob, app, "", fixture.clock.now() - age);
    fixture.states.succeed("other", app, "", fixture.clock.now() - hours(99));
    reporter.run([&] { fixture.states.succeed(kBackupJob, app, "", fixture.clock.now()); });
    reporter.finish({});
    CHECK(fixture.server.lines().size() == told);
    if (told == 1) CHECK(contains(fixture.server.requests[0], "\"recovered\":[\"app\"]"));
  }
}

TEST_CASE("What failed and what a guard refuses are in the report of their run, and in no other") {
  Fixture fixture;
  fixture.config.notify_url = Secret(fixture.server.url("/n"));
  fixture.config.notify_on = NotifyOn::always;
  RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
  const Group app = Group::database("app");
  const Error error(ErrorKind::conflict, "frozen");
  CHECK_THROWS_AS(reporter.run([&] {
    reporter.refuse({.guard = "stalled", .group = app, .destination = "s3", .sentence = "why"});
    fixture.states.fail(kBackupJob, app, "dir", error);
    throw Error(error);
  }),
                  Error);
  reporter.finish({});
  reporter.run([] {});
  reporter.finish({});
  CHECK(fixture.server.lines().size() == 2);
  CHECK(contains(fixture.server.requests[0], "\"guard\":\"stalled\""));
  CHECK(contains(fixture.server.requests[0], "\"result\":\"refused\""));
  CHECK(contains(fixture.server.requests[0], "\"trouble_count\":2"));
  CHECK(
      contains(fixture.server.requests[1], "\"recovered\":[\"app (dir)\",\"app (s3): stalled\"]"));
}

TEST_CASE("Metrics are pushed and written after each run, also after one that failed") {
  const TemporaryFolder folder;
  Fixture fixture;
  fixture.config.pushgateway_url = Secret(fixture.server.url(""));
  fixture.config.metrics_textfile = folder.path() / "m.prom";
  RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
  CHECK_THROWS_AS(reporter.run(fail), Error);
  reporter.finish({});
  CHECK(folder.read("m.prom") == "# HELP m Help.\n# TYPE m gauge\nm 1\n");
  reporter.run([] {});
  reporter.finish({});
  const std::string line = "PUT /metrics/job/pg_backup/instance/db1/program/pg-backup";
  CHECK(fixture.server.lines() == std::vector<std::string>{line, line});
}

TEST_CASE("A receiver that fails costs a warning, and the others are told") {
  const TemporaryFolder folder;
  Fixture fixture({"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"});
  fixture.config.notify_url = Secret(fixture.server.url("/hunter2-token"));
  fixture.config.notify_on = NotifyOn::always;
  fixture.config.pushgateway_url = Secret("nonsense hunter2-token");
  fixture.config.metrics_textfile = folder.path() / "m.prom";
  RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
  reporter.run([] {});
  reporter.finish({});
  CHECK(folder.read("m.prom").ends_with("\nm 1\n"));
  CHECK(fixture.output.says(" warn  a report was not delivered cause=\"NOTIFY_URL: 127.0.0.1:"));
  CHECK(fixture.output.says("cause=\"PUSHGATEWAY_URL: this is no URL"));
  CHECK_FALSE(fixture.output.says("hunter2-token"));
}

TEST_CASE("A receiver that hangs holds up neither a run nor, for long, the stop of the program") {
  Fixture fixture({""});
  fixture.config.ping_url = Secret(fixture.server.url("/p"));
  const auto begun = steady_clock::now();
  {
    RunReporter reporter(fixture.runs(), fixture.config, fixture.clock, fixture.log);
    for (int i = 0; i < 100; ++i) reporter.run([] {});
    CHECK(steady_clock::now() - begun < seconds(2));
    std::stop_source stop;
    stop.request_stop();
    reporter.finish(stop.get_token());
  }
  CHECK(steady_clock::now() - begun < seconds(8));
  CHECK(fixture.output.says("a report is given up, because the program ends setting=PING_URL"));
}

TEST_CASE("The last run of a program is reported before it ends, whatever became of it") {
  Fixture fixture;
  fixture.config.notify_url = Secret(fixture.server.url("/n"));
  RunReporter reporter(fixture.runs(true), fixture.config, fixture.clock, fixture.log);
  CHECK_THROWS_AS(reporter.run_last(fail, {}), Error);
  CHECK(fixture.server.lines().size() == 1);
}

}  // namespace
}  // namespace pgbackup
