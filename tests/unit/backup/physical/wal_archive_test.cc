#include "backup/physical/wal_archive.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "common/codec/bytes_source.h"
#include "common/store/dir_store.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/fetched_wal.h"
#include "tests/support/memory_store.h"
#include "tests/support/string_sink.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

constexpr uint64_t kSize = kLeastSegmentBytes;
const std::string kSystem = "7434812345678901234";
const std::string kName = "000000010000000000000050";
const std::string kNext = "000000010000000000000051";
const std::string kHistory = "1\t0/5000060\tno recovery target specified\n";
constexpr PackingEffort kEffort{.zstd_threads = 1};

/// How a segment is stored where this compression is set.
Packing stored_packing(Compression compression) {
  return {compression == Compression::none ? Compression::zstd : compression};
}

struct Fixture {
  FakeClock clock;
  MemoryStore store{clock};
  WalArchive archive{store, kSystem, {}, kEffort};

  [[nodiscard]] std::string& stored(const std::string& name, Compression compression = {}) {
    return store.objects.at(wal_key(kSystem, name, stored_packing(compression))).bytes;
  }
  [[nodiscard]] Error fetch_error(const std::string& name = kName) {
    const auto error = error_of([&] { return fetch_wal_file(store, kSystem, name); });
    REQUIRE(error);
    return *error;
  }
};

TEST_CASE("What is put into an archive comes back, whatever the packing and the store") {
  const TemporaryFolder folder;
  FakeClock clock;
  MemoryStore memory(clock);
  DirStore directory(folder.path(), clock);
  for (Store* const store : std::vector<Store*>{&memory, &directory}) {
    for (const Compression compression :
         {Compression::zstd, Compression::gzip, Compression::none}) {
      const std::string system = std::to_string(1 + static_cast<int>(compression));
      const std::string segment =
          make_segment(kName, {.system_id = uint64_t{1} + static_cast<uint64_t>(compression)});
      WalArchive archive(*store, system, {compression}, kEffort);
      for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::string>>{
               {kName, segment},
               {kName + ".partial", segment},
               {kName + ".00000028.backup", "START WAL LOCATION: 0/5000028\n"},
               {"00000002.history", kHistory}}) {
        CAPTURE(name, compression_name(compression));
        archive.put(name, bytes);
        CHECK(is_listed(*store, wal_key(system, name, stored_packing(compression))));
        const FetchedWal fetched = fetch_wal_file(*store, system, name);
        CHECK(fetched.is_complete);
        CHECK((fetched.bytes == bytes));
      }
      StringSink plain;
      copy_bytes(*store->open(wal_key(system, "00000002.history", {compression})), plain);
      CHECK(plain.bytes == kHistory);
    }
  }
}

TEST_CASE("The same file is stored once, in whatever way it is packed") {
  Fixture fixture;
  const std::string segment = make_segment(kName);
  fixture.archive.put(kName, segment);
  fixture.archive.put("00000002.history", kHistory);
  FaultyStore seen(fixture.store);
  std::vector<std::string> writes;
  seen.before = [&](std::string_view call, std::string_view key) {
    if (call == "create" || call == "put") writes.emplace_back(key);
  };
  for (const Compression compression : {Compression::zstd, Compression::gzip, Compression::none}) {
    WalArchive again(seen, kSystem, {compression}, kEffort);
    CHECK_NOTHROW(again.put(kName, segment));
    CHECK_NOTHROW(again.put("00000002.history", kHistory));
  }
  CHECK(writes.empty());
}

TEST_CASE("A segment of 0 bytes is stored again") {
  Fixture fixture;
  fixture.archive.put(kName, make_segment(kName));
  fixture.stored(kName).clear();
  fixture.archive.put(kName, make_segment(kName));
  CHECK((fetch_wal_file(fixture.store, kSystem, kName).bytes == make_segment(kName)));
}

