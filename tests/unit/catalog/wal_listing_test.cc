#include "common/catalog/wal_listing.h"

#include <string>
#include <vector>

#include "common/store/dir_store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20U;
constexpr uint64_t kSize = 16 * kMiB;
const std::string kSystem = "7434812345678901234";
constexpr UtcTime kStart{std::chrono::seconds(1795144500)};

Lsn at(uint64_t segment, uint64_t bytes = 0) { return {segment * kSize + bytes}; }

std::vector<std::string> keys_of(const StoredSegment& segment) {
  std::vector<std::string> keys;
  for (const WalObject& copy : segment.copies) keys.push_back(copy.key);
  return keys;
}

/// A log under construction, without a store.
class StoredLog {
 public:
  StoredLog& whole(Timeline timeline, uint64_t number, UtcTime modified = kStart) {
    segment(timeline, number).copies.push_back({.key = "whole", .bytes = 1, .modified = modified});
    return *this;
  }
  StoredLog& piece(Timeline timeline, uint64_t number, uint64_t begin, uint64_t end,
                   UtcTime modified = kStart) {
    segment(timeline, number)
        .pieces.push_back({begin, end, {.key = "piece", .bytes = 1, .modified = modified}});
    return *this;
  }
  ServerWal wal;

 private:
  StoredSegment& segment(Timeline timeline, uint64_t number) {
    return wal.segments[timeline][segment_name({timeline, number}, kSize)];
  }
};

WalReach reach_of(const StoredLog& log, const std::vector<WayPart>& way, Lsn from) {
  return follow(log.wal, way, from, kSize);
}

struct ExpectedGap {
  Timeline timeline;
  Lsn begin;
  Lsn end;
};

void check_gaps(const WalReach& reach, const std::vector<ExpectedGap>& expected) {
  REQUIRE(reach.gaps.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    CHECK(reach.gaps[i].timeline == expected[i].timeline);
    CHECK(format_lsn(reach.gaps[i].begin) == format_lsn(expected[i].begin));
    CHECK(format_lsn(reach.gaps[i].end) == format_lsn(expected[i].end));
  }
}

TEST_CASE("A listing sorts what a store holds of several servers") {
  FakeClock clock;
  MemoryStore store(clock);
  const std::string name = "000000010000000000000005";
  const std::string other = "9000000000000000000";
  for (const std::string& key :
       {wal_key(kSystem, name, {}), wal_piece_key(kSystem, name, 100, 200, {}),
        wal_piece_key(kSystem, name, 0, 150, {}), wal_piece_key(kSystem, name, 0, 100, {}),
        wal_key(kSystem, "00000002.history", {}), wal_key(kSystem, name + ".partial", {}),
        wal_key(kSystem, name + ".00000028.backup", {}), wal_key(other, name, {})}) {
    store.put(key, "bytes");
  }
  for (const std::string key :
       {"_cluster/wal/x/00000001/000000010000000000000006.zst", "_cluster/wal/notes.txt",
        "_cluster/20261120T031500Z-9f3a1c2b/manifest.json",
        "app/20261120T031500Z-9f3a1c2b/app.dump.zst"}) {
    store.put(key, "not of a log");
  }

  const WalListing listing = list_wal(store, "", FoldedPieces::listed);
  REQUIRE(listing.size() == 2);
  CHECK(listing.at(other).segments.at(1).size() == 1);
  const ServerWal& wal = listing.at(kSystem);
  REQUIRE(wal.segments.size() == 1);
  const StoredSegment& segment = wal.segments.at(1).at(name);
  REQUIRE(segment.is_whole());
  CHECK(segment.copies.front().key == wal_key(kSystem, name, {}));
  CHECK(segment.copies.front().bytes == 5);
  CHECK(segment.copies.front().modified == kStart);
  REQUIRE(segment.pieces.size() == 3);
  CHECK(segment.pieces[0].end == 100);
  CHECK(segment.pieces[1].end == 150);
  CHECK(segment.pieces[2].begin == 100);
  CHECK(wal.histories.at(2).key == wal_key(kSystem, "00000002.history", {}));
  CHECK(wal.others.size() == 2);

  const ServerWal needed = std::move(list_wal(store, kSystem)[kSystem]);
  CHECK(needed.segments.at(1).at(name).is_whole());
  CHECK(needed.segments.at(1).at(name).pieces.empty());
  CHECK(list_wal(store, other).size() == 1);
  CHECK(list_wal(store, "900000000000000000").empty());  // the start of a longer one
}

