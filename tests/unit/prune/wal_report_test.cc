#include "prune/wal_report.h"

#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;

/// A log with gaps, and a base backup before and one behind them.
class WalReportFixture : public WalFixture {
 public:
  WalReportFixture() {
    add_segments(1, 1, 100, days(1));
    for (const uint64_t missing : {50, 51, 60}) {
      store.objects.erase(wal_key("7", segment_name(1, missing), {}));
    }
    add_base(hours(24 + 90), 10);
    add_base(hours(24 + 20), 80);
    rules.retention.keep_last = 3;
  }
};

TEST_CASE_METHOD(WalReportFixture, "The table says what goes and which moments can be restored") {
  dry_run = true;
  run();
  CHECK(out.says(
      "\nwrite-ahead log of the server 7\n"
      "  keep    88 objects (264 B)\n"
      "  delete  9 objects (27 B)\n"
      "  every moment from 2026-11-15T18:10:00Z to 2026-11-17T09:00:00Z can be restored\n"
      "    from 20261115T180000Z-00000000 on, 0/A000128 to 0/32000000 on timeline 1\n"
      "  no moment between 2026-11-17T09:00:00Z and 2026-11-18T16:10:00Z can be restored: the log "
      "lacks 0/32000000 to 0/34000000 on timeline 1, 0/3C000000 to 0/3D000000 on timeline 1\n"
      "  every moment from 2026-11-18T16:10:00Z to 2026-11-19T12:00:00Z can be restored\n"
      "    from 20261118T160000Z-00000000 on, 0/50000128 to 0/65000000 on timeline 1\n"
      "\n"
      "keep 2 backups, delete 0 (0 B), sweep 0 orphaned objects (0 B), delete 9 objects of "
      "write-ahead logs (27 B)\n"));
}

TEST_CASE_METHOD(WalReportFixture, "JSON has one line per server, which no backup's line is like") {
  style = ReportStyle::json;
  dry_run = true;
  run();
  std::string text = out.text();
  size_t lines = 0;
  for (; !text.empty(); ++lines) {
    const size_t end = text.find('\n');
    const auto json = nlohmann::json::parse(text.substr(0, end));
    CHECK(json.contains("kind") == (lines == 2));
    CHECK(json.contains("action") == (lines != 2));
    if (lines == 2) {
      CHECK(text.substr(0, end) ==
            R"({"kind":"wal","server":"7","keep":{"objects":88,"bytes":264},)"
            R"("remove":{"objects":9,"bytes":27},"windows":[)"
            R"({"id":"20261115T180000Z-00000000","from":"2026-11-15T18:10:00Z",)"
            R"("until":"2026-11-17T09:00:00Z","begin":"0/A000128","end":"0/32000000",)"
            R"("timeline":1,"gaps":[{"timeline":1,"begin":"0/32000000","end":"0/34000000"},)"
            R"({"timeline":1,"begin":"0/3C000000","end":"0/3D000000"}],)"
            R"("next":"2026-11-18T16:10:00Z"},)"
            R"({"id":"20261118T160000Z-00000000","from":"2026-11-18T16:10:00Z",)"
            R"("until":"2026-11-19T12:00:00Z","begin":"0/50000128","end":"0/65000000",)"
            R"("timeline":1,"gaps":[]}],"stranded":[]})");
    }
    text.erase(0, end + 1);
  }
  CHECK(lines == 3);
}

TEST_CASE_METHOD(WalReportFixture, "The daemon warns of what is missing") {
  style = ReportStyle::log;
  dry_run = true;
  run();
  CHECK(out.text().empty());
  const std::string text = log.text();
  CHECK(contains(text, "info  decided: write-ahead log server=7 keep=88 delete=9"));
  CHECK(contains(text,
                 "window=\"every moment from 2026-11-15T18:10:00Z to 2026-11-17T09:00:00Z can"));
  CHECK(contains(text,
                 "warn  WAL is missing server=7 loss=\"no moment between 2026-11-17T09:00:00Z and "
                 "2026-11-18T16:10:00Z"));
}

TEST_CASE_METHOD(WalReportFixture, "A base backup that lacks its own log is said in every style") {
  add_base(hours(24 + 40), 60);
  for (uint64_t i = 1; i < 10; ++i) store.objects.erase(wal_key("7", segment_name(1, i), {}));
  for (const auto& [wanted, text] :
       {std::pair(ReportStyle::table,
                  "  20261117T200000Z-00000000 cannot be restored: 00000001000000000000003C is "
                  "missing or incomplete\n"),
        std::pair(ReportStyle::json, R"("stranded":[{"id":"20261117T200000Z-00000000",)"
                                     R"("missing":"00000001000000000000003C"}]})"),
        std::pair(ReportStyle::log, "loss=\"20261117T200000Z-00000000 cannot be restored: ")}) {
    style = wanted;
    run();
    CHECK((out.says(text) || contains(log.text(), text)));
  }
}

TEST_CASE_METHOD(WalReportFixture, "Why nothing goes is said in every style") {
  put("_cluster/20261101T000000Z-00000000/manifest.json", days(19), "{}");
  put("_cluster/20261101T000000Z-00000000/base.tar.zst", days(19), "x");
  rules.retention.keep_last = 4;
  dry_run = true;
  for (const auto& [wanted, text] :
       {std::pair(ReportStyle::table, "  nothing goes: the base backups are frozen\n"),
        std::pair(ReportStyle::json, R"("note":"the base backups are frozen"})"),
        std::pair(ReportStyle::log, "delete=0 note=\"the base backups are frozen\"")}) {
    style = wanted;
    CHECK_THROWS_AS(run(), Error);
    CHECK((out.says(text) || contains(log.text(), text)));
  }
}

TEST_CASE("A log full of holes is told in a few words, and one without an end of moments, too") {
  ServerWalPlan server{.system_identifier = "7"};
  RecoveryWindow& window = server.recovery.windows.emplace_back();
  window.until = *parse_iso("2026-11-20T12:00:00Z");
  for (uint64_t i = 0; i < 1000; ++i) window.gaps.push_back({1, position(i), position(i + 1)});
  const std::string text = format_wal_table(server);
  CHECK(contains(text,
                 "no moment after 2026-11-20T12:00:00Z can be restored: the log lacks 0/0 to "
                 "0/1000000 on timeline 1, "));
  CHECK(contains(text, ", 997 more stretches\n"));
  CHECK(contains(text, "keep    0 objects (0 B)"));
}

TEST_CASE_METHOD(WalReportFixture, "JSON says of which destination a log is") {
  const ServerWalPlan server{.system_identifier = "7"};
  CHECK(format_wal_json(server, destination_of("s3", store))
            .ends_with(R"(,"from":"s3"})"
                       "\n"));
  CHECK_FALSE(contains(format_wal_json(server, destination_of("", store)), "\"from\""));
}

}  // namespace
}  // namespace pgbackup