TEST_CASE("Other content under the same name is refused and changes nothing") {
  Fixture fixture;
  const std::string segment = make_segment(kName);
  fixture.archive.put(kName, segment);
  fixture.archive.put("00000002.history", kHistory);
  const auto before = fixture.store.objects;
  const auto changed = [&](size_t at) {
    std::string other = segment;
    other[at] = static_cast<char>(other[at] ^ 1);
    return other;
  };
  struct Row {
    std::string what;
    std::string name;
    std::string bytes;
  };
  for (const Row& row : std::vector<Row>{{"first byte", kName, changed(0)},
                                         {"byte in the middle", kName, changed(kSize / 2)},
                                         {"last byte", kName, changed(kSize - 1)},
                                         {"shorter", kName, segment.substr(0, kSize - 1)},
                                         {"longer", kName, segment + '\0'},
                                         {"nothing", kName, ""},
                                         {"history", "00000002.history", kHistory + "\n"},
                                         {"short history", "00000002.history", "1"}}) {
    CAPTURE(row.what);
    CHECK(fails_with(ErrorKind::conflict, "other content", [&] {
      fixture.archive.put(row.name, row.bytes);
      return 0;
    }));
    CHECK(fixture.store.objects.size() == before.size());
    CHECK((fixture.stored(kName) == before.at(wal_key(kSystem, kName, {})).bytes));
  }
}

TEST_CASE("What is not the segment of the name is not stored") {
  Fixture fixture;
  const std::string segment = make_segment(kName);
  struct Row {
    std::string what;
    std::string name;
    std::string bytes;
  };
  for (const Row& row : std::vector<Row>{
           {"it has 0 bytes", kName, ""},
           {"it begins with 0000", kName, std::string(kSize, '\0')},
           {"1048575 of the 1048576", kName, segment.substr(0, kSize - 1)},
           {"more than the 1048576", kName, segment + segment},
           {"position 0/5000000", kNext, segment},
           {"position 0/5000000", kNext + ".partial", segment},
           {"system identifier", kName, make_segment(kName, {.system_id = 5})},
           {"more than 1048576 bytes", "00000002.history", std::string(kMaxSmallObject + 1, '\n')},
           {"more than 1048576 bytes", kName + ".00000028.backup",
            std::string(kMaxSmallObject + 1, 'x')}}) {
    CAPTURE(row.what, row.name);
    CHECK(fails_with(ErrorKind::corrupt, row.what, [&] {
      fixture.archive.put(row.name, row.bytes);
      return 0;
    }));
    CHECK(fixture.store.objects.empty());
    CHECK(fixture.store.unfinished.empty());
  }
}

TEST_CASE("A segment that is written as it comes exists when it is finished") {
  Fixture fixture;
  const std::string segment = make_segment(kName);
  for (const size_t cut : {size_t{0}, size_t{39}, kSize / 2, kSize - 1}) {
    const std::unique_ptr<Sink> sink = fixture.archive.create(kName);
    sink->write(segment.substr(0, cut));
    CHECK(fixture.store.objects.empty());
    CHECK(error_of([&] {
      sink->finish();
      return 0;
    }));
  }
  CHECK(fixture.store.objects.empty());
  CHECK(fixture.store.unfinished.empty());
  const std::unique_ptr<Sink> sink = fixture.archive.create(kName);
  for (size_t at = 0; at < kSize; at += 65536) sink->write(segment.substr(at, 65536));
  sink->finish();
  CHECK((fetch_wal_file(fixture.store, kSystem, kName).bytes == segment));
}

