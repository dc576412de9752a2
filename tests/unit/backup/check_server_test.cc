#include "backup/check_server.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("Client programs are judged by their release and the server's") {
  const Finding same = judge_client("pg_dump", "/b/pg_dump", 150018, 150018);
  CHECK(same.level == FindingLevel::ok);
  CHECK(same.sentence == "15.18 (/b/pg_dump)");
  CHECK(same.advice.empty());

  const Finding older = judge_client("pg_dump", "/b/pg_dump", 150018, 150020);
  CHECK(older.level == FindingLevel::attention);
  CHECK(
      older.sentence ==
      "backups are made by pg_dump 15.18 of a PostgreSQL 15.20 server: the client programs should "
      "be of the same release or a later one");
  CHECK(
      older.advice ==
      "install postgresql-client-15 of the server's release or a later one, or name its directory "
      "in PG_BINDIR");
  CHECK_FALSE(older.is_fatal);

  const Finding newer = judge_client("pg_dump", "/b/pg_dump", 170012, 150020);
  CHECK(newer.level == FindingLevel::attention);
  CHECK(newer.sentence.starts_with("backups are made by pg_dump 17.12 of a PostgreSQL 15.20"));
}

}  // namespace
}  // namespace pgbackup
