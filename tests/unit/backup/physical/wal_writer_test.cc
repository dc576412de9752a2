#include "backup/physical/wal_writer.h"

#include <functional>
#include <iterator>

#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fetched_wal.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

constexpr uint64_t kSize = kLeastSegmentBytes;
const std::string kSystem = "7434812345678901234";

struct Fixture {
  FakeClock clock;
  MemoryStore store{clock};
  WalArchive archive{store, kSystem, {}, {.zstd_threads = 1}};
  std::string name = segment_name({.timeline = 1, .number = 80}, kSize);
  std::string segment = make_segment(name, {});
  Lsn start = start_of({.timeline = 1, .number = 80}, kSize);
  TestLog log{clock};

  [[nodiscard]] WalWriter writer_from(Lsn stored) {
    return {archive, {.timeline = 1, .position = start, .stored = stored}, kSize, log.log()};
  }
  [[nodiscard]] Lsn at(uint64_t byte) const { return {start.value + byte}; }
  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> found;
    for (const auto& [key, object] : store.objects) found.push_back(key.substr(key.rfind('/') + 1));
    return found;
  }
};

TEST_CASE_METHOD(Fixture, "Bytes are stored as pieces when asked, and as a whole at the end") {
  WalWriter writer = writer_from(start);
  CHECK(writer.is_all_stored());
  writer.flush();  // nothing yet
  CHECK(store.objects.empty());
  writer.write(at(0), std::string_view(segment).substr(0, 9000));
  CHECK(writer.received() == at(9000));
  CHECK(writer.stored() == start);
  CHECK(store.objects.empty());
  writer.flush();
  CHECK(writer.stored() == at(9000));
  CHECK(keys() == std::vector<std::string>{name + ".00000000-00002328.zst"});
  writer.write(at(9000), std::string_view(segment).substr(9000));
  CHECK(writer.stored() == at(kSize));
  CHECK(keys().size() == 2);
  CHECK(keys().back() == name + ".zst");
}

TEST_CASE_METHOD(Fixture, "Bytes may end one segment and begin the next") {
  const std::string next = segment_name({.timeline = 1, .number = 81}, kSize);
  const std::string both = segment + make_segment(next, {});
  WalWriter writer = writer_from(start);
  writer.write(at(0), std::string_view(both).substr(0, kSize + 100));
  CHECK(writer.stored() == at(kSize));
  CHECK(writer.received() == at(kSize + 100));
  writer.flush();
  CHECK(keys() == std::vector<std::string>{name + ".zst", next + ".00000000-00000064.zst"});
}

TEST_CASE_METHOD(Fixture, "What was stored before is received again and not stored again") {
  archive.put_piece(name, 0, std::string_view(segment).substr(0, 5000));
  WalWriter writer = writer_from(at(5000));
  CHECK(writer.stored() == start);  // until it has come again
  writer.write(at(0), std::string_view(segment).substr(0, 4000));
  writer.flush();
  CHECK(keys().size() == 1);
  CHECK(writer.is_all_stored());
  CHECK(writer.stored() == start);
  writer.write(at(4000), std::string_view(segment).substr(4000, 2000));
  CHECK(writer.stored() == at(5000));
  writer.flush();
  CHECK(keys().back() == name + ".00001388-00001770.zst");
}

TEST_CASE_METHOD(Fixture, "Other bytes than those that are stored already end the stream") {
  archive.put_piece(name, 0, std::string_view(segment).substr(0, 5000));
  archive.put_piece(name, 5000, std::string_view(segment).substr(5000, 5000));
  std::string other = segment;
  other[9000] = static_cast<char>(other[9000] ^ 1);
  WalWriter writer = writer_from(at(10000));
  writer.write(at(0), std::string_view(other).substr(0, 9999));
  CHECK(fails_with(ErrorKind::conflict, "other content",
                   [&] { writer.write(at(9999), std::string_view(other).substr(9999, 100)); }));
  CHECK(keys().size() == 2);
}

TEST_CASE_METHOD(Fixture, "A server that was set back is found out before it has caught up") {
  archive.put_piece(name, 0, std::string_view(segment).substr(0, 9000));
  std::string other = segment;
  other[5000] = static_cast<char>(other[5000] ^ 1);
  WalWriter writer = writer_from(at(9000));
  writer.write(at(0), std::string_view(other).substr(0, 5000));
  writer.flush();  // this far it is the same
  CHECK(writer.stored() == start);
  writer.write(at(5000), std::string_view(other).substr(5000, 100));
  CHECK(fails_with(ErrorKind::conflict, "other content", [&] { writer.flush(); }));
  CHECK(keys().size() == 1);
}

TEST_CASE_METHOD(Fixture, "A damaged segment that comes again is stored beside it") {
  archive.put(name, segment);
  store.objects.begin()->second.bytes[5000] ^= 1;
  WalWriter writer = writer_from(at(9000));
  writer.write(at(0), segment);
  CHECK(writer.stored() == at(kSize));
  CHECK(keys().front() == name + ".gz");
  CHECK(contains(log.text(), "a stored file is damaged, and is stored again beside it: "));
  CHECK((fetch_wal_file(store, kSystem, name).bytes == segment));
}

