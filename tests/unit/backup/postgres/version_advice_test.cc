#include "backup/postgres/version_advice.h"

#include <algorithm>

#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

bool says(const std::vector<std::string>& advice, std::string_view text) {
  return std::any_of(advice.begin(), advice.end(), [&](const std::string& sentence) {
    return sentence.find(text) != std::string::npos;
  });
}

TEST_CASE("psql is restricted from the releases of August 2025 on") {
  for (const int version : {130022, 140019, 150014, 150018, 160010, 170006, 180000, 190000}) {
    CAPTURE(version);
    CHECK(knows_restrict(version));
    CHECK_NOTHROW(require_restricted_psql(version));
  }
  for (const int version : {0, 90624, 120022, 130021, 140018, 150013, 160009, 170005}) {
    CAPTURE(version);
    CHECK_FALSE(knows_restrict(version));
    CHECK_THROWS_AS(require_restricted_psql(version), Error);
  }
}

TEST_CASE("A psql that cannot be restricted is refused with the version that is needed") {
  const auto error = error_of([] {
    require_restricted_psql(150013);
    return 0;
  });
  REQUIRE(error);
  CHECK(error->message().starts_with("psql 15.13 does not know \\restrict"));
  CHECK(error->hint() == "install psql 15.14 or later, or name its directory in PG_BINDIR");
  const auto old = error_of([] {
    require_restricted_psql(120022);
    return 0;
  });
  REQUIRE(old);
  CHECK(old->hint().find("13.22") != std::string::npos);
}

TEST_CASE("A client as old as its server or newer within the major is fine") {
  CHECK(backup_advice("pg_dump", 150020, 150020).empty());
  CHECK(backup_advice("pg_dump", 150020, 150018).empty());
  CHECK(backup_advice("pg_dumpall", 150018, 150018).empty());
  CHECK(backup_advice("pg_dumpall", 170010, 170010).empty());
  CHECK(backup_advice("pg_dumpall", 180000, 180000).empty());
}

TEST_CASE("A client older than its server, of a newer major, or with a known fault is told") {
  CHECK(says(backup_advice("pg_dump", 150018, 150020),
             "made by pg_dump 15.18 of a PostgreSQL 15.20 server: the client programs should"));
  CHECK(says(backup_advice("pg_dump", 170012, 150020),
             "made by pg_dump 17.12 of a PostgreSQL 15.20 server: pg-backup restores it there"));
  CHECK(says(backup_advice("pg_dump", 160016, 150020), "only pg_restore 16 or later reads it"));
  CHECK(says(backup_advice("pg_dumpall", 170009, 170009), "17.10 does not"));
  CHECK(says(backup_advice("pg_dumpall", 160013, 150000), "16.14 does not"));
  CHECK(backup_advice("pg_dumpall", 160013, 150000).size() == 2);
  CHECK_FALSE(says(backup_advice("pg_dump", 170009, 170009), "memberships"));
}

TEST_CASE("A restore says what the versions mean before it starts") {
  CHECK(restore_advice({.client = 150020, .dumped = 150020, .target = 150020}).empty());
  CHECK(restore_advice({.client = 170012, .dumped = 150020, .target = 170012, .is_sql = true})
            .empty());
  CHECK(says(restore_advice({.client = 170012, .dumped = 170012, .target = 150020}),
             "of PostgreSQL 17.12 and the target is PostgreSQL 15.20"));
  CHECK(says(restore_advice({.client = 150018, .dumped = 150020, .target = 150020, .is_sql = true}),
             "update psql to 15.19"));
  CHECK(restore_advice({.client = 150018, .dumped = 150020, .target = 150020}).empty());
  const RestoreVersions old = {
      .client = 150020, .dumped = 150018, .target = 150020, .is_superuser = true};
  CHECK(says(restore_advice(old), "CVE-2026-15741"));
  RestoreVersions plain = old;
  plain.is_superuser = false;
  CHECK(restore_advice(plain).empty());
  CHECK(restore_advice({.client = 150020, .dumped = 0, .target = 150020, .is_superuser = true})
            .empty());
}

TEST_CASE("After a failure an older target is named, and only then") {
  CHECK(older_target_hint({.dumped = 170012, .target = 150020}) ==
        "the backup is of PostgreSQL 17.12 and the target is PostgreSQL 15.20, an older major "
        "version: restore into PostgreSQL 17 or later");
  CHECK(older_target_hint({.dumped = 150020, .target = 150018}).empty());
  CHECK(older_target_hint({.dumped = 150020, .target = 170012}).empty());
  CHECK(older_target_hint({.dumped = 0, .target = 150018}).empty());
}

TEST_CASE("Exactly the settings that a server does not know are left out") {
  CHECK(unknown_settings(170000).empty());
  CHECK(unknown_settings(190000).empty());
  CHECK(unknown_settings(0).empty());
  CHECK(unknown_settings(160014) == std::vector<std::string_view>{"transaction_timeout"});
  CHECK(unknown_settings(90524).size() == 2);
  CHECK(sets_unknown(170012, 160016));
  CHECK(sets_unknown(190000, 150020));
  CHECK_FALSE(sets_unknown(160016, 150020));
  CHECK_FALSE(sets_unknown(180006, 170012));
  CHECK_FALSE(sets_unknown(180006, 0));
}

TEST_CASE("A dump with the hidden option says where it restores and what helps") {
  CHECK(hidden_option_advice(150018).find("15.20 or later") != std::string::npos);
  CHECK(hidden_option_advice(170010).find("to 17.12") != std::string::npos);
}

}  // namespace
}  // namespace pgbackup
