#include "backup/restore_target.h"

#include "tests/test.h"

namespace pgbackup {
namespace {

TEST_CASE("PGOPTIONS, which poolers refuse, is used only where a session begins read-only") {
  CHECK_FALSE(restore_environment({}, "a", false).contains("PGOPTIONS"));
  CHECK(restore_environment({{"PGOPTIONS", "-c x=y"}}, "a", false).at("PGOPTIONS") == "-c x=y");
  CHECK(restore_environment({}, "a", true).at("PGOPTIONS") ==
        "-c default_transaction_read_only=off");
  CHECK(restore_environment({{"PGOPTIONS", "-c x=y"}}, "a", true).at("PGOPTIONS") ==
        "-c x=y -c default_transaction_read_only=off");
}

TEST_CASE("The session of a restore has a name, and messages that we know") {
  const Environment environment =
      restore_environment({{"LC_ALL", "de_DE.UTF-8"}, {"PGAPPNAME", "x"}}, "restore 1", false);
  CHECK(environment.at("PGAPPNAME") == "restore 1");
  CHECK(environment.at("LC_ALL") == "C");
}

}  // namespace
}  // namespace pgbackup
