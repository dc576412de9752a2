#include "backup/postgres/replication_stream.h"

#include "tests/support/error_of.h"
#include "tests/support/scripted_postgres.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using wire::complete;
using wire::copy_both;
using wire::copy_data;
using wire::copy_done;
using wire::error;
using wire::number;
using wire::ready;
using wire::rows;

std::string wal(uint64_t start, std::string_view bytes) {
  return copy_data("w" + number(start) + number(start + bytes.size()) + number(0) +
                   std::string(bytes));
}

std::string keepalive(uint64_t end, bool is_reply_wanted) {
  return copy_data("k" + number(end) + number(0) + static_cast<char>(is_reply_wanted));
}

const StreamStart kStart{.slot = "s", .timeline = 1, .position = {0x4000000}};

PgLink::Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

/// A connection to a server that answers as the test says, and a stream over it.
struct Fixture {
  explicit Fixture(std::vector<std::string> replies,
                   std::chrono::milliseconds answer = std::chrono::seconds(20))
      : server("15.18", std::move(replies)),
        connection(server.config(), stop.get_token(), {.answer = answer}),
        stream(connection, kStart) {}

  std::stop_source stop;
  ScriptedPostgres server;
  ReplicationConnection connection;
  ReplicationStream stream;
};

TEST_CASE("A stream gives WAL and keepalives as they come, and nothing while nothing comes") {
  Fixture f({copy_both() + wal(0x4000000, "abc") + keepalive(0x4000003, true)});
  const auto first = f.stream.receive(soon());
  REQUIRE(first);
  CHECK(std::get<WalBytes>(*first).bytes == "abc");
  const auto second = f.stream.receive(soon());
  REQUIRE(second);
  CHECK(std::get<Keepalive>(*second).reply_wanted);
  CHECK_FALSE(f.stream.receive(std::chrono::steady_clock::now()));
  f.server.end();
  CHECK(f.server.commands ==
        std::vector<std::string>{"START_REPLICATION SLOT \"s\" PHYSICAL 0/4000000 TIMELINE 1"});
}

TEST_CASE("A status reaches the server") {
  const std::string identity = rows({{"1", "1", "0/4000028"}}) + ready();
  Fixture f({copy_both(), copy_done() + complete() + ready()});
  const StreamStatus status{
      .written = {5}, .flushed = {4}, .applied = {}, .reply_wanted = false, .now = {}};
  f.stream.send_status(status);
  f.stream.stop();
  f.server.end();
  CHECK(f.server.copied == std::vector<std::string>{format_status(status)});
}

TEST_CASE("A timeline ends with its successor, and the connection serves the next one") {
  Fixture f({copy_both() + wal(0x4000000, "abc") + copy_done(),
             rows({{"2", "0/4000003"}}) + complete() + ready(),
             copy_both() + wal(0x4000000, "xyz")});
  REQUIRE(f.stream.receive(soon()));
  const auto message = f.stream.receive(soon());
  REQUIRE(message);
  const auto end = std::get<TimelineEnd>(*message);
  CHECK(end.next == 2);
  CHECK(end.at == Lsn{0x4000003});
  ReplicationStream next(f.connection, {.slot = "s", .timeline = 2, .position = {0x4000000}});
  const auto follows = next.receive(soon());
  REQUIRE(follows);
  CHECK(std::get<WalBytes>(*follows).bytes == "xyz");
}

TEST_CASE("At the very end of a timeline the server begins no stream") {
  Fixture f({rows({{"2", "0/4000000"}}) + complete() + ready(), rows({{"16MB"}}) + ready()});
  const auto message = f.stream.receive(soon());
  REQUIRE(message);
  CHECK(std::get<TimelineEnd>(*message).next == 2);
  CHECK(f.connection.show("wal_segment_size") == "16MB");
}

TEST_CASE("WAL that is gone is told only within the stream, and the connection stays usable") {
  Fixture f(
      {copy_both() + error("58P01", "requested WAL segment has already been removed") + ready(),
       rows({{"16MB"}}) + ready()});
  CHECK_THROWS_AS(f.stream.receive(soon()), WalRemoved);
  CHECK(f.connection.show("wal_segment_size") == "16MB");
}

TEST_CASE("A lost slot and a logical one have the same code: only the first is lost") {
  const std::string words = "Zugriff auf den Slot nicht mehr möglich";
  CHECK_THROWS_AS(Fixture({error("55000", words, "ReplicationSlotAcquire") + ready()}), SlotLost);
  const auto logical = [&] {
    return Fixture({error("55000", words, "StartReplication") + ready()}).stop;
  };
  CHECK(fails_with(ErrorKind::failed, words, logical));
  try {
    logical();
  } catch (const SlotLost&) {
    FAIL("a logical slot is not lost");
  } catch (const Error&) {
  }
}

TEST_CASE("What is wrong with a start has the kind that tells whether to try again") {
  struct Case {
    const char* sqlstate;
    ErrorKind kind;
  };
  for (const Case& c : std::vector<Case>{{"42704", ErrorKind::not_found},
                                         {"55006", ErrorKind::transient},
                                         {"42501", ErrorKind::denied},
                                         {"57P03", ErrorKind::transient},
                                         {"XX000", ErrorKind::failed}}) {
    CAPTURE(c.sqlstate);
    CHECK(fails_with(c.kind, "words",
                     [&] { return Fixture({error(c.sqlstate, "words") + ready()}).stop; }));
    Fixture later({copy_both() + error(c.sqlstate, "words") + ready()});
    CHECK(fails_with(c.kind, "words", [&] { return later.stream.receive(soon()); }));
  }
}

TEST_CASE("A server that stops ends the stream for now") {
  Fixture f({copy_both() + complete()});
  CHECK(fails_with(ErrorKind::transient, "it stops", [&] { return f.stream.receive(soon()); }));
}

TEST_CASE("A server that owes an answer is waited for no longer than the limit") {
  Fixture f({copy_both()}, std::chrono::milliseconds(30));
  CHECK_FALSE(f.stream.receive(std::chrono::steady_clock::now() + std::chrono::milliseconds(40)));
  f.stream.send_status({.reply_wanted = true});
  CHECK(fails_with(ErrorKind::transient, "the stream of WAL is silent",
                   [&] { return f.stream.receive(soon()); }));
}

TEST_CASE("A stop request ends the wait for WAL") {
  Fixture f({copy_both()});
  const std::jthread stopper([&] { f.stop.request_stop(); });
  CHECK(fails_with(ErrorKind::canceled, "", [&] { return f.stream.receive(kNoDeadline); }));
}

TEST_CASE("What is under way when a stream is stopped is dropped") {
  Fixture f({copy_both() + wal(0x4000000, "abc"),
             wal(0x4000003, "def") + copy_done() + complete() + complete() + ready(),
             rows({{"16MB"}}) + ready()});
  f.stream.stop();
  CHECK(f.connection.show("wal_segment_size") == "16MB");
}

TEST_CASE("What is no message of a stream is refused") {
  Fixture f({copy_both() + copy_data("x")});
  CHECK(fails_with(ErrorKind::corrupt, "not of the replication protocol",
                   [&] { return f.stream.receive(soon()); }));
}

}  // namespace
}  // namespace pgbackup
