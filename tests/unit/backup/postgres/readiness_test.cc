#include "backup/postgres/readiness.h"

#include <string>
#include <vector>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

AccessGaps gaps_of(int version) {
  return {.server_version = version, .role = "\"bk\"", .database = "\"app\""};
}

TEST_CASE("A role that can read everything is no concern") {
  CHECK(judge_access(gaps_of(150018)).empty());
}

TEST_CASE("Each gap is told with the statements that close it") {
  AccessGaps gaps = gaps_of(150018);
  gaps.schemas = {.count = 1, .first = {"hr"}};
  gaps.tables = {.count = 5, .first = {"public.a", "public.b", "public.c"}};
  gaps.filtered = {.count = 1, .first = {"public.d"}};
  gaps.large_objects = 2;
  const std::vector<Concern> concerns = judge_access(gaps);
  REQUIRE(concerns.size() == 3);
  CHECK(concerns[0].sentence ==
        "the role \"bk\" cannot enter 1 schema (hr), nor read 5 of the tables and sequences "
        "(public.a, public.b, public.c and 2 more)");
  CHECK(concerns[0].advice == "GRANT pg_read_all_data TO \"bk\";");
  CHECK(concerns[1].sentence ==
        "row-level security hides rows of 1 table from the role \"bk\" (public.d)");
  CHECK(concerns[1].advice == "ALTER ROLE \"bk\" BYPASSRLS;");
  CHECK(concerns[2].sentence == "the role \"bk\" cannot read 2 large objects");
  CHECK(concerns[2].advice ==
        "ALTER ROLE \"bk\" IN DATABASE \"app\" SET lo_compat_privileges = on;");
  for (const Concern& concern : concerns) CHECK(concern.is_fatal);
}

TEST_CASE("Before pg_read_all_data existed each schema has its statements") {
  AccessGaps gaps = gaps_of(130020);
  gaps.tables = {.count = 1, .first = {"public.a"}};
  gaps.schemas_of_tables = {"public", "\"H R\""};
  CHECK(judge_access(gaps).at(0).advice ==
        "GRANT USAGE ON SCHEMA public TO \"bk\";\n"
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO \"bk\";\n"
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO \"bk\";\n"
        "GRANT USAGE ON SCHEMA \"H R\" TO \"bk\";\n"
        "GRANT SELECT ON ALL TABLES IN SCHEMA \"H R\" TO \"bk\";\n"
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA \"H R\" TO \"bk\";");
}

ReplicationSettings good_settings() {
  return {.wal_level = "replica",
          .max_wal_senders = "10",
          .max_replication_slots = "10",
          .max_slot_wal_keep_size = "10GB"};
}

TEST_CASE("Settings of the server that suffice for replication are no concern") {
  CHECK(judge_replication(good_settings(), 2).empty());
  ReplicationSettings settings = good_settings();
  settings.wal_level = "logical";
  settings.max_wal_senders = "3";
  settings.max_replication_slots = "2";
  CHECK(judge_replication(settings, 2).empty());
}

TEST_CASE("Each setting that keeps replication from working is told") {
  struct Row {
    std::string ReplicationSettings::*member;
    std::string value;
    std::string sentence;
    bool is_fatal = true;
  };
  const std::vector<Row> rows = {
      {&ReplicationSettings::wal_level, "minimal",
       "wal_level is minimal, from which no base backup can be taken"},
      {&ReplicationSettings::max_wal_senders, "1", "max_wal_senders is 1, and 2 are needed"},
      {&ReplicationSettings::max_wal_senders, "0", "max_wal_senders is 0, and 2 are needed"},
      {&ReplicationSettings::max_replication_slots, "0",
       "max_replication_slots is 0, and 1 is needed"},
      {&ReplicationSettings::max_slot_wal_keep_size, "-1",
       "max_slot_wal_keep_size is -1: while WAL cannot be stored, it fills the disk of the server",
       false}};
  for (const Row& row : rows) {
    CAPTURE(row.sentence);
    ReplicationSettings settings = good_settings();
    settings.*row.member = row.value;
    const std::vector<Concern> concerns = judge_replication(settings, 1);
    REQUIRE(concerns.size() == 1);
    CHECK(concerns[0].sentence == row.sentence);
    CHECK(concerns[0].is_fatal == row.is_fatal);
    CHECK_FALSE(concerns[0].advice.empty());
  }
}

TEST_CASE("Without streaming neither slots nor what they keep matter") {
  ReplicationSettings settings = good_settings();
  settings.max_wal_senders = "1";
  settings.max_replication_slots = "0";
  settings.max_slot_wal_keep_size = "-1";
  CHECK(judge_replication(settings, 0).empty());
}

TEST_CASE("A slot that has lost WAL is told") {
  ReplicationSettings settings = good_settings();
  settings.has_slot = true;
  settings.has_lost_wal = true;
  CHECK(judge_replication(settings, 1).at(0).sentence ==
        "the replication slot has lost WAL that was not stored yet");
}

}  // namespace
}  // namespace pgbackup