TEST_CASE(
    "A segment that is stored several times, packed in other ways, keeps all objects in sight") {
  FakeClock clock;
  MemoryStore store(clock);
  const std::string name = "000000010000000000000005";
  for (const Compression compression : {Compression::zstd, Compression::gzip, Compression::none}) {
    store.put(wal_key(kSystem, name, {compression}), "bytes");
  }
  const ServerWal wal = list_wal(store).at(kSystem);
  CHECK(keys_of(wal.segments.at(1).at(name)) ==
        std::vector<std::string>{wal_key(kSystem, name, {Compression::none}),
                                 wal_key(kSystem, name, {Compression::gzip}),
                                 wal_key(kSystem, name, {Compression::zstd})});
  CHECK(wal.others.empty());
  CHECK(list_wal_file(store, kSystem, name).copies.size() == 3);
  store.put(wal_key(kSystem, name, {Compression::none}), "");
  CHECK(keys_of(list_wal_file(store, kSystem, name)) ==
        std::vector<std::string>{wal_key(kSystem, name, {Compression::gzip}),
                                 wal_key(kSystem, name, {Compression::zstd}),
                                 wal_key(kSystem, name, {Compression::none})});
}

TEST_CASE("One file is found by its name alone") {
  FakeClock clock;
  const TemporaryFolder folder;
  MemoryStore memory(clock);
  DirStore directory(folder.path(), clock);
  for (Store* const store : std::vector<Store*>{&memory, &directory}) {
    const std::string name = "000000010000000000000005";
    store->put(wal_key(kSystem, name + ".partial", {}), "partial");
    store->put(wal_key(kSystem, name + ".00000028.backup", {}), "backup");
    store->put(wal_key(kSystem, "000000010000000000000006", {}), "next");
    CHECK_FALSE(list_wal_file(*store, kSystem, name).is_whole());
    CHECK(list_wal_file(*store, kSystem, name).pieces.empty());

    store->put(wal_piece_key(kSystem, name, 10, 20, {}), "b");
    store->put(wal_piece_key(kSystem, name, 0, 10, {}), "a");
    CHECK(list_wal_file(*store, kSystem, name).reach(kSize) == 20);
    store->put(wal_key(kSystem, name, {Compression::gzip}), "whole");
    const StoredSegment segment = list_wal_file(*store, kSystem, name);
    CHECK(segment.copies.front().key == wal_key(kSystem, name, {Compression::gzip}));
    CHECK(segment.pieces.size() == 2);

    CHECK(list_wal_file(*store, kSystem, name + ".partial").is_whole());
    CHECK(list_wal_file(*store, kSystem, name + ".00000028.backup").is_whole());
    CHECK_FALSE(list_wal_file(*store, kSystem, "00000002.history").is_whole());
    store->put(wal_key(kSystem, "00000002.history", {}), "history");
    CHECK(list_wal_file(*store, kSystem, "00000002.history").is_whole());
    CHECK_FALSE(list_wal_file(*store, "9000000000000000000", name).is_whole());
  }
}

TEST_CASE("A segment and a piece of 0 bytes do not count as stored") {
  FakeClock clock;
  MemoryStore store(clock);
  const std::string name = "000000010000000000000005";
  store.put(wal_piece_key(kSystem, name, 0, 10, {}), "a");
  store.put(wal_piece_key(kSystem, name, 10, 20, {}), "");
  store.put(wal_key(kSystem, name, {}), "");
  store.put(wal_key(kSystem, "00000002.history", {}), "");
  store.put(wal_key(kSystem, "000000010000000000000006", {}), "");
  for (const FoldedPieces folded : {FoldedPieces::left_out, FoldedPieces::listed}) {
    const ServerWal wal = list_wal(store, kSystem, folded).at(kSystem);
    CHECK(wal.segments.at(1).at(name).reach(kSize) == 10);
    CHECK(wal.segments.at(1).size() == 1);
    CHECK(wal.others.size() == 3);
    CHECK(wal.histories.size() == 1);
  }
  // A recovery that asks for the segment must not take the damage for the end of the log.
  CHECK(list_wal_file(store, kSystem, name).is_whole());
}

