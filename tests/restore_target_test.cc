#include "backup/restore_target.h"

#include "tests/test.h"

namespace pgbackup {
namespace {

TEST_CASE("PGOPTIONS, which poolers refuse, is used only where a session needs it") {
  CHECK_FALSE(restore_environment({}, "a", "").contains("PGOPTIONS"));
  CHECK(restore_environment({{"PGOPTIONS", "-c x=y"}}, "a", "").at("PGOPTIONS") == "-c x=y");
  CHECK(restore_environment({}, "a", "-c array_nulls=on").at("PGOPTIONS") == "-c array_nulls=on");
  CHECK(restore_environment({{"PGOPTIONS", "-c x=y"}}, "a", "-c array_nulls=on").at("PGOPTIONS") ==
        "-c x=y -c array_nulls=on");
}

TEST_CASE("The session of a restore has a name, and messages that we know") {
  const Environment environment =
      restore_environment({{"LC_ALL", "de_DE.UTF-8"}, {"PGAPPNAME", "x"}}, "restore 1", "");
  CHECK(environment.at("PGAPPNAME") == "restore 1");
  CHECK(environment.at("LC_ALL") == "C");
}

}  // namespace
}  // namespace pgbackup