TEST_CASE("A flipped byte in a stored segment is noticed") {
  for (const Compression compression : {Compression::zstd, Compression::gzip, Compression::none}) {
    Fixture fixture;
    WalArchive archive(fixture.store, kSystem, {compression}, kEffort);
    const std::string segment = make_segment(kName);
    archive.put(kName, segment);
    std::string& bytes = fixture.stored(kName, compression);
    REQUIRE(bytes.size() > 1000);
    const std::string good = bytes;
    int noticed = 0;
    std::vector<size_t> places = {bytes.size() - 1, bytes.size() - 5, bytes.size() - 9};
    for (size_t at = 0; at < bytes.size(); at += at < 64 ? 1 : bytes.size() / 50) {
      places.push_back(at);
    }
    for (const size_t at : places) {
      CAPTURE(at, compression_name(compression));
      bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
      FetchedWal fetched;
      const auto error = error_of([&] { fetched = fetch_wal_file(fixture.store, kSystem, kName); });
      if (error) {
        CHECK(error->kind() == ErrorKind::corrupt);
        CHECK(error->message().find("memory:_cluster/wal/") == 0);
        ++noticed;
      } else {
        CHECK((fetched.bytes == segment));  // a bit that means nothing
      }
      bytes = good;
    }
    CHECK(noticed > 100);
  }
}

/// A store with a segment that was damaged, and what does it.
struct DamagedFixture : Fixture {
  const std::string segment = make_segment(kName);
  const Compression compression = GENERATE(Compression::zstd, Compression::gzip);
  const std::string damage = GENERATE(as<std::string>{}, "a bit", "its end", "all of it");
  WalArchive packed{store, kSystem, {compression}, kEffort};

  DamagedFixture() {
    CAPTURE(damage);
    packed.put(kName, segment);
    std::string& bytes = stored(kName, compression);
    if (damage == "a bit") bytes[bytes.size() / 2] ^= 1;
    if (damage == "its end") bytes.resize(bytes.size() / 2);
    if (damage == "all of it") bytes = "x";
  }
};

TEST_CASE_METHOD(DamagedFixture, "A damaged segment is stored again, beside what is left of it") {
  const std::string left = stored(kName, compression);
  CHECK(contains(packed.put(kName, segment), "memory:_cluster/wal/" + kSystem));
  CHECK(store.objects.size() == 2);
  CHECK((stored(kName, compression) == left));
  CHECK((fetch_wal_file(store, kSystem, kName).bytes == segment));
  CHECK(packed.compare_part(kName, 5, std::string_view(segment).substr(5, 100)).bytes == 100);
  SECTION("once") {
    CHECK(packed.put(kName, segment).empty());
    BytesSource source(segment);
    CHECK(packed.put(kName, source).empty());
    CHECK(store.objects.size() == 2);
  }
  SECTION("and other content is still refused") {
    std::string other = segment;
    other.back() = static_cast<char>(~other.back());
    CHECK(fails_with(ErrorKind::conflict, "other content", [&] { packed.put(kName, other); }));
  }
  SECTION("where that is damaged, too, nothing is stored") {
    for (auto& [key, object] : store.objects) object.bytes = "x";
    CHECK(error_of([&] { packed.put(kName, segment); })->kind() == ErrorKind::corrupt);
    CHECK(fetch_error().kind() == ErrorKind::corrupt);
  }
}

TEST_CASE_METHOD(DamagedFixture, "Other content does not take the place of a damaged segment") {
  CHECK(packed.compare_part(kName, 0, segment).bytes == 0);
  CHECK_FALSE(packed.compare_part(kName, 0, segment).damage.empty());
  CHECK(error_of([&] { packed.put(kName, make_segment(kNext)); })->kind() == ErrorKind::corrupt);
  CHECK(store.objects.size() == 1);
}

TEST_CASE("A segment does not take the place of pieces with other content") {
  Fixture fixture;
  const std::string segment = make_segment(kName);
  std::string other = segment.substr(0, 9000);
  other[8500] = static_cast<char>(~other[8500]);
  const bool is_other = GENERATE(true, false);
  fixture.archive.put_piece(kName, 0, is_other ? other : segment.substr(0, 9000));
  BytesSource source(segment);
  const auto error = error_of([&] { fixture.archive.put(kName, source); });
  CHECK(error.has_value() == is_other);
  if (error) CHECK(error->kind() == ErrorKind::conflict);
  CHECK(fixture.store.objects.size() == (is_other ? 1 : 2));
}

