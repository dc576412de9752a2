#include "prune/wal_plan.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "prune/plan.h"
#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Names = std::vector<std::string>;

class WalPlanFixture : public WalFixture {
 public:
  static constexpr days kOld{10};

  /// Adds a base backup that stays, begun in that segment.
  void stays(uint64_t segment, Timeline timeline = 1, Age age = kOld,
             uint64_t segment_bytes = kDefaultSegmentBytes, const std::string& server = "7") {
    bases.push_back({.id = id(age),
                     .system_identifier = server,
                     .finished = now - age,
                     .facts = {.start = {segment * segment_bytes + 40},
                               .end = {segment * segment_bytes + 400},
                               .timeline = timeline,
                               .segment_bytes = segment_bytes}});
  }
  [[nodiscard]] WalPlan plan() {
    logs = read_stored_logs(store, "", log.log(), FoldedPieces::listed);
    std::vector<const BaseBackup*> staying;
    for (const BaseBackup& base : bases) staying.push_back(&base);
    return make_wal_plan(logs, staying, {.now = now, .in_progress = in_progress});
  }
  /// Returns the names of what goes, in its order, of the server 7.
  [[nodiscard]] Names going() { return names_of(plan().front()); }
  [[nodiscard]] static Names names_of(const ServerWalPlan& server) {
    Names names;
    for (const WalObject* const object : server.removed) {
      names.push_back(object->key.substr(object->key.rfind('/') + 1));
      if (names.back().ends_with(".zst")) names.back().resize(names.back().size() - 4);
    }
    return names;
  }

  StoredLogs logs;
  std::vector<BaseBackup> bases;
  std::optional<UtcTime> in_progress;
};

TEST_CASE_METHOD(WalPlanFixture,
                 "What lies before the start of every base backup that stays goes, oldest first") {
  add_segments(1, 1, 9, kOld);
  stays(7);
  stays(4);
  stays(5);
  const WalPlan made = plan();
  REQUIRE(made.size() == 1);
  CHECK(made[0].system_identifier == "7");
  CHECK(names_of(made[0]) == Names{segment_name(1, 1), segment_name(1, 2), segment_name(1, 3)});
  CHECK(made[0].removed_bytes == 9);
  CHECK(made[0].kept == 6);
  CHECK(made[0].kept_bytes == 18);
  CHECK(made[0].note.empty());
}

TEST_CASE_METHOD(WalPlanFixture, "All copies of an encrypted segment stay or go together") {
  const auto add = [&](uint64_t number, const std::string& token, Age age, uint64_t piece = 0) {
    put(format_wal_key({.system_id = "7",
                        .name = segment_name(1, number),
                        .packing = {Compression::zstd, Encryption::age},
                        .token = token,
                        .is_piece = piece > 0,
                        .begin = 0,
                        .end = piece}),
        age);
  };
  for (const uint64_t number : {3, 4, 5}) {
    add_segment(1, number, kOld);
    add(number, "aaaaaaaa", kOld);
    add(number, "bbbbbbbb", kOld);
    add(number, "cccccccc", kOld, 100);
    add(number, "dddddddd", kOld, 100);
  }
  stays(4);
  const std::string whole = segment_name(1, 3);
  const auto pieces_of = [](uint64_t number) {
    return Names{segment_name(1, number) + ".00000000-00000064.cccccccc.zst.age",
                 segment_name(1, number) + ".00000000-00000064.dddddddd.zst.age"};
  };
  Names expected = pieces_of(3);
  for (const char* const rest : {".aaaaaaaa.zst.age", ".bbbbbbbb.zst.age", ""}) {
    expected.push_back(whole + rest);
  }
  // Pieces go where the whole has been stored for long enough, also of what stays.
  for (const uint64_t number : {4, 5}) {
    for (const std::string& piece : pieces_of(number)) expected.push_back(piece);
  }
  CHECK(going() == expected);

  // A copy that is stored later does not bring them back.
  add(4, "eeeeeeee", minutes(1));
  CHECK(going() == expected);
}

