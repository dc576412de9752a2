#include "common/service/ping.h"

#include "tests/support/hasty_clock.h"
#include "tests/support/scripted_server.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

/// The request with which a letter is told to `/uuid` of a receiver.
std::string request_for(Letter letter) {
  ScriptedServer server({ok("OK")});
  HastyClock clock;
  TestLog log(clock);
  letter.url = Secret(server.url("/uuid"));
  ping({.transports = [] { return std::make_unique<CurlTransport>(""); },
        .clock = clock,
        .log = log.log()},
       letter, {});
  server.end();
  REQUIRE(server.requests.size() == 1);
  return server.requests[0];
}

RunReport report() { return {.program = "pg-backup", .instance = "db1", .job = "backup"}; }

TEST_CASE("A start, a success and a failure are three addresses") {
  const std::string start = request_for({.is_start = true, .report = report()});
  CHECK(start.starts_with("POST /uuid/start HTTP/1.1\r\n"));
  CHECK(start.ends_with("\r\n\r\n"));
  const std::string success = request_for({.report = report()});
  CHECK(success.starts_with("POST /uuid HTTP/1.1\r\n"));
  CHECK(success.ends_with("\r\n\r\npg-backup on db1: the backup succeeded in 0s\n"));
  Letter failure{.report = report()};
  failure.report.error = Error(ErrorKind::failed, "no");
  failure.report.last_lines = "one\ntwo\n";
  const std::string request = request_for(std::move(failure));
  CHECK(request.starts_with("POST /uuid/fail HTTP/1.1\r\n"));
  CHECK(
      request.ends_with("\r\n\r\npg-backup on db1: the backup failed: no\n"
                        "\nthe last lines of the log:\none\ntwo\n"));
}

TEST_CASE("A refusal of a guard is no success, and a long log is cut") {
  Letter refused{.report = report()};
  refused.report.error = Error(ErrorKind::conflict, "frozen");
  refused.report.last_lines = std::string(50'000, 'x');
  const std::string request = request_for(std::move(refused));
  CHECK(request.starts_with("POST /uuid/fail HTTP/1.1\r\n"));
  CHECK(contains(request, "the backup was refused: frozen"));
  CHECK(request.size() < 11'000);
}

TEST_CASE("Of what is too long the last lines of the log stay") {
  Letter failure{.report = report()};
  failure.report.error = Error(ErrorKind::failed, "no");
  for (int i = 0; i < 50; ++i) {
    failure.report.states.push_back({.job = "backup",
                                     .group = Group::database(std::to_string(i)),
                                     .destination = "",
                                     .failures = 1,
                                     .last_error = std::string(900, 'y')});
  }
  failure.report.last_lines =
      std::string(20'000, 'x') + "\xc3\xa4\n" + std::string(5800, 'z') + "\nthe cause of all\n";
  const std::string request = request_for(std::move(failure));
  CHECK(contains(request, "0: yyy"));
  CHECK(contains(request, "\nthe last lines of the log:\n"));
  CHECK(request.ends_with("zzz\nthe cause of all\n"));
  CHECK(request.size() < 11'000);
}

}  // namespace
}  // namespace pgbackup
