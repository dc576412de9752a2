#include "backup/physical/choose_base.h"

#include <fmt/format.h>

#include "tests/support/error_of.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::hours;

constexpr uint64_t kSegment = kDefaultSegmentBytes;
const UtcTime kMidnight = *parse_iso("2026-11-20T00:00:00Z");

Lsn at(uint64_t segment, uint64_t offset = 0) { return {segment * kSegment + offset}; }

/// A server whose segments take an hour each: segment 3 is stored at 03:00.
struct Fixture {
  std::vector<BaseBackup> backups{};
  std::map<std::string, StoredLog> logs{};
  BaseRequest request{};

  /// A backup that ended at `hour`, within the segment of that number.
  void add(const std::string& id, uint64_t hour, Timeline timeline = 1,
           const std::string& system = "1") {
    backups.push_back(
        {.id = id,
         .system_identifier = system,
         .finished = kMidnight + hours(hour),
         .facts = {.start = at(hour, 0x28), .end = at(hour, 0x100), .timeline = timeline}});
  }
  void store(Timeline timeline, uint64_t first, uint64_t last, const std::string& system = "1") {
    for (uint64_t number = first; number <= last; ++number) {
      const std::string name = segment_name({timeline, number}, kSegment);
      logs[system].wal.segments[timeline][name].copies = {
          {.key = name, .bytes = kSegment, .modified = kMidnight + hours(number)}};
    }
  }
  void branch(Timeline timeline, std::vector<TimelineSwitch> history) {
    logs["1"].histories[timeline] = std::move(history);
  }
  void want_time(int64_t hour, int minutes = 0) {
    request.target = {.kind = TargetKind::time,
                      .time = kMidnight + hours(hour) + std::chrono::minutes(minutes)};
  }
  void want_lsn(Lsn lsn) { request.target = {.kind = TargetKind::lsn, .lsn = lsn}; }

  [[nodiscard]] ChosenBase choose() const { return choose_base(backups, logs, request); }
  /// `ID on TIMELINE until LSN`
  [[nodiscard]] std::string chosen() const {
    const ChosenBase base = choose();
    return fmt::format("{} on {} until {}", backups.at(base.number).id, base.timeline,
                       format_lsn(base.reach.until));
  }
  /// Returns the hint of a refusal.
  [[nodiscard]] std::string advice() const {
    const auto error = error_of([&] { return choose(); });
    return error ? error->hint() : "";
  }
  [[nodiscard]] bool is_refused(std::string_view part) const {
    return fails_with(ErrorKind::not_found, part, [&] { return choose(); });
  }
};

/// Two backups, and all WAL from the first one on: up to 09:00.
Fixture two_backups() {
  Fixture f;
  f.add("new", 6);
  f.add("old", 3);
  f.store(1, 3, 9);
  return f;
}

TEST_CASE("Without a target the newest backup is restored, and all WAL behind it") {
  Fixture f = two_backups();
  CHECK(f.chosen() == "new on 1 until 0/A000000");
  CHECK(f.choose().warnings.empty());
  f.request.id = "old";
  CHECK(f.chosen() == "old on 1 until 0/A000000");
  f.request.id = "latest";
  f.request.target.kind = TargetKind::immediate;
  CHECK(f.chosen() == "new on 1 until 0/A000000");
}

TEST_CASE("The newest backup that ended before the target is chosen") {
  Fixture f = two_backups();
  for (const auto& [hour, minutes, id] : std::vector<std::tuple<int, int, std::string>>{
           {3, 0, "old"}, {5, 59, "old"}, {6, 0, "new"}, {8, 30, "new"}, {9, 0, "new"}}) {
    CAPTURE(hour, minutes);
    f.want_time(hour, minutes);
    CHECK(f.chosen().starts_with(id));
  }
  for (const auto& [lsn, id] : std::vector<std::pair<Lsn, std::string>>{{at(3, 0x100), "old"},
                                                                        {at(6, 0xff), "old"},
                                                                        {at(6, 0x100), "new"},
                                                                        {at(9, 0xffffff), "new"}}) {
    f.want_lsn(lsn);
    CHECK(f.chosen().starts_with(id));
  }
}

