#include "common/service/push.h"

#include <sys/stat.h>

#include "tests/support/error_of.h"
#include "tests/support/hasty_clock.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;

MetricFamily family(const std::string& name, const std::vector<std::string>& databases) {
  MetricFamily one{.name = name, .help = "Help."};
  for (const std::string& database : databases) {
    MetricLabels labels = {{"destination", "s3"}};
    if (!database.empty()) labels.emplace_back("database", database);
    one.samples.push_back({.labels = std::move(labels), .value = 1});
  }
  return one;
}

struct Fixture {
  explicit Fixture(std::vector<std::string> replies) : server(std::move(replies)) {}

  void push(const std::vector<MetricFamily>& families) {
    pusher.push(server.url("/gateway/"), families, {});
  }

  ScriptedServer server;
  HastyClock clock;
  TestLog log{clock};
  Pusher pusher{{.transports = [] { return std::make_unique<CurlTransport>(""); },
                 .clock = clock,
                 .log = log.log(),
                 .retry = {.total = milliseconds(0)}},
                {.job = "pg_backup", .instance = "db1", .program = "pg-backup"}};
};

std::string refusal(const std::string& body) {
  return "HTTP/1.1 400 Bad Request\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}
const std::string kRefused =
    refusal("pushed metrics are invalid or inconsistent with existing metrics: label:<other>");
const std::string kDown = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
const std::string kInstance = "/gateway/metrics/job/pg_backup/instance/db1";
const std::string kGroup = kInstance + "/program/pg-backup";

TEST_CASE("The path of a group keeps what is plain and encodes the rest") {
  const auto path = [](const std::string& job, const std::string& instance,
                       const std::string& database) {
    return gateway_path({.job = job, .instance = instance, .program = "p"}, database);
  };
  CHECK(path("pg_backup", "db-1.example.com", "") ==
        "/metrics/job/pg_backup/instance/db-1.example.com/program/p");
  CHECK(path("a/b", "x", "app") == "/metrics/job@base64/YS9i/instance/x/program/p/database/app");
  CHECK(path("j", "", "a b") == "/metrics/job/j/instance@base64/=/program/p/database@base64/YSBi");
  CHECK(path("j", "..", "~~?>") ==
        "/metrics/job/j/instance@base64/Li4/program/p/database@base64/fn4_Pg");
}

TEST_CASE("Each series belongs to the group of its database, with the head of its family") {
  const auto groups = split_by_database(
      {family("one", {"", "app", "crm", "app"}), family("two", {"app"}), family("three", {""})});
  REQUIRE(groups.size() == 3);
  CHECK(format_metrics(groups.at("")) ==
        "# HELP one Help.\n# TYPE one gauge\none{destination=\"s3\"} 1\n"
        "# HELP three Help.\n# TYPE three gauge\nthree{destination=\"s3\"} 1\n");
  CHECK(groups.at("app").size() == 2);
  CHECK(groups.at("app").front().samples.size() == 2);
  CHECK(groups.at("crm").size() == 1);
}

TEST_CASE("A name that is no UTF-8 is the same in the path of its group and in its series") {
  const auto groups = split_by_database({family("one", {"\xff", "\xfe"})});
  REQUIRE(groups.size() == 1);
  CHECK(format_metrics(groups.begin()->second) ==
        "# HELP one Help.\n# TYPE one gauge\n"
        "one{destination=\"s3\",database=\"\xef\xbf\xbd\"} 1\n");
  const PushLabels labels{.job = "j\xff", .instance = "i", .program = "p"};
  CHECK(gateway_path(labels, groups.begin()->first) ==
        "/metrics/job@base64/au-_vQ/instance/i/program/p/database@base64/77-9");
  CHECK(gateway_path(labels, "\xff") == gateway_path(labels, "\xef\xbf\xbd"));
}

TEST_CASE("Groups are replaced, and those of databases that are gone are deleted") {
  Fixture fixture({ok(""), ok(""), ok(""), ok(""), ok(""), ok("")});
  fixture.push({family("one", {"", "app", "crm"})});
  fixture.push({family("one", {"", "app"})});
  CHECK(fixture.server.lines() ==
        std::vector<std::string>{"PUT " + kGroup, "PUT " + kGroup + "/database/app",
                                 "PUT " + kGroup + "/database/crm", "PUT " + kGroup,
                                 "PUT " + kGroup + "/database/app",
                                 "DELETE " + kGroup + "/database/crm"});
  CHECK(fixture.server.requests[0].ends_with(
      "\r\n\r\n# HELP one Help.\n# TYPE one gauge\none{destination=\"s3\"} 1\n"));
  CHECK(contains(fixture.server.requests[0], "\r\nContent-Type: text/plain; version=0.0.4"));
}

TEST_CASE("A group that is refused is deleted and pushed again") {
  Fixture fixture({kRefused, ok(""), ok(""), ok("")});
  fixture.push({family("one", {""})});
  CHECK(fixture.server.lines() == std::vector<std::string>{"PUT " + kGroup, "DELETE " + kGroup,
                                                           "DELETE " + kInstance, "PUT " + kGroup});
}

TEST_CASE("The group of an older system is deleted once") {
  Fixture fixture({kRefused, ok(""), ok(""), ok(""), kRefused, ok(""), ok("")});
  fixture.push({family("one", {""})});
  fixture.push({family("one", {""})});
  const auto lines = fixture.server.lines();
  CHECK(std::count(lines.begin(), lines.end(), "DELETE " + kInstance) == 1);
  CHECK(lines.size() == 7);
}

TEST_CASE("Nothing is deleted because of a refusal that has another cause") {
  Fixture fixture({refusal("text format parsing error in line 1")});
  CHECK(fails_with(ErrorKind::conflict, "parsing error",
                   [&] { return fixture.push({family("one", {""})}), 0; }));
  CHECK(fixture.server.lines() == std::vector<std::string>{"PUT " + kGroup});
}

TEST_CASE("A database that is refused for good does not stop the others") {
  Fixture fixture({kRefused, ok(""), ok(""), kRefused, ok(""), kRefused});
  const auto error = error_of([&] { return fixture.push({family("one", {"a", "b"})}), 0; });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::conflict);
  CHECK(contains(error->what(), "PUSHGATEWAY_URL: 127.0.0.1:"));
  CHECK(contains(error->what(), " answers 400: pushed metrics are invalid"));
  const std::vector<std::string> lines = fixture.server.lines();
  REQUIRE(lines.size() == 6);
  CHECK(lines[4] == "PUT " + kGroup + "/database/b");
  CHECK(lines[5] == "PUT " + kGroup + "/database/a");
}

