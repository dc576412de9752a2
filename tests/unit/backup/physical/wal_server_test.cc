#include "backup/physical/wal_server.h"

#include "tests/support/scripted_postgres.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using namespace std::string_literals;
using wire::copy_both;
using wire::copy_data;
using wire::number;
using wire::ready;
using wire::rows;

std::optional<UtcTime> ask(const std::string& answer) {
  const std::string identity = rows({{"7", "1", "0/5000200", std::nullopt}}) + ready();
  ScriptedPostgres server("15.18", {identity, answer});
  const std::stop_source stop;
  ReplicationConnection connection(server.config(), stop.get_token());
  return ask_time(connection);
}

std::string keepalive(int64_t microseconds) {
  return "k" + number(0x5000200) + number(static_cast<uint64_t>(microseconds)) + "\0"s;
}

TEST_CASE("A server tells its time in a stream of WAL") {
  const std::string end = wire::error("57P01", "the server stops") + ready();
  for (const int64_t second : {int64_t{0}, int64_t{846'000'000}, int64_t{-1}}) {
    CAPTURE(second);
    const UtcTime start = std::chrono::sys_days(std::chrono::year(2000) / 1 / 1);
    const std::string wal =
        copy_data("w" + number(0x5000200) + number(0x5000204) + number(0) + "1234");
    CHECK(ask(copy_both() + wal + copy_data(keepalive(second * 1'000'000 + 999'999)) + end) ==
          start + std::chrono::seconds(second));
  }
}

TEST_CASE("A server that does not tell its time is no failure") {
  CHECK_FALSE(ask(wire::error("42501", "permission denied") + ready()));
  CHECK_FALSE(ask(copy_both() + wire::error("57P01", "the server stops") + ready()));
  CHECK_FALSE(ask(copy_both() + copy_data("what?")));
}

}  // namespace
}  // namespace pgbackup
