#include "backup/postgres/replication.h"

#include "tests/support/error_of.h"
#include "tests/support/scripted_postgres.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using wire::error;
using wire::ready;
using wire::rows;

using Replies = std::vector<std::string>;

TEST_CASE("A replication connection belongs to no database, whatever the settings name") {
  ScriptedPostgres server("15.18", {rows({{"16MB"}}) + ready()});
  {
    ReplicationConnection connection(server.config().with_database("app"), {});
    CHECK(connection.server_version() == 150018);
    CHECK(connection.show("wal_segment_size") == "16MB");
  }
  server.end();
  using namespace std::string_literals;
  CHECK(server.startup.find("replication\0true\0"s) != std::string::npos);
  CHECK(server.startup.find("\0app\0"s) == std::string::npos);
  CHECK(server.commands == Replies{"SHOW wal_segment_size"});
}

TEST_CASE("A server before version 13 is refused") {
  ScriptedPostgres server("12.22", {});
  CHECK(fails_with(ErrorKind::failed, "need PostgreSQL 13 or later",
                   [&] { return ReplicationConnection(server.config(), {}).server_version(); }));
}

TEST_CASE("A server tells its identity, with positions as any version prints them") {
  for (const auto* position : {"0/4000028", "0/04000028"}) {
    ScriptedPostgres server(
        "19", {rows({{"7380000000000000001", "2", position, std::nullopt}}) + ready()});
    const SystemIdentity identity = ReplicationConnection(server.config(), {}).identify_system();
    CHECK(identity.system_id == "7380000000000000001");
    CHECK(identity.timeline == 2);
    CHECK(identity.position == Lsn{0x4000028});
  }
}

TEST_CASE("An identity that is not one is refused") {
  const std::vector<std::vector<wire::Row>> bad = {
      {},
      {{"7380000000000000001"}},
      {{"7380000000000000001", "2"}},
      {{"../x", "2", "0/4000028"}},
      {{"", "2", "0/4000028"}},
      {{std::nullopt, "2", "0/4000028"}},
      {{"7380000000000000001", "0", "0/4000028"}},
      {{"7380000000000000001", "-1", "0/4000028"}},
      {{"7380000000000000001", "4294967296", "0/4000028"}},
      {{"7380000000000000001", "2", "4000028"}},
      {{"7380000000000000001", "2", std::nullopt}}};
  for (size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    ScriptedPostgres server("17.12", {rows(bad[i]) + ready()});
    CHECK(fails_with(ErrorKind::corrupt, "not of the replication protocol",
                     [&] { return ReplicationConnection(server.config(), {}).identify_system(); }));
  }
}

TEST_CASE("A command's error leaves the connection usable") {
  ScriptedPostgres server(
      "15.18", {error("42710", "replication slot \"s\" already exists") + ready(),
                error("58P01", "could not open file \"pg_wal/00000001.history\"") + ready(),
                rows({{"00000002.history", "1\t0/4000028\treason\n"}}) + ready()});
  ReplicationConnection connection(server.config(), {});
  CHECK(fails_with(ErrorKind::conflict, "already exists", [&] {
    connection.create_slot("s", SlotLife::permanent);
    return 0;
  }));
  CHECK(fails_with(ErrorKind::not_found, "could not open file",
                   [&] { return connection.timeline_history(1); }));
  CHECK(connection.timeline_history(2) == "1\t0/4000028\treason\n");
}

TEST_CASE("A stream in place of an answer is refused") {
  ScriptedPostgres server("15.18", {wire::copy_out()});
  CHECK(fails_with(ErrorKind::corrupt, "a stream that is not of the replication protocol",
                   [&] { return ReplicationConnection(server.config(), {}).identify_system(); }));
}

TEST_CASE("Why the server ends the connection is told, not only that it is gone") {
  ScriptedPostgres server("15.18", {error("57P01", "terminating connection"), ""});
  ReplicationConnection connection(server.config(), {}, {.answer = std::chrono::milliseconds(30)});
  CHECK(fails_with(ErrorKind::transient, "terminating connection",
                   [&] { return connection.identify_system(); }));
  CHECK(fails_with(ErrorKind::transient, "", [&] { return connection.identify_system(); }));
}

TEST_CASE("A slot keeps WAL, keeps none, or does not exist") {
  ScriptedPostgres server("15.18", {rows({{"physical", "0/4000028", "1"}}) + ready(),
                                    rows({{"physical", std::nullopt, std::nullopt}}) + ready(),
                                    rows({{std::nullopt, std::nullopt, std::nullopt}}) + ready()});
  ReplicationConnection connection(server.config(), {});
  const auto kept = connection.read_slot("s");
  REQUIRE(kept);
  CHECK(kept->exists);
  CHECK(kept->restart == Lsn{0x4000028});
  const auto empty = connection.read_slot("s");
  REQUIRE(empty);
  CHECK(empty->exists);
  CHECK_FALSE(empty->restart);
  CHECK_FALSE(connection.read_slot("s").value().exists);
}

TEST_CASE("A server before version 15 is not asked about a slot") {
  ScriptedPostgres server("14.12", {});
  {
    ReplicationConnection connection(server.config(), {});
    CHECK_FALSE(connection.read_slot("s"));
  }
  server.end();
  CHECK(server.commands.empty());
}

TEST_CASE("A logical slot is never dropped") {
  ScriptedPostgres server(
      "15.18", {error("0A000", "cannot use READ_REPLICATION_SLOT with a logical slot") + ready()});
  {
    ReplicationConnection connection(server.config(), {});
    CHECK(fails_with(ErrorKind::conflict, "choose another name", [&] {
      connection.drop_slot("s");
      return 0;
    }));
  }
  server.end();
  CHECK(server.commands == Replies{"READ_REPLICATION_SLOT \"s\""});
}

TEST_CASE("A slot in use may be free later") {
  ScriptedPostgres server("14.12", {error("55006", "slot \"s\" is active for PID 7") + ready()});
  ReplicationConnection connection(server.config(), {});
  CHECK(fails_with(ErrorKind::transient, "does another pg-backup stream", [&] {
    connection.drop_slot("s");
    return 0;
  }));
}

TEST_CASE("A server that does not answer is waited for no longer than the limit, or until a stop") {
  ScriptedPostgres server("15.18", {});
  const ReplicationLimits limits{.answer = std::chrono::milliseconds(30)};
  CHECK(fails_with(ErrorKind::transient, "IDENTIFY_SYSTEM took too long", [&] {
    return ReplicationConnection(server.config(), {}, limits).identify_system();
  }));
  ScriptedPostgres silent("15.18", {});
  std::stop_source stop;
  ReplicationConnection connection(silent.config(), stop.get_token());
  stop.request_stop();
  CHECK(fails_with(ErrorKind::canceled, "", [&] { return connection.identify_system(); }));
}

}  // namespace
}  // namespace pgbackup