TEST_CASE("A target that nothing stored reaches is refused, with what can be reached") {
  Fixture f = two_backups();
  const std::string window =
      "what can be reached: 2026-11-20T03:00:00Z to 2026-11-20T09:00:00Z (0/3000100 to 0/A000000 "
      "on timeline 1)";
  f.want_time(2, 59);
  CHECK(
      f.is_refused("the time 2026-11-20 02:59:00+00 cannot be reached (new: ended at "
                   "2026-11-20T06:00:00Z, after the target; old: ended at"));
  CHECK(f.is_refused(window));
  f.want_time(9, 1);
  CHECK(f.is_refused("new: the newest stored WAL is from 2026-11-20T09:00:00Z, before the target"));
  CHECK(f.is_refused(window));
  f.want_lsn(at(3, 0xff));
  CHECK(f.is_refused("old: ended at 0/3000100, after the target"));
  f.want_lsn(at(10));
  CHECK(
      f.is_refused("the position 0/A000000 cannot be reached (new: the stored WAL ends at "
                   "0/A000000, before the target"));
  f.request.id = "new";
  f.want_time(5);
  CHECK(f.is_refused("(new: ended at 2026-11-20T06:00:00Z, after the target)"));
}

TEST_CASE("A backup that is not there is said to be not there") {
  Fixture f;
  CHECK(f.is_refused("there is no complete base backup"));
  f = two_backups();
  f.request.id = "other";
  CHECK(f.is_refused("there is no complete base backup other"));
}

TEST_CASE("A gap in the WAL divides what can be reached") {
  Fixture f;
  f.add("old", 3);
  f.add("new", 6);
  f.store(1, 3, 4);
  f.store(1, 6, 9);
  f.want_time(4);
  CHECK(f.chosen() == "old on 1 until 0/5000000");
  f.want_time(5);
  CHECK(f.is_refused("old: the newest stored WAL is from 2026-11-20T04:00:00Z"));
  CHECK(
      f.is_refused("2026-11-20T06:00:00Z to 2026-11-20T09:00:00Z (0/6000100 to 0/A000000 on "
                   "timeline 1), 2026-11-20T03:00:00Z to 2026-11-20T04:00:00Z (0/3000100"));
  f.request.target = {};
  CHECK(f.chosen() == "new on 1 until 0/A000000");
  CHECK(f.choose().warnings.empty());
  f.request.id = "old";
  const ChosenBase old = f.choose();
  REQUIRE(old.warnings.size() == 1);
  CHECK(contains(old.warnings[0], "has a gap at 0/5000000"));
}

TEST_CASE("A backup whose own WAL is missing is passed over, and never a wrong one restored") {
  Fixture f;
  f.add("old", 3);
  f.add("new", 6);
  f.store(1, 3, 5);
  CHECK(f.chosen() == "old on 1 until 0/6000000");
  REQUIRE(f.choose().warnings.size() == 1);
  CHECK(f.choose().warnings[0] ==
        "passed over: new: the WAL that it needs is not stored: 000000010000000000000006 is "
        "missing or incomplete");
  f.request.id = "new";
  CHECK(f.is_refused("000000010000000000000006 is missing or incomplete"));
  CHECK(f.advice() ==
        "what can be reached without --id: 2026-11-20T03:00:00Z to 2026-11-20T05:00:00Z "
        "(0/3000100 to 0/6000000 on timeline 1)");
  f.logs.clear();
  f.request.id = "latest";
  CHECK(f.is_refused("old: the WAL that it needs is not stored: 000000010000000000000003"));
  CHECK(f.advice() == "take a base backup: nothing that is stored can be restored");
}

TEST_CASE("Where a timeline does not go on, what can be reached on others is named") {
  Fixture f = two_backups();
  f.request.timeline = 2;
  CHECK(f.is_refused("new: timeline 2 does not go on from it"));
  CHECK(f.advice() ==
        "what can be reached without --target-timeline: 2026-11-20T03:00:00Z to "
        "2026-11-20T09:00:00Z (0/3000100 to 0/A000000 on timeline 1)");
}

