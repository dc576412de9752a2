#include "backup/physical/wal_start.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr uint64_t kSize = kDefaultSegmentBytes;

Lsn at(uint64_t segment, uint64_t byte = 0) { return {segment * kSize + byte}; }

/// Puts a whole segment, or a piece of its first `bytes`, into the listing.
void store(ServerWal& wal, Timeline timeline, uint64_t number, uint64_t bytes = kSize) {
  StoredSegment& segment =
      wal.segments[timeline][segment_name({.timeline = timeline, .number = number}, kSize)];
  if (bytes == kSize) {
    segment.copies.emplace_back();
  } else {
    segment.pieces.push_back({.begin = 0, .end = bytes, .object = {}});
  }
}

ServerPosition server(Timeline timeline, Lsn position, std::vector<TimelineSwitch> history = {}) {
  return {.timeline = timeline,
          .position = position,
          .history = std::move(history),
          .segment_bytes = kSize};
}

void check(const WalStart& start, Timeline timeline, Lsn position, Lsn stored, bool is_first) {
  CHECK(start.timeline == timeline);
  CHECK(format_lsn(start.position) == format_lsn(position));
  CHECK(format_lsn(start.stored) == format_lsn(stored));
  CHECK(start.is_first == is_first);
}

TEST_CASE("Where nothing is stored, streaming starts with the segment in which the server is") {
  check(find_start({}, server(1, at(5, 100))), 1, at(5), at(5), true);
  ServerWal other;  // of a timeline that is not in the server's history
  store(other, 7, 9);
  check(find_start(other, server(2, at(5, 100), {{1, at(3)}})), 2, at(5), at(5), true);
}

TEST_CASE("What is stored goes on without a gap") {
  ServerWal wal;
  store(wal, 1, 5);
  check(find_start(wal, server(1, at(9))), 1, at(6), at(6), false);
  store(wal, 1, 6, 5000);
  check(find_start(wal, server(1, at(9))), 1, at(6), at(6, 5000), false);
  // Of an older hole the server keeps nothing, unless its slot says so.
  store(wal, 1, 8);
  check(find_start(wal, server(1, at(9))), 1, at(9), at(9), false);
}

TEST_CASE("Streaming goes back to the first hole behind what the slot keeps") {
  ServerWal wal;
  for (const uint64_t number : {4, 5, 8, 9}) store(wal, 1, number);
  store(wal, 1, 6, 300);
  const ServerPosition here = server(1, at(10));
  const WalStart end = find_start(wal, here);
  check(fill_hole(wal, here, end, at(5, 100)), 1, at(6), at(6, 300), false);
  check(fill_hole(wal, here, end, at(6, 300)), 1, at(6), at(6, 300), false);
  check(fill_hole(wal, here, end, at(7)), 1, at(7), at(7), false);
  // Nothing is missing behind it, or nothing is kept.
  check(fill_hole(wal, here, end, at(8, 5)), 1, at(10), at(10), false);
  check(fill_hole(wal, here, end, at(10)), 1, at(10), at(10), false);
  check(fill_hole(wal, here, end, at(11)), 1, at(10), at(10), false);
}

TEST_CASE("A hole of an older timeline is filled before the newer one goes on") {
  ServerWal wal;
  store(wal, 1, 4);
  store(wal, 2, 6);
  store(wal, 2, 7);
  const ServerPosition promoted = server(2, at(8), {{1, at(6, 500)}});
  const WalStart end = find_start(wal, promoted);
  check(end, 2, at(8), at(8), false);
  check(fill_hole(wal, promoted, end, at(4)), 1, at(5), at(5), false);
  store(wal, 1, 5);
  check(fill_hole(wal, promoted, end, at(4)), 2, at(8), at(8), false);
}

TEST_CASE("A timeline that the server has left is completed before the next one begins") {
  const ServerPosition promoted = server(2, at(9), {{1, at(7, 400)}});
  ServerWal wal;
  store(wal, 1, 6);
  check(find_start(wal, promoted), 1, at(7), at(7), false);
  store(wal, 1, 7, 300);
  check(find_start(wal, promoted), 1, at(7), at(7, 300), false);
  // All of it is there: the next timeline begins with the segment of the switch.
  ServerWal complete;
  store(complete, 1, 7, 400);
  check(find_start(complete, promoted), 2, at(7), at(7), false);
  store(complete, 1, 8);  // what the old server wrote after it
  check(find_start(complete, promoted), 2, at(7), at(7), false);
  // Something of the new timeline is stored.
  store(complete, 2, 7);
  check(find_start(complete, promoted), 2, at(8), at(8), false);
}

TEST_CASE("Of several ancestors the newest that is stored counts") {
  const ServerPosition third = server(3, at(20), {{1, at(7)}, {2, at(12, 8)}});
  ServerWal wal;
  store(wal, 1, 7);
  check(find_start(wal, third), 2, at(7), at(7), false);
  store(wal, 2, 11);
  check(find_start(wal, third), 2, at(12), at(12), false);
  store(wal, 2, 12);
  check(find_start(wal, third), 3, at(12), at(12), false);
}

}  // namespace
}  // namespace pgbackup
