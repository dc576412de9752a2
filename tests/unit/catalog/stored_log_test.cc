#include "common/catalog/stored_log.h"

#include <fmt/format.h>

#include <string>

#include "tests/support/error_of.h"
#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"

namespace pgbackup {
namespace {

TEST_CASE_METHOD(WalFixture, "The logs of all servers are read, with the histories") {
  add_segment(1, 5, kDay);
  add_history(2, "1\t0/5000028\tno recovery target specified\n", kDay);
  add_segment(1, 9, kDay, "8");
  const StoredLogs all = read_stored_logs(store, "", log.log());
  REQUIRE(all.size() == 2);
  const StoredLog& stored = all.at("7");
  CHECK(stored.wal.segments.at(1).contains(segment_name(1, 5)));
  REQUIRE(stored.histories.at(2).size() == 1);
  CHECK(stored.histories.at(2)[0].parent == 1);
  CHECK(format_lsn(stored.histories.at(2)[0].at) == "0/5000028");
  CHECK(all.at("8").histories.empty());
  CHECK(read_stored_logs(store, "8", log.log()).size() == 1);
  CHECK(log.text().empty());
}

TEST_CASE_METHOD(WalFixture, "A history that cannot be read is passed over, and said to be") {
  add_history(2, "no history", kDay);
  add_history(3, std::string(kMaxHistoryBytes + 1, '#'), kDay);
  add_history(4, "1\t0/5000028\tx\n", kDay);
  const std::string denied = add_history(5, "1\t0/5000028\tx\n", kDay);
  seen.before = [&](std::string_view call, std::string_view key) {
    if (call == "open" && key == denied) throw Error(ErrorKind::denied, "403");
  };
  const StoredLogs all = read_stored_logs(seen, "", log.log());
  CHECK(all.at("7").wal.histories.size() == 4);
  REQUIRE(all.at("7").histories.size() == 1);
  CHECK(all.at("7").histories.contains(4));
  for (const int timeline : {2, 3, 5}) {
    CHECK(contains(log.text(), fmt::format("is passed over timeline={} object=", timeline)));
  }
}

TEST_CASE_METHOD(WalFixture, "A stop, or a store that does not answer, ends the reading") {
  add_history(2, "1\t0/5000028\tx\n", kDay);
  for (const ErrorKind kind : {ErrorKind::canceled, ErrorKind::transient}) {
    seen.before = [&](std::string_view call, std::string_view) {
      if (call == "open") throw Error(kind, "it ended");
    };
    CHECK(fails_with(kind, "it ended", [&] { return read_stored_logs(seen, "", log.log()); }));
  }
}

TEST_CASE_METHOD(WalFixture, "Only the histories of the newest timelines are read") {
  for (Timeline i = 2; i < 2 + 2 * kMostHistories; ++i) {
    add_history(i, fmt::format("{}\t0/5000028\tx\n", i - 1), kDay);
  }
  size_t opened = 0;
  seen.before = [&](std::string_view call, std::string_view) { opened += call == "open" ? 1 : 0; };
  const StoredLogs all = read_stored_logs(seen, "", log.log());
  CHECK(opened == kMostHistories);
  CHECK(all.at("7").histories.size() == kMostHistories);
  CHECK(all.at("7").histories.contains(1 + 2 * kMostHistories));
  CHECK_FALSE(all.at("7").histories.contains(2));
}

}  // namespace
}  // namespace pgbackup
