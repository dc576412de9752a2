#include "backup/postgres/hosts.h"

#include <fmt/format.h>

#include <stop_token>

#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

/// `host/address/port ...`
std::string text_of(const std::vector<PgPlace>& places) {
  std::string text;
  for (const PgPlace& place : places) {
    text +=
        fmt::format("{}{}/{}/{}", text.empty() ? "" : " ", place.host, place.address, place.port);
  }
  return text;
}

std::string places_of(const PgSettings& settings) { return text_of(list_places(settings)); }

TEST_CASE("Each host of a list is a place, with its address and port") {
  CHECK(places_of({{"host", "db"}, {"port", "1"}}) == "db//1");
  CHECK(places_of({{"host", "a,b"}, {"port", "1"}}) == "a//1 b//1");
  CHECK(places_of({{"host", "a,b"}, {"port", "1,2"}}) == "a//1 b//2");
  CHECK(places_of({{"host", "a,/run"}, {"hostaddr", "10.0.0.1,"}, {"port", "1"}}) ==
        "a/10.0.0.1/1 /run//1");
  CHECK(places_of({{"hostaddr", "10.0.0.1,10.0.0.2"}, {"port", "1"}}) == "/10.0.0.1/1 /10.0.0.2/1");
  CHECK(places_of({{"host", "a"}, {"port", "1"}, {"host", "b"}}) == "b//1");
  CHECK(places_of({{"host", "a"}, {"host", ""}, {"port", "1"}}) == "a//1");
}

TEST_CASE("What libpq has to find out or to complain of is left to it") {
  CHECK(places_of({{"port", "1"}}).empty());
  CHECK(places_of({{"host", "a,b"}, {"port", "1,2,3"}}).empty());
  CHECK(places_of({{"host", "a,b"}, {"hostaddr", "10.0.0.1"}, {"port", "1"}}).empty());
  CHECK(places_of({{"service", "x"}, {"host", "a"}, {"port", "1"}}).empty());
}

TEST_CASE("libpq's own lists name the places again") {
  CHECK(with_places({{"user", "u"}}, {}) == PgSettings{{"user", "u"}});
  CHECK(with_places({{"host", "x"}}, {{"a", "10.0.0.1", "1"}, {"/run", "", "2"}}) ==
        PgSettings{{"host", "x"}, {"host", "a,/run"}, {"hostaddr", "10.0.0.1,"}, {"port", "1,2"}});
  CHECK(with_places({}, {{"/run", "", "1"}}) == PgSettings{{"host", "/run"}, {"port", "1"}});
}

TEST_CASE("One place has more time than each of several") {
  CHECK(place_limit(0) == std::chrono::seconds(30));
  CHECK(place_limit(1) == std::chrono::seconds(30));
  CHECK(place_limit(2) == std::chrono::seconds(10));
}

TEST_CASE("Names become addresses; sockets and addresses stay; a name without one is left out") {
  const StopFd stop{std::stop_token()};
  CHECK(look_up({}, stop).empty());
  CHECK(text_of(look_up({{"/run", "", "1"},
                         {"127.0.0.1", "", "2"},
                         {"::1", "", "3"},
                         {"db", "10.0.0.1", "4"},
                         {"nowhere.invalid", "", "5"}},
                        stop)) == "/run//1 127.0.0.1/127.0.0.1/2 ::1/::1/3 db/10.0.0.1/4");
  const std::string local = text_of(look_up({{"localhost", "", "5432"}}, stop));
  CHECK(local.find("localhost/127.0.0.1/5432") != std::string::npos);
  const auto error = error_of([&] { return look_up({{"nowhere.invalid", "", "1"}}, stop); });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::transient);
  CHECK(error->message().starts_with(
      "cannot connect to PostgreSQL: could not translate host name \"nowhere.invalid\" to "));
  CHECK(error->hint() == "check DB_HOST");
}

}  // namespace
}  // namespace pgbackup