TEST_CASE("An unfinished segment reaches as far as its pieces do") {
  Fixture f;
  f.add("base", 3);
  StoredSegment& segment = f.logs["1"].wal.segments[1][segment_name({1, 3}, kSegment)];
  segment.pieces = {{0, 0x100, {"a", 1, kMidnight + hours(3)}},
                    {0x100, 0x2000, {"b", 1, kMidnight + hours(4)}}};
  CHECK(f.chosen() == "base on 1 until 0/3002000");
  f.want_lsn(at(3, 0x1fff));
  CHECK(f.chosen() == "base on 1 until 0/3002000");
  f.want_lsn(at(3, 0x2000));
  CHECK(f.is_refused("ends at 0/3002000"));
  segment.pieces.pop_back();
  f.request.target = {};
  CHECK(f.chosen() == "base on 1 until 0/3000100");
  segment.pieces[0].end = 0xff;
  CHECK(f.is_refused("is missing or incomplete"));
}

/// Timeline 2 branched off within segment 5; timeline 1 went on until it was given up.
Fixture two_timelines() {
  Fixture f;
  f.add("before", 3);
  f.add("given up", 7);
  f.store(1, 3, 8);
  f.store(2, 5, 9);
  f.branch(2, {{1, at(5, 0x500)}});
  return f;
}

TEST_CASE("The newest timeline is followed, and what was given up is restored on request alone") {
  Fixture f = two_timelines();
  CHECK(f.chosen() == "before on 2 until 0/A000000");
  const ChosenBase base = f.choose();
  REQUIRE(base.way.size() == 2);
  CHECK(base.way[0].timeline == 1);
  CHECK(base.way[0].until == at(5, 0x500));
  f.request.timeline = 1;
  CHECK(f.chosen() == "given up on 1 until 0/9000000");
  f.request.timeline = 2;
  CHECK(f.chosen() == "before on 2 until 0/A000000");
  f.request.id = "given up";
  CHECK(f.is_refused("given up: timeline 2 does not go on from it"));
  f.request.timeline.reset();
  CHECK(f.chosen() == "given up on 1 until 0/9000000");
  f.request.timeline = 7;
  CHECK(f.is_refused("timeline 7 does not go on from it"));
}

TEST_CASE("A restore that was only tried out does not hide what the server wrote since") {
  Fixture f;
  f.add("before", 3);
  f.add("after", 7);
  f.store(1, 3, 12);
  f.branch(2, {{1, at(5, 0x500)}});
  CHECK(f.chosen() == "after on 1 until 0/D000000");  // of the other timeline a history is stored
  f.store(2, 5, 8);
  CHECK(f.chosen() == "after on 1 until 0/D000000");
  CHECK(f.choose().warnings.empty());
  f.request.id = "before";
  CHECK(f.chosen() == "before on 1 until 0/D000000");
  CHECK(f.choose().warnings ==
        std::vector<std::string>{"the stored WAL also leads to 0/9000000 on timeline 2, stored "
                                 "up to 2026-11-20T08:00:00Z: --target-timeline 2 restores that "
                                 "instead"});
  f.request.timeline = 2;
  CHECK(f.chosen() == "before on 2 until 0/9000000");
  CHECK(f.choose().warnings.empty());
}

TEST_CASE("A time close to the end of the WAL may lie behind the last transaction") {
  Fixture f = two_backups();
  f.want_time(8, 50);
  CHECK(f.choose().warnings.empty());
  f.want_time(8, 51);
  REQUIRE(f.choose().warnings.size() == 1);
  CHECK(contains(f.choose().warnings[0], "if no transaction ended after the target"));
}

TEST_CASE("A timeline without its history cannot be followed") {
  Fixture f = two_timelines();
  f.logs["1"].histories.clear();
  CHECK(f.chosen() == "given up on 1 until 0/9000000");
  f.add("after", 8, 2);
  CHECK(f.chosen() == "after on 2 until 0/A000000");
}

TEST_CASE("A backup that ended behind the branch does not lead to the new timeline") {
  Fixture f = two_timelines();
  f.backups[1].facts.end = at(5, 0x501);
  f.backups[1].facts.start = at(5, 0x28);
  CHECK(f.chosen() == "before on 2 until 0/A000000");
  f.backups[1].facts.end = at(5, 0x500);
  CHECK(f.chosen() == "given up on 2 until 0/A000000");
}