TEST_CASE("Of the copies of an encrypted segment the one stored last comes first") {
  FakeClock clock;
  MemoryStore store(clock);
  const std::string name = "000000010000000000000005";
  const auto key = [&](const std::string& token, bool is_piece = false, uint64_t begin = 0) {
    return format_wal_key({.system_id = kSystem,
                           .name = name,
                           .packing = {Compression::zstd, Encryption::age},
                           .token = token,
                           .is_piece = is_piece,
                           .begin = begin,
                           .end = 100});
  };
  const auto put = [&](const std::string& stored, const std::string& bytes = "bytes") {
    store.put(stored, bytes);
    clock.advance(std::chrono::seconds(1));
  };
  put(key("99999999"));
  put(key("11111111"));
  put(wal_key(kSystem, name, {}));
  put(key("55555555"));
  put(key("00000000"), "");
  put(key("22222222", true));
  put(key("33333333", true, 10));
  put(wal_piece_key(kSystem, name, 0, 100, {}));
  const StoredSegment listed =
      list_wal(store, kSystem, FoldedPieces::listed).at(kSystem).segments.at(1).at(name);
  const std::vector<std::string> order = {key("55555555"), wal_key(kSystem, name, {}),
                                          key("11111111"), key("99999999")};
  CHECK(keys_of(listed) == order);
  CHECK(listed.pieces.size() == 3);
  StoredSegment found = list_wal_file(store, kSystem, name);
  CHECK(found.copies.back().key == key("00000000"));
  found.copies.pop_back();
  CHECK(keys_of(found) == order);
  CHECK(found.copies.front().is_encrypted);
  CHECK_FALSE(found.copies[1].is_encrypted);

  const StoredSegment plain = without_encrypted(found);
  CHECK(keys_of(plain) == std::vector<std::string>{wal_key(kSystem, name, {})});
  REQUIRE(plain.pieces.size() == 1);
  CHECK_FALSE(plain.pieces.front().object.is_encrypted);
  CHECK(list_wal(store, kSystem).at(kSystem).segments.at(1).at(name).pieces.empty());
}

TEST_CASE("A listing that fails is no empty log") {
  FakeClock clock;
  MemoryStore memory(clock);
  FaultyStore store(memory);
  store.before = [](std::string_view, std::string_view) {
    throw Error(ErrorKind::transient, "503 SlowDown");
  };
  CHECK(fails_with(ErrorKind::transient, "503", [&] { return list_wal(store); }));
  CHECK(fails_with(ErrorKind::transient, "503",
                   [&] { return list_wal_file(store, kSystem, "00000002.history"); }));
}

TEST_CASE("Pieces reach as far as they join") {
  struct Row {
    std::string what;
    std::vector<std::pair<uint64_t, uint64_t>> pieces;  ///< sorted
    uint64_t reach;
  };
  for (const Row& row :
       std::vector<Row>{{"none", {}, 0},
                        {"one", {{0, 100}}, 100},
                        {"two", {{0, 100}, {100, 200}}, 200},
                        {"overlapping", {{0, 100}, {50, 200}}, 200},
                        {"one within another", {{0, 300}, {100, 200}}, 300},
                        {"again from the start", {{0, 50}, {0, 300}, {50, 90}}, 300},
                        {"twice", {{0, 100}, {0, 100}}, 100},
                        {"all", {{0, kSize}}, kSize},
                        {"no first byte", {{1, 100}}, 0},
                        {"a gap", {{0, 100}, {101, 200}}, 100},
                        {"a gap after a short one", {{0, 10}, {0, 100}, {101, 200}}, 100},
                        {"more than a segment", {{0, 2 * kSize}}, kSize}}) {
    CAPTURE(row.what);
    StoredLog log;
    for (const auto& [begin, end] : row.pieces) log.piece(1, 5, begin, end);
    CHECK(log.wal.segments[1]["000000010000000000000005"].reach(kSize) == row.reach);
    CHECK(stored_until(log.wal, 1, at(5), kSize) == at(5, row.reach));
  }
  StoredLog log;
  log.whole(1, 5).piece(1, 5, 0, 10);
  CHECK(log.wal.segments[1]["000000010000000000000005"].reach(kSize) == kSize);
}