TEST_CASE_METHOD(Fixture, "A damaged piece is stored again, and only then counts as stored") {
  using Damage = std::function<void(std::string&)>;
  const auto [damage, damaged] = GENERATE(
      table<Damage, size_t>({{[](std::string& piece) { piece.clear(); }, 0},
                             {[](std::string& piece) { piece.clear(); }, 1},
                             {[](std::string& piece) { piece.resize(piece.size() / 2); }, 1},
                             {[](std::string& piece) { piece[piece.size() / 2] ^= 1; }, 0},
                             {[](std::string& piece) { piece[piece.size() / 2] ^= 1; }, 1}}));
  CAPTURE(damaged);
  archive.put_piece(name, 0, std::string_view(segment).substr(0, 5000));
  archive.put_piece(name, 5000, std::string_view(segment).substr(5000, 4000));
  damage(std::next(store.objects.begin(), static_cast<std::ptrdiff_t>(damaged))->second.bytes);
  const Lsn intact = damaged == 0 ? start : at(5000);
  WalWriter writer = writer_from(at(9000));
  writer.write(at(0), std::string_view(segment).substr(0, 9000));
  CHECK(writer.stored() == intact);
  CHECK_FALSE(writer.is_all_stored());
  CHECK(contains(log.text(), "is damaged from here on, and is stored again from="));
  SECTION("as a piece") {
    const bool comes_more = GENERATE(false, true);
    if (comes_more) writer.write(at(9000), std::string_view(segment).substr(9000, 10));
    writer.flush();
    CHECK(writer.stored() == writer.received());
    const FetchedWal joined = fetch_wal_file(store, kSystem, name);
    const size_t count = writer.received().value - start.value;
    CHECK((joined.bytes.substr(0, count) == segment.substr(0, count)));
  }
  SECTION("as a whole") {
    writer.write(at(9000), std::string_view(segment).substr(9000));
    CHECK(writer.stored() == at(kSize));
    CHECK(keys().back() == name + ".zst");
  }
}

TEST_CASE_METHOD(Fixture, "Bytes that do not follow are refused") {
  WalWriter writer = writer_from(start);
  writer.write(at(0), std::string_view(segment).substr(0, 100));
  for (const uint64_t byte : {uint64_t{0}, uint64_t{99}, uint64_t{101}, kSize}) {
    const auto error = error_of([&] { writer.write(at(byte), "x"); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::corrupt);
  }
  CHECK(writer.received() == at(100));
}

TEST_CASE_METHOD(Fixture, "Another segment under the name of a stored one ends the stream") {
  archive.put(name, segment);
  std::string other = segment;
  other[9000] = static_cast<char>(other[9000] ^ 1);
  WalWriter writer = writer_from(start);
  const auto error = error_of([&] { writer.write(at(0), other); });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::conflict);
  CHECK(writer.stored() == start);
}

/// Segments that are not kept until they are complete, and three pieces of one.
struct LargeFixture : Fixture {
  static constexpr uint64_t kLarge = 4 * kKeptSegmentBytes;
  static constexpr uint64_t kKnown = 2 * kKeptSegmentBytes + 5000;

  LargeFixture() {
    name = segment_name({.timeline = 1, .number = 5}, kLarge);
    segment = make_segment(name, {.segment_bytes = kLarge});
    start = start_of({.timeline = 1, .number = 5}, kLarge);
    uint64_t begin = 0;
    for (const uint64_t end : {kKeptSegmentBytes, 2 * kKeptSegmentBytes, kKnown}) {
      archive.put_piece(name, begin, std::string_view(segment).substr(begin, end - begin));
      begin = end;
    }
  }
  /// Writes the bytes from `begin` to `end` in messages.
  void write(WalWriter& writer, uint64_t begin, uint64_t end) const {
    constexpr uint64_t kMessage = 1'000'000;
    for (; begin < end; begin += kMessage) {
      writer.write(at(begin),
                   std::string_view(segment).substr(begin, std::min(kMessage, end - begin)));
    }
  }
  WalWriter large_writer() {
    return {archive, {.timeline = 1, .position = start, .stored = at(kKnown)}, kLarge, log.log()};
  }
};

TEST_CASE_METHOD(LargeFixture, "What was stored of a large segment is compared, too") {
  WalWriter writer = large_writer();
  SECTION("the same") {
    write(writer, 0, kKnown - 1);
    CHECK(writer.stored() == start);
    write(writer, kKnown - 1, kKnown + 10);
    CHECK(writer.stored() == at(kKnown));
    writer.flush();
    CHECK(writer.stored() == at(kKnown + 10));
    CHECK(keys().size() == 4);
  }
  for (const uint64_t place : {uint64_t{9000}, kKeptSegmentBytes + 9000, kKnown - 1}) {
    DYNAMIC_SECTION("other bytes at " << place) {
      segment[place] = static_cast<char>(segment[place] ^ 1);
      CHECK(fails_with(ErrorKind::conflict, "other content", [&] { write(writer, 0, kKnown); }));
      CHECK(keys().size() == 3);
    }
  }
}

TEST_CASE_METHOD(LargeFixture, "A large segment with a damaged piece is stored as a whole") {
  std::string& piece = std::next(store.objects.begin())->second.bytes;
  piece[piece.size() / 2] = static_cast<char>(piece[piece.size() / 2] ^ 1);
  WalWriter writer = large_writer();
  write(writer, 0, kKnown + 10);
  writer.flush();
  CHECK(writer.is_all_stored());
  CHECK(writer.stored() == start);
  CHECK(contains(log.text(), "is damaged from here on, and is stored again from="));
  write(writer, kKnown + 10, kLarge);
  CHECK(writer.stored() == at(kLarge));
  const FetchedWal whole = fetch_wal_file(store, kSystem, name);
  CHECK(whole.is_complete);
  CHECK((whole.bytes == segment));
}

}  // namespace
}  // namespace pgbackup
