#include "backup/verify/server_process.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

TEST_CASE("What a server complains of is told without the lines about its way") {
  CHECK(complaints_of("LOG:  starting archive recovery\nWARNING:  w\nFATAL:  no checkpoint\n"
                      "HINT:  look\nLOG:  shutting down") == "FATAL:  no checkpoint\nHINT:  look");
  CHECK(complaints_of("cp: cannot stat 'x'") == "cp: cannot stat 'x'");
  // Where nothing else was said, that is better than nothing.
  CHECK(complaints_of("LOG:  starting") == "LOG:  starting");
  CHECK(complaints_of("").empty());
}

TEST_CASE("A server of ours gets nothing of our environment but where programs are") {
  const Environment environment = {
      {"PATH", "/bin"}, {"PGHOST", "production"}, {"PGDATA", "/data"}, {"LC_ALL", "de_DE.UTF-8"}};
  CHECK(server_environment(environment) == std::vector<std::string>{"LC_ALL=C", "PATH=/bin"});
  CHECK(server_environment({}) == std::vector<std::string>{"LC_ALL=C"});
}

TEST_CASE("A server of ours listens in its folder alone") {
  const std::vector<std::string> settings = server_settings("/tmp/one");
  const auto has = [&](const std::string& one) {
    return std::find(settings.begin(), settings.end(), one) != settings.end();
  };
  CHECK(has("listen_addresses="));
  CHECK(has("unix_socket_directories=/tmp/one"));
  CHECK(has("unix_socket_permissions=0700"));
}

TEST_CASE("A socket needs a short path") {
  CHECK_NOTHROW(require_short_socket("/tmp/pg-backup-verify-123456"));
  CHECK(fails_with(ErrorKind::usage, "too long for a Unix socket",
                   [] { require_short_socket("/" + std::string(100, 'x')); }));
}

TEST_CASE("A server that ends before it accepts connections is a failure with its words") {
  const TemporaryFolder folder;
  FakeClock clock;
  TestLog log{clock};
  const Environment environment = {{"PATH", "/usr/bin:/bin"}};
  const VerifyMeans means{
      .bindir = {}, .environment = environment, .clock = clock, .log = log.log(), .stop = {}};
  const auto start = [&](const std::string& script) {
    return start_server({"/bin/sh", "-c", script}, means);
  };
  CHECK(fails_with(ErrorKind::failed, "exited with 1: FATAL:  no",
                   [&] { return start("echo 'FATAL:  no' >&2; exit 1"); }));
  CHECK(start("echo 'LOG:  database system is ready to accept connections' >&2; sleep 100") !=
        nullptr);
}

}  // namespace
}  // namespace pgbackup
