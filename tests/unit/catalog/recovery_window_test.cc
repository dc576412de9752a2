#include "common/catalog/recovery_window.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

/// Base backups and a log, by hours: segment N is complete N hours after the start.
class WindowFixture {
 public:
  static constexpr UtcTime kStart{std::chrono::seconds(1795144500)};

  void segments(Timeline timeline, uint64_t first, uint64_t last) {
    for (uint64_t i = first; i <= last; ++i) {
      log.wal.segments[timeline][segment_name(timeline, i)].copies = {
          {.key = "whole", .bytes = 1, .modified = kStart + hours(i)}};
    }
  }
  void branch(Timeline timeline, Timeline parent, Lsn at) {
    log.histories[timeline] = {{parent, at}};
  }
  /// Takes one while that segment is written.
  void base(uint64_t segment, Timeline timeline = 1) {
    bases.push_back(
        {.id = fmt::format("base-{}", segment),
         .system_identifier = "7",
         .finished = kStart + hours(segment) - minutes(30),
         .facts = {
             .start = position(segment, 40), .end = position(segment, 400), .timeline = timeline}});
  }
  [[nodiscard]] Recovery recovery() const { return find_recovery(bases, log); }
  /// `base-3: 2.5 h to 9 h, 9/0 on 1, lacks 1:9/0-10/0, next 11.5 h`, segments for positions
  [[nodiscard]] std::vector<std::string> windows() const {
    std::vector<std::string> texts;
    for (const RecoveryWindow& window : recovery().windows) {
      std::string text = fmt::format("{}: {} to {}, {} on {}", window.id, hour(window.from),
                                     hour(window.until), place(window.end), window.timeline);
      for (const WalGap& gap : window.gaps) {
        text += fmt::format(", lacks {}:{}-{}", gap.timeline, place(gap.begin), place(gap.end));
      }
      if (window.next) text += fmt::format(", next {}", hour(*window.next));
      texts.push_back(text);
    }
    return texts;
  }

  StoredLog log;
  std::vector<BaseBackup> bases;

 private:
  static double hour(UtcTime time) { return static_cast<double>((time - kStart).count()) / 3600; }
  static std::string place(Lsn lsn) {
    return fmt::format("{}/{}", lsn.value / kDefaultSegmentBytes, lsn.value % kDefaultSegmentBytes);
  }
};

using Texts = std::vector<std::string>;

TEST_CASE_METHOD(WindowFixture, "A whole log is one window, from the end of the oldest backup on") {
  segments(1, 1, 9);
  base(7);
  base(3);
  base(5);
  CHECK(windows() == Texts{"base-3: 2.5 to 9, 10/0 on 1"});
  CHECK(recovery().stranded.empty());
}

TEST_CASE_METHOD(WindowFixture,
                 "Nothing is lost before the first backup, nor where there is none") {
  segments(1, 1, 2);
  segments(1, 4, 9);
  CHECK(windows().empty());
  base(5);
  CHECK(windows() == Texts{"base-5: 4.5 to 9, 10/0 on 1"});
}

TEST_CASE_METHOD(WindowFixture, "A gap ends a window, and the next backup begins another") {
  segments(1, 3, 5);
  segments(1, 7, 8);
  segments(1, 10, 12);
  base(3);
  SECTION("where there is a backup behind it") {
    base(8);
    base(11);
    CHECK(windows() == Texts{"base-3: 2.5 to 5, 6/0 on 1, lacks 1:6/0-7/0, next 7.5",
                             "base-8: 7.5 to 8, 9/0 on 1, lacks 1:9/0-10/0, next 10.5",
                             "base-11: 10.5 to 12, 13/0 on 1"});
  }
  SECTION("two gaps before the next backup are named with the window before them") {
    base(11);
    CHECK(windows() == Texts{"base-3: 2.5 to 5, 6/0 on 1, lacks 1:6/0-7/0, lacks 1:9/0-10/0, "
                             "next 10.5",
                             "base-11: 10.5 to 12, 13/0 on 1"});
  }
  SECTION("without a backup behind it nothing later can be restored") {
    CHECK(windows() == Texts{"base-3: 2.5 to 5, 6/0 on 1, lacks 1:6/0-7/0, lacks 1:9/0-10/0"});
  }
}