TEST_CASE("A large segment that is damaged is stored again, too") {
  constexpr uint64_t kLarge = 2 * kKeptSegmentBytes;
  const std::string name = segment_name({.timeline = 1, .number = 5}, kLarge);
  const std::string segment = make_segment(name, {.segment_bytes = kLarge});
  Fixture fixture;
  const auto put = [&] {
    BytesSource source(segment);
    return fixture.archive.put(name, source);
  };
  CHECK(put().empty());
  CHECK(put().empty());
  CHECK(fixture.store.objects.size() == 1);
  std::string& bytes = fixture.stored(name);
  bytes[bytes.size() / 2] ^= 1;
  CHECK(contains(put(), "damaged"));
  CHECK(put().empty());
  CHECK(fixture.store.objects.size() == 2);
  CHECK((fetch_wal_file(fixture.store, kSystem, name).bytes == segment));
}

TEST_CASE("A segment that is stored unpacked is read all the same") {
  Fixture fixture;
  const std::string segment = make_segment(kName);
  fixture.store.put(wal_key(kSystem, kName, {Compression::none}), segment);
  CHECK((fetch_wal_file(fixture.store, kSystem, kName).bytes == segment));
}

TEST_CASE("A segment that is cut off, swapped or of another server is refused") {
  Fixture fixture;
  fixture.archive.put(kName, make_segment(kName));
  fixture.archive.put(kNext, make_segment(kNext));
  const std::string good = fixture.stored(kName);
  const auto with = [&](const std::string& bytes) {
    fixture.stored(kName) = bytes;
    return fixture.fetch_error();
  };
  CHECK(with("").kind() == ErrorKind::corrupt);
  CHECK(with(good.substr(0, good.size() / 2)).kind() == ErrorKind::corrupt);
  CHECK(with(good.substr(0, good.size() - 1)).kind() == ErrorKind::corrupt);
  CHECK(with(good + "x").kind() == ErrorKind::corrupt);
  CHECK(with(good + good).message().find("more than the 1048576 bytes") != std::string::npos);
  CHECK(with("not compressed").kind() == ErrorKind::corrupt);
  CHECK(with(fixture.stored(kNext)).message().find("first page is that of position 0/5100000") !=
        std::string::npos);
  WalArchive other(fixture.store, "5", {}, kEffort);
  other.put(kName, make_segment(kName, {.system_id = 5}));
  CHECK(with(fixture.store.objects.at(wal_key("5", kName, {})).bytes)
            .message()
            .find("server with system identifier 5") != std::string::npos);
  CHECK(with(std::string(20, '\0')).kind() == ErrorKind::corrupt);
}

TEST_CASE("What is not stored is not found") {
  Fixture fixture;
  CHECK(fixture.fetch_error().kind() == ErrorKind::not_found);
  CHECK(fixture.fetch_error("00000002.history").kind() == ErrorKind::not_found);
  // Too little to know the size of the segment by.
  fixture.archive.put_piece(kName, 0, make_segment(kName).substr(0, 39));
  CHECK(fixture.fetch_error().kind() == ErrorKind::not_found);
}

