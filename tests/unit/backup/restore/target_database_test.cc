#include "backup/restore/target_database.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Settings = PgSettings;

Settings further_of(Settings further, const Environment& environment, const std::string& options) {
  PgConfig target;
  target.further = std::move(further);
  return session_config(std::move(target), environment, "restore 1", options).further;
}

TEST_CASE("Options, which poolers refuse, are used only where a session needs them") {
  CHECK(further_of({}, {}, "") == Settings{{"application_name", "restore 1"}});
  CHECK(further_of({}, {{"PGOPTIONS", "-c x=y"}}, "") ==
        Settings{{"application_name", "restore 1"}});
  CHECK(further_of({}, {}, "-c array_nulls=on").back() ==
        std::pair<std::string, std::string>("options", "-c array_nulls=on"));
  CHECK(further_of({}, {{"PGOPTIONS", "-c x=y"}}, "-c array_nulls=on").back().second ==
        "-c x=y -c array_nulls=on");
}

TEST_CASE("What a URL says of a session is joined or overruled, as libpq takes the last") {
  const Settings further = further_of({{"application_name", "web"}, {"options", "-c a=b"}},
                                      {{"PGOPTIONS", "-c x=y"}}, "-c array_nulls=on");
  REQUIRE(further.size() == 4);
  CHECK(further[2].second == "restore 1");
  CHECK(further[3].second == "-c a=b -c array_nulls=on");
}

TEST_CASE("The clients of a restore speak a language that we know") {
  CHECK(restore_environment({{"LC_ALL", "de_DE.UTF-8"}}).at("LC_ALL") == "C");
}

}  // namespace
}  // namespace pgbackup