TEST_CASE("Two servers never mix") {
  Fixture f = two_backups();
  f.add("other", 8, 1, "2");
  f.store(1, 8, 20, "2");
  CHECK(f.chosen() == "other on 1 until 0/15000000");
  f.want_time(7);
  CHECK(f.chosen() == "new on 1 until 0/A000000");
  f.logs.erase("2");
  f.request.target = {};
  CHECK(f.chosen() == "new on 1 until 0/A000000");
  CHECK(contains(f.choose().warnings.at(0), "passed over: other"));
}

TEST_CASE("Where a transaction or a restore point lies is not known, and said so") {
  Fixture f = two_backups();
  f.request.target = {.kind = TargetKind::xid, .xid = 742};
  CHECK(f.chosen() == "new on 1 until 0/A000000");
  CHECK(contains(f.choose().warnings.at(0), "where the transaction 742 lies"));
  f.request.target = {.kind = TargetKind::name, .name = "before"};
  CHECK(contains(f.choose().warnings.at(0), "where the restore point 'before' lies"));
}

TEST_CASE("The segments of a way are those that are stored on it") {
  Fixture f = two_timelines();
  const ChosenBase base = f.choose();
  const auto names = [&](Lsn from, Lsn until) {
    std::string text;
    for (const std::string& name :
         segments_between(f.logs["1"].wal, base.way, from, until, kSegment)) {
      text += fmt::format("{}:{} ", name.substr(7, 1), name.substr(23));
    }
    return text;
  };
  CHECK(names(at(3, 0x28), at(10)) == "1:3 1:4 1:5 2:5 2:6 2:7 2:8 2:9 ");
  CHECK(names(at(3, 0x28), at(6)) == "1:3 1:4 1:5 2:5 ");
  CHECK(names(at(4), at(5, 0x500)) == "1:4 1:5 ");
  CHECK(names(at(4), at(5)) == "1:4 ");
  CHECK(names(at(4), at(4)).empty());
  CHECK(names(at(6), at(7, 1)) == "2:6 2:7 ");
  f.logs["1"].wal.segments[1].erase(segment_name({1, 5}, kSegment));
  CHECK(names(at(3, 0x28), at(6)) == "1:3 1:4 2:5 ");
}

TEST_CASE("A history that cannot be read is not wanted") {
  Fixture f = two_timelines();
  StoredLog& log = f.logs["1"];
  for (const Timeline timeline : {Timeline{2}, Timeline{9}}) {
    log.wal.histories[timeline] = WalObject{"history", 40, kMidnight};
  }
  CHECK(history_names(log) == std::vector<std::string>{"00000002.history"});
}

TEST_CASE("A target time is one of the server, whose clock may be wrong") {
  Fixture f;
  f.add("a", 3);
  f.add("b", 6);
  f.store(1, 3, 10);
  const auto set = [&](std::chrono::seconds ahead) {
    for (BaseBackup& backup : f.backups) backup.facts.clock_ahead = ahead;
  };
  SECTION("right") {
    f.want_time(6, 30);
    CHECK(f.chosen().starts_with("b "));
    CHECK(f.choose().warnings.empty());
  }
  SECTION("ahead: what the server calls 06:30 was before the second base backup ended") {
    set(hours(1));
    f.want_time(6, 30);
    CHECK(f.chosen().starts_with("a "));
    CHECK(contains(f.choose().warnings.front(), "the server's clock was 1h ahead of"));
  }
  SECTION("ahead: what the server calls 10:30 is stored") {
    set(hours(1));
    f.want_time(10, 30);
    CHECK(f.chosen().starts_with("b "));
  }
  SECTION("behind: what the server calls 05:30 was after the second base backup ended") {
    set(-hours(1));
    f.want_time(5, 30);
    CHECK(f.chosen().starts_with("b "));
  }
  SECTION("behind: what the server calls 09:30 is not stored yet") {
    set(-hours(1));
    f.want_time(9, 30);
    CHECK(error_of([&] { return f.choose(); }));
  }
}

}  // namespace
}  // namespace pgbackup