TEST_CASE("Pieces are joined and filled up with zeros to the size of a segment") {
  const std::string segment = make_segment(kName);
  struct Row {
    std::string what;
    std::vector<std::pair<size_t, size_t>> pieces;
    size_t reach;
  };
  for (const Row& row : std::vector<Row>{
           {"the header alone", {{0, 40}}, 40},
           {"the header in two", {{0, 20}, {20, 100000}}, 100000},
           {"in a row", {{0, 1000}, {1000, 1001}, {1001, 300000}}, 300000},
           {"overlapping", {{0, 1000}, {500, 2000}, {1500, 2500}}, 2500},
           {"again from the start", {{0, 1000}, {1000, 2000}, {0, 5000}, {4000, 6000}}, 6000},
           {"within others", {{0, 5000}, {1000, 2000}, {4999, 5000}}, 5000},
           {"behind a gap", {{0, 1000}, {1001, 2000}}, 1000},
           {"all", {{0, kSize / 2}, {kSize / 2, kSize}}, kSize}}) {
    CAPTURE(row.what);
    Fixture fixture;
    for (const auto& [begin, end] : row.pieces) {
      fixture.archive.put_piece(kName, begin, segment.substr(begin, end - begin));
    }
    std::string expected = segment.substr(0, row.reach);
    expected.resize(kSize);
    const FetchedWal fetched = fetch_wal_file(fixture.store, kSystem, kName);
    CHECK((fetched.bytes == expected));
    CHECK(fetched.is_complete == (row.reach == kSize));
    fixture.archive.put(kName, segment);
    CHECK((fetch_wal_file(fixture.store, kSystem, kName).bytes == segment));
    CHECK(fixture.store.objects.size() > row.pieces.size());  // only pg-prune deletes
  }
}

TEST_CASE("Damaged pieces are refused") {
  const std::string segment = make_segment(kName);
  const auto refusal = [&](const std::function<void(Fixture&)>& damage) {
    Fixture fixture;
    fixture.archive.put_piece(kName, 0, segment.substr(0, 1000));
    fixture.archive.put_piece(kName, 1000, segment.substr(1000, 1000));
    damage(fixture);
    return fixture.fetch_error();
  };
  const std::string first = wal_piece_key(kSystem, kName, 0, 1000, {});
  const std::string second = wal_piece_key(kSystem, kName, 1000, 2000, {});
  const std::vector<std::function<void(Fixture&)>> damages = {
      [&](Fixture& f) { f.store.objects[second].bytes.pop_back(); },
      [&](Fixture& f) { f.store.objects[second].bytes.clear(); },
      [&](Fixture& f) { f.store.objects[second].bytes += "x"; },
      [&](Fixture& f) { f.store.objects[first].bytes[30] = '?'; },
      [&](Fixture& f) { f.store.objects[first] = f.store.objects[second]; },
      // A piece that holds fewer or more bytes than its name says.
      [&](Fixture& f) {
        f.store.objects[wal_piece_key(kSystem, kName, 1000, 2001, {})] = f.store.objects[second];
      },
      [&](Fixture& f) {
        f.store.objects[wal_piece_key(kSystem, kName, 0, 1001, {})] = f.store.objects[first];
        f.store.objects.erase(first);
      },
      [&](Fixture& f) { f.archive.put_piece(kName, 2000, std::string(2 * kSize, 'x')); },
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    CAPTURE(i);
    CHECK(refusal(damages[i]).kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("A piece that does not begin the segment is not stored as its beginning") {
  Fixture fixture;
  for (const std::string& bytes :
       {make_segment(kNext).substr(0, 1000), make_segment(kName, {.system_id = 5}).substr(0, 1000),
        std::string(1000, '\0')}) {
    CHECK(fails_with(ErrorKind::corrupt, "segment", [&] {
      fixture.archive.put_piece(kName, 0, bytes);
      return 0;
    }));
  }
  CHECK(fixture.store.objects.empty());
}

TEST_CASE("A store that fails is no archive without the file") {
  Fixture fixture;
  FaultyStore store(fixture.store);
  store.before = [](std::string_view, std::string_view) {
    throw Error(ErrorKind::transient, "503 SlowDown");
  };
  WalArchive archive(store, kSystem);
  CHECK(fails_with(ErrorKind::transient, "503", [&] { return archive.find(kName); }));
  CHECK(fails_with(ErrorKind::transient, "503", [&] {
    archive.put(kName, make_segment(kName));
    return 0;
  }));
}

}  // namespace
}  // namespace pgbackup
