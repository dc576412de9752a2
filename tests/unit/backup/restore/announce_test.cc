#include "backup/restore/announce.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("A restore says what, of when, into what and where, before it touches anything") {
  Backup backup;
  backup.group = Group::database("app");
  backup.time = *parse_iso("2026-11-20T03:15:00Z");
  const UtcTime now = *parse_iso("2026-11-20T06:15:00Z");
  RestoreRequest request;
  request.target_database = "copy";
  const std::string server = "db:5432 as postgres";
  CHECK(announce(backup, request, Novelty::is_new, server, now) ==
        "app of 2026-11-20T03:15:00Z (3h old) into the new database copy on db:5432 "
        "as postgres");
  CHECK(announce(backup, request, Novelty::exists, server, now)
            .find("into the existing database "
                  "copy on") != std::string::npos);
  CHECK(announce(backup, request, Novelty::is_replaced, server, now).find("in place of copy on") !=
        std::string::npos);
  request.part.tables = "orders";
  CHECK(announce(backup, request, Novelty::exists, server, now).find("old), of it --table, into") !=
        std::string::npos);
}

}  // namespace
}  // namespace pgbackup