TEST_CASE("The log of a timeline is stored up to the first byte that is missing") {
  StoredLog log;
  log.whole(1, 5).whole(1, 6).piece(1, 7, 0, 100).piece(1, 7, 100, 250).whole(1, 9).whole(2, 8);
  struct Row {
    Lsn from;
    Lsn until;
  };
  for (const Row& row : std::vector<Row>{{at(5), at(7, 250)},
                                         {at(5, 28), at(7, 250)},
                                         {at(6, kSize - 1), at(7, 250)},
                                         {at(7), at(7, 250)},
                                         {at(7, 249), at(7, 250)},
                                         {at(9), at(10)},
                                         {at(4), at(4)},
                                         {at(4, kSize - 1), at(4, kSize - 1)},
                                         {at(7, 250), at(7, 250)},
                                         {at(7, 251), at(7, 251)},
                                         {at(8), at(8)},
                                         {at(10), at(10)},
                                         {{UINT64_MAX}, {UINT64_MAX}}}) {
    CAPTURE(format_lsn(row.from));
    CHECK(stored_until(log.wal, 1, row.from, kSize) == row.until);
  }
  CHECK(stored_until(log.wal, 3, at(5), kSize) == at(5));
}

TEST_CASE("A log goes on over the border of 4 GiB, with any size of segments") {
  for (const uint64_t size : {kMiB, 16 * kMiB, 1024 * kMiB}) {
    CAPTURE(size);
    ServerWal wal;
    const uint64_t border = (uint64_t{1} << 32U) / size;
    for (uint64_t number = border - 2; number < border + 2; ++number) {
      wal.segments[1][segment_name({1, number}, size)].copies.emplace_back();
    }
    CHECK(stored_until(wal, 1, {(border - 2) * size}, size) == Lsn{(border + 2) * size});
  }
}

TEST_CASE("Names that do not exist with the size of segments are left out") {
  StoredLog log;
  log.whole(1, 0xFE).whole(1, 0xFF);
  log.wal.segments[1]["000000010000000000000100"].copies.emplace_back();
  log.wal.segments[1]["0000000100000000FFFFFFFF"].copies.emplace_back();
  CHECK(stored_until(log.wal, 1, at(0xFE), kSize) == at(0x100));
  CHECK(reach_of(log, {{1}}, at(0xFE)).gaps.empty());
}

TEST_CASE("The last segment that a name can have does not wrap around") {
  StoredLog log;
  log.whole(1, UINT64_MAX / kSize).piece(1, UINT64_MAX / kSize, 0, kSize).whole(1, 5);
  const WalReach reach = reach_of(log, {{1}}, at(5));
  CHECK(reach.until == at(6));
  check_gaps(reach, {{1, at(6), at(UINT64_MAX / kSize)}});
}

TEST_CASE("Gaps lie between stored bytes") {
  StoredLog log;
  log.whole(1, 5)
      .whole(1, 6, kStart + std::chrono::seconds(60))
      .piece(1, 8, 0, 100)
      .piece(1, 8, 200, 300)
      .whole(1, 9, kStart + std::chrono::hours(1));
  const WalReach reach = reach_of(log, {{1}}, at(5, 40));
  CHECK(reach.timeline == 1);
  CHECK(reach.until == at(7));
  CHECK(reach.newest == kStart + std::chrono::seconds(60));
  check_gaps(reach, {{1, at(7), at(8)}, {1, at(8, 100), at(8, 200)}, {1, at(8, 300), at(9)}});

  const WalReach none = reach_of(log, {{1}}, at(2));
  CHECK(none.until == at(2));
  CHECK(none.newest == UtcTime{});
  CHECK(none.gaps.size() == 4);
  CHECK(reach_of(log, {{1}}, at(10)).gaps.empty());
  CHECK(reach_of(log, {{1}}, at(10)).newest == UtcTime{});
}

TEST_CASE("A copy that is stored later makes no moment later that can be restored") {
  const UtcTime later = kStart + std::chrono::hours(1);
  StoredLog copies;
  copies.whole(1, 5, later).whole(1, 5).whole(1, 5, later);
  CHECK(reach_of(copies, {{1}}, at(5)).newest == kStart);
  // A stream that was restarted while its server was idle.
  StoredLog pieces;
  pieces.whole(1, 5).piece(1, 6, 0, 100, later).piece(1, 6, 50, 100, kStart);
  CHECK(reach_of(pieces, {{1}}, at(5)).newest == kStart);
  pieces.piece(1, 6, 100, 101, later);
  CHECK(reach_of(pieces, {{1}}, at(5)).newest == later);
}