TEST_CASE_METHOD(WindowFixture, "A log that just ends lacks nothing") {
  segments(1, 3, 3);
  base(3);
  CHECK(windows() == Texts{"base-3: 2.5 to 3, 4/0 on 1"});
}

TEST_CASE_METHOD(WindowFixture, "A backup without the log that it needs itself is stranded") {
  segments(1, 3, 4);
  segments(1, 6, 7);
  base(3);
  base(5);
  base(6);
  bases.push_back(bases.back());
  bases.back().id = "across";
  bases.back().facts.end = position(9, 1);
  const Recovery found = recovery();
  REQUIRE(found.stranded.size() == 2);
  CHECK(found.stranded[0].id == "base-5");
  CHECK(found.stranded[0].timeline == 1);
  CHECK(format_lsn(found.stranded[0].missing) == format_lsn(position(5, 40)));
  CHECK(found.stranded[1].id == "across");
  CHECK(format_lsn(found.stranded[1].missing) == format_lsn(position(8)));
  CHECK(windows() == Texts{"base-3: 2.5 to 4, 5/0 on 1, lacks 1:5/0-6/0, next 5.5",
                           "base-6: 5.5 to 7, 8/0 on 1"});
}

TEST_CASE_METHOD(WindowFixture, "A window goes on to the newest timeline that can be reached") {
  segments(1, 3, 6);
  segments(2, 6, 7);
  segments(3, 7, 9);
  base(3);
  SECTION("where its history is known") {
    log.histories[2] = {{1, position(6, 500)}};
    log.histories[3] = {{1, position(6, 500)}, {2, position(7, 100)}};
    base(8, 3);
    CHECK(windows() == Texts{"base-3: 2.5 to 9, 10/0 on 3"});
  }
  SECTION("a history that cannot be read is no way") {
    log.histories[2] = {{1, position(6, 500)}};
    CHECK(windows() == Texts{"base-3: 2.5 to 7, 8/0 on 2"});
  }
  SECTION("without any history it is the backup's own") {
    CHECK(windows() == Texts{"base-3: 2.5 to 6, 7/0 on 1"});
  }
  SECTION("of a branch that left before the end of the backup there is none") {
    log.histories[3] = {{1, position(3, 399)}, {2, position(7, 100)}};
    CHECK(windows() == Texts{"base-3: 2.5 to 6, 7/0 on 1"});
  }
}

TEST_CASE_METHOD(WindowFixture, "A backup from behind a branch has a window of its own") {
  segments(1, 3, 8);
  branch(2, 1, position(5, 500));
  segments(2, 5, 9);
  base(3);
  base(7);
  CHECK(windows() == Texts{"base-3: 2.5 to 9, 10/0 on 2", "base-7: 6.5 to 8, 9/0 on 1"});
}

TEST_CASE_METHOD(WindowFixture, "A backup of an idle server can be restored at its end") {
  log.wal.segments[1][segment_name(1, 3)].pieces.push_back(
      {0, 400, {.key = "piece", .bytes = 1, .modified = kStart + hours(1)}});
  base(3);
  CHECK(windows() == Texts{"base-3: 2.5 to 2.5, 3/400 on 1"});
}

TEST_CASE_METHOD(WindowFixture, "However full of holes a log is, the work is bounded") {
  for (uint64_t i = 0; i < 2 * kMostWindows; ++i) {
    segments(1, 2 * i, 2 * i);
    base(2 * i);
  }
  const Recovery found = recovery();
  CHECK(found.windows.size() == kMostWindows);
  CHECK(found.windows.front().id == "base-0");
  for (BaseBackup& base : bases) base.facts.end = position(1000);
  CHECK(recovery().stranded.size() == kMostWindows);
}

}  // namespace
}  // namespace pgbackup