TEST_CASE("A database that another one was in the way of is pushed after it") {
  Fixture fixture({kRefused, ok(""), ok(""), kRefused, ok(""), ok("")});
  fixture.push({family("one", {"a", "b"})});
  CHECK(fixture.server.lines().back() == "PUT " + kGroup + "/database/a");
}

TEST_CASE("A gateway that is down is asked once, not once for each database") {
  Fixture fixture({kDown, ok("")});
  CHECK(fails_with(ErrorKind::transient, "answers 500", [&] {
    return fixture.push({family("one", {"a", "b"})}), 0;
  }));
  CHECK(fixture.server.lines().size() == 1);
}

TEST_CASE("A text file is replaced as a whole and may be read by all") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.write("pg_backup.prom", "old, and longer\n");
  folder.write("pg_backup.prom.new", "of another process");
  const mode_t before = umask(077);
  write_textfile(path, "new\n");
  umask(before);
  CHECK(folder.read("pg_backup.prom") == "new\n");
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0644);
  CHECK(folder.read("pg_backup.prom.new") == "of another process");
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
}

TEST_CASE("A text file that cannot be written leaves nothing behind") {
  const TemporaryFolder folder;
  CHECK(fails_with(ErrorKind::not_found, "/gone/x.prom: No such file or directory",
                   [&] { return write_textfile(folder.path() / "gone/x.prom", "a\n"), 0; }));
  std::filesystem::create_directories(folder.path() / "x.prom/full");
  CHECK(error_of([&] { return write_textfile(folder.path() / "x.prom", "a\n"), 0; }).has_value());
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

}  // namespace
}  // namespace pgbackup