TEST_CASE("A way leads through the timelines of a history") {
  using Way = std::vector<WayPart>;
  const std::vector<TimelineSwitch> history = {{1, at(5, 10)}, {2, at(7)}, {4, at(9)}};
  const auto is_same = [](const WayPart& a, const WayPart& b) {
    return a.timeline == b.timeline && a.until == b.until;
  };
  struct Row {
    Timeline from;
    Way way;
  };
  for (const Row& row : std::vector<Row>{{1, {{1, at(5, 10)}, {2, at(7)}, {4, at(9)}, {5, {}}}},
                                         {2, {{2, at(7)}, {4, at(9)}, {5, {}}}},
                                         {4, {{4, at(9)}, {5, {}}}},
                                         {5, {{5, {}}}}}) {
    CAPTURE(row.from);
    const std::optional<Way> way = way_between(row.from, 5, history);
    REQUIRE(way);
    CHECK(std::equal(way->begin(), way->end(), row.way.begin(), row.way.end(), is_same));
  }
  CHECK(way_between(1, 1, {})->size() == 1);
  for (const Timeline stranger : {0, 3, 6}) CHECK_FALSE(way_between(stranger, 5, history));
  CHECK_FALSE(way_between(1, 2, {}));

  // The recovery that began timeline 3 left timeline 1 before timeline 2 had begun.
  const Way left_early = *way_between(1, 3, {{1, at(7)}, {2, at(5)}});
  const Way expected = {{1, at(5)}, {2, at(5)}, {3, {}}};
  CHECK(
      std::equal(left_early.begin(), left_early.end(), expected.begin(), expected.end(), is_same));
}

TEST_CASE("A recovery follows its way from timeline to timeline") {
  const std::vector<WayPart> way = {{1, at(7, 500)}, {2, {}}};
  struct Row {
    std::string what;
    StoredLog log;
    Lsn until;
    Timeline timeline;
    std::vector<ExpectedGap> gaps;
  };
  for (const Row& row :
       std::vector<Row>{{"all of both",
                         StoredLog().whole(1, 6).whole(1, 7).whole(2, 7).whole(2, 8),
                         at(9),
                         2,
                         {}},
                        {"the old timeline's last segment exists only as the new one's first",
                         StoredLog().whole(1, 6).whole(2, 7),
                         at(8),
                         2,
                         {}},
                        {"pieces of both",
                         StoredLog().whole(1, 6).piece(1, 7, 0, 500).piece(2, 7, 0, 600),
                         at(7, 600),
                         2,
                         {}},
                        {"the old one goes on after the branch",
                         StoredLog().whole(1, 6).whole(1, 7).whole(1, 8),
                         at(7, 500),
                         1,
                         {}},
                        {"the new one does not reach the branch",
                         StoredLog().whole(1, 6).piece(2, 7, 0, 400),
                         at(7, 400),
                         1,
                         {}},
                        {"the old one ends before the branch",
                         StoredLog().whole(1, 6).piece(1, 7, 0, 300).whole(2, 8),
                         at(7, 300),
                         1,
                         {{1, at(7, 300), at(7, 500)}, {2, at(7, 500), at(8)}}},
                        {"a later segment of the new one is missing",
                         StoredLog().whole(1, 6).whole(2, 7).whole(2, 9),
                         at(8),
                         2,
                         {{2, at(8), at(9)}}},
                        {"a segment of the new one from before the branch is a stranger",
                         StoredLog().whole(2, 6),
                         at(6),
                         1,
                         {}},
                        {"nothing", StoredLog(), at(6), 1, {}}}) {
    CAPTURE(row.what);
    const WalReach reach = reach_of(row.log, way, at(6));
    CHECK(format_lsn(reach.until) == format_lsn(row.until));
    CHECK(reach.timeline == row.timeline);
    check_gaps(reach, row.gaps);
  }
}

TEST_CASE("A branch at the border of segments has no segment in common") {
  const std::vector<WayPart> way = {{1, at(7)}, {2, {}}};
  CHECK(reach_of(StoredLog().whole(1, 6).whole(2, 7), way, at(6)).until == at(8));
  CHECK(reach_of(StoredLog().whole(2, 6).whole(2, 7), way, at(6)).until == at(6));
}

TEST_CASE("A backup from behind the branch reaches nothing on the way") {
  const WalReach reach = reach_of(StoredLog().whole(1, 6).whole(1, 7).whole(2, 7).whole(2, 8),
                                  {{1, at(7, 500)}, {2, {}}}, at(7, 501));
  CHECK(reach.until == at(7, 501));
  CHECK(reach.timeline == 1);
  CHECK(reach.newest == UtcTime{});
}

}  // namespace
}  // namespace pgbackup