TEST_CASE_METHOD(WalPlanFixture, "The segment in which a backup starts stays, at whatever byte") {
  add_segments(1, 3, 5, kOld);
  stays(4);
  for (const uint64_t byte : {uint64_t{0}, uint64_t{40}, kDefaultSegmentBytes - 1}) {
    bases.front().facts.start = position(4, byte);
    CHECK(going() == Names{segment_name(1, 3)});
  }
}

TEST_CASE_METHOD(WalPlanFixture, "Everything of an old segment goes, histories stay") {
  const std::string old = segment_name(1, 3);
  const std::string kept = segment_name(1, 4);
  for (const std::string& name : {old, kept}) {
    add_file(name, kOld);
    put(wal_key("7", name, {Compression::gzip}), kOld);  // once more, packed in another way
    add_file(name + ".partial", kOld);
    add_file(name + ".00000028.backup", kOld);
  }
  add_segment(1, 1, kOld);
  add_piece(1, 2, 0, 100, kOld);
  add_piece(1, 2, 100, 200, kOld);
  add_history(2, "1\t0/1000000\tx\n", kOld);
  add_history(1, "1\t0/1000000\tx\n", kOld);
  stays(4, 2);
  const WalPlan made = plan();
  CHECK(names_of(made[0]) == Names{segment_name(1, 1), segment_name(1, 2) + ".00000000-00000064",
                                   segment_name(1, 2) + ".00000064-000000C8",
                                   old + ".00000028.backup", old + ".gz", old + ".partial", old});
  CHECK(made[0].kept == 6);
}

TEST_CASE_METHOD(WalPlanFixture, "On every timeline the position decides, up to the newest") {
  struct Row {
    const char* what;
    std::vector<std::pair<Timeline, uint64_t>> bases;
    Timeline timeline;
    uint64_t last_to_go;  ///< of the segments 1 to 9; 0: none
  };
  for (const Row& row : std::vector<Row>{
           {"the one of the only backup", {{2, 5}}, 2, 4},
           {"an older one, before the backup", {{2, 5}}, 1, 4},
           {"after a recovery to an earlier position, the one that goes on", {{1, 8}}, 2, 0},
           {"until there is a backup of it", {{1, 8}, {2, 3}}, 2, 2},
           {"which holds the log of the other one, too", {{1, 8}, {2, 3}}, 1, 2},
           {"one between those of the backups", {{1, 4}, {3, 6}}, 2, 3},
           {"one behind those of the backups", {{1, 4}, {3, 6}}, 4, 0},
           {"a backup at the very beginning", {{1, 0}}, 1, 0}}) {
    CAPTURE(row.what);
    WalPlanFixture one;
    one.add_segments(row.timeline, 1, 9, kOld);
    for (const auto& [timeline, segment] : row.bases) one.stays(segment, timeline);
    Names wanted;
    for (uint64_t i = 1; i <= row.last_to_go; ++i) wanted.push_back(segment_name(row.timeline, i));
    CHECK(one.going() == wanted);
  }
}

TEST_CASE_METHOD(WalPlanFixture,
                 "Where the size of segments has changed, what any size may need stays") {
  constexpr uint64_t kLarge = 4 * kDefaultSegmentBytes;
  for (uint64_t i = 1; i <= 9; ++i) add_segment(1, i, kOld);
  // With large segments the first 64 names of each 4 GiB exist.
  const std::string no_large = segment_name(1, 100);
  add_file(no_large, kOld);
  stays(200, 1, kOld);
  SECTION("the larger ones begin early") {
    stays(4, 1, kOld, kLarge);
    CHECK(going() == Names{segment_name(1, 1), segment_name(1, 2), segment_name(1, 3)});
  }
  SECTION("alone, the smaller ones go by their own size") { CHECK(going().size() == 10); }
}

TEST_CASE_METHOD(WalPlanFixture,
                 "What was written within a day stays, and what a backup in "
                 "progress may need") {
  add_segment(1, 1, days(4));
  add_segment(1, 2, days(3) + seconds(1));
  add_segment(1, 3, days(3));
  add_segment(1, 4, days(1) + seconds(1));
  add_segment(1, 5, days(1));
  add_segment(1, 6, hours(1));
  stays(9);
  CHECK(going() ==
        Names{segment_name(1, 1), segment_name(1, 2), segment_name(1, 3), segment_name(1, 4)});
  in_progress = now - days(2);
  CHECK(going() == Names{segment_name(1, 1), segment_name(1, 2)});
  in_progress = now - days(9);
  CHECK(going().empty());
  in_progress = now + days(9);  // a clock was wrong
  CHECK(going().size() == 4);
}

TEST_CASE_METHOD(WalPlanFixture, "Pieces go when the whole segment has been stored for an hour") {
  stays(1);
  const auto add = [&](uint64_t number, Age age, const std::string& bytes) {
    put(wal_key("7", segment_name(1, number), {}), age, bytes);
    add_piece(1, number, 0, 100, minutes(1));
  };
  add(5, kWriterPause, "whole");
  add(6, kWriterPause - seconds(1), "whole");
  add(7, kOld, "");  // damaged
  add_piece(1, 8, 0, 100, kOld);
  CHECK(going() == Names{segment_name(1, 5) + ".00000000-00000064"});
}

TEST_CASE_METHOD(WalPlanFixture,
                 "A log without a base backup that stays goes only as a whole, when "
                 "it is older than any that does") {
  add_segments(1, 1, 3, days(20));
  add_piece(1, 4, 0, 100, days(20));
  add_history(2, "1\t0/1000000\tx\n", days(20));
  SECTION("there is none of any server") {
    CHECK(going().empty());
    CHECK(plan()[0].note == "there is no base backup that stays");
  }
  SECTION("another server's is younger") {
    stays(1, 1, days(19), kDefaultSegmentBytes, "8");
    CHECK(going().size() == 4);
    CHECK(plan()[0].kept == 1);
    CHECK(plan()[0].note.empty());
  }
  SECTION("another server's is older, or the log goes on") {
    stays(1, 1, days(20), kDefaultSegmentBytes, "8");
    CHECK(going().empty());
    bases.clear();
    stays(1, 1, days(19), kDefaultSegmentBytes, "8");
    stays(1, 1, days(18), kDefaultSegmentBytes, "8");
    for (const auto& name : {segment_name(1, 9), segment_name(1, 9) + ".partial"}) {
      const std::string newest = add_file(name, days(19));
      CHECK(going().empty());
      CHECK(plan()[0].note ==
            "no base backup of this server stays, and its log goes on after the oldest base "
            "backup that does");
      store.objects.erase(newest);
    }
    add_piece(1, 9, 0, 1, days(2));
    CHECK(going().empty());
  }
  SECTION("a history may be younger") {
    add_history(3, "2\t0/1000000\tx\n", hours(1));
    stays(1, 1, days(19), kDefaultSegmentBytes, "8");
    CHECK(going().size() == 4);
  }
}

TEST_CASE_METHOD(WalPlanFixture, "Each server's log goes by its own base backups") {
  add_segments(1, 1, 9, kOld);
  add_segments(1, 1, 9, kOld, "8");
  stays(4);
  stays(6, 1, kOld, kDefaultSegmentBytes, "8");
  const WalPlan made = plan();
  REQUIRE(made.size() == 2);
  CHECK(made[0].removed.size() == 3);
  CHECK(made[1].system_identifier == "8");
  CHECK(made[1].removed.size() == 5);
  for (const WalObject* const object : made[1].removed) {
    CHECK(object->key.starts_with("_cluster/wal/8/"));
  }
}

TEST_CASE_METHOD(WalPlanFixture, "What hinders makes everything stay, and is said") {
  add_segments(1, 1, 9, kOld);
  stays(4);
  WalPlan made = plan();
  REQUIRE(made[0].removed.size() == 3);
  keep_all_wal(made, "of a reason");
  CHECK(made[0].removed.empty());
  CHECK(made[0].removed_bytes == 0);
  CHECK(made[0].kept == 9);
  CHECK(made[0].kept_bytes == 27);
  CHECK(made[0].note == "of a reason");
}

}  // namespace
}  // namespace pgbackup
