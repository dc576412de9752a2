// What writers of encrypted logs do, who cannot read what is stored.
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "backup/physical/wal_push.h"
#include "backup/physical/wal_writer.h"
#include "common/codec/bytes_source.h"
#include "tests/support/encrypted_wal.h"
#include "tests/support/error_of.h"
#include "tests/support/faulty_store.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

struct Fixture : EncryptedWalFixture {
  const Lsn start = start_of(*parse_segment_name(name, kSize), kSize);
  FaultyStore seen{store};

  [[nodiscard]] Lsn at(uint64_t byte) const { return {start.value + byte}; }
  [[nodiscard]] WalArchive make_archive(Store& into) {
    return {into, system, kEncrypted, {.zstd_threads = 1, .keys = &recipients}};
  }
  [[nodiscard]] WalWriter writer_from(WalArchive& into, Lsn stored) {
    return {into, {.timeline = 1, .position = start, .stored = stored}, kSize, log.log()};
  }
  /// Lets no call pass that needs something that is stored.
  void forbid_reading() {
    seen.before = [](std::string_view call, std::string_view) {
      if (call == "open" || call == "stat" || call == "list") {
        throw Error(ErrorKind::failed, "a writer reads: " + std::string(call));
      }
    };
  }
  [[nodiscard]] size_t count(bool is_piece) const {
    size_t found = 0;
    for (const auto& [key, object] : store.objects)
      found += parse_wal_key(key)->is_piece == is_piece;
    return found;
  }
};

TEST_CASE_METHOD(Fixture,
                 "Whoever encrypts reads nothing, and stores a copy of its own each time") {
  forbid_reading();
  WalArchive writes = make_archive(seen);
  std::string other = segment;
  other[9000] = static_cast<char>(~other[9000]);
  for (const std::string& bytes : {segment, segment, other}) {
    CHECK(writes.put(name, bytes).empty());
    BytesSource source(bytes);
    CHECK(writes.put(name, source).empty());
    const std::unique_ptr<Sink> sink = writes.create(name);
    sink->write(bytes);
    sink->finish();
    writes.put_piece(name, 100, std::string_view(bytes).substr(100, 9000));
    CHECK(writes.put(name + ".partial", bytes).empty());
  }
  CHECK(count(false) == 12);
  CHECK(count(true) == 3);
  CHECK(writes.is_wanted(name));
  CHECK(writes.comparable_bytes(name) == 0);
  CHECK(writes.compare_part(name, 0, other).bytes == 0);
}

TEST_CASE_METHOD(Fixture, "What is not the segment of the name is not encrypted either") {
  const std::string next = "000000010000000000000051";
  for (const std::string& bytes : {std::string(), segment.substr(0, kSize - 1), segment + segment,
                                   make_segment(next), std::string(kSize, '\0')}) {
    CHECK(error_of([&] { archive.put(name, bytes); })->kind() == ErrorKind::corrupt);
    CHECK(error_of([&] {
            BytesSource source(bytes);
            archive.put(name, source);
          })->kind() == ErrorKind::corrupt);
    const std::unique_ptr<Sink> sink = archive.create(name);
    CHECK(error_of([&] {
            sink->write(bytes);
            sink->finish();
          })->kind() == ErrorKind::corrupt);
  }
  CHECK(error_of([&] { archive.put_piece(name, 0, make_segment(next).substr(0, 9000)); })->kind() ==
        ErrorKind::corrupt);
  CHECK(store.objects.empty());
}

TEST_CASE_METHOD(Fixture, "Where age fails, nothing is stored") {
  const AgeKeys broken = age_keys("age1nobody");
  WalArchive writes(store, system, kEncrypted, {.zstd_threads = 1, .keys = &broken});
  CHECK(error_of([&] { writes.put(name, segment); })->kind() == ErrorKind::failed);
  CHECK(error_of([&] { writes.put_piece(name, 0, part(0, 1000)); })->kind() == ErrorKind::failed);
  CHECK(error_of([&] {
          const std::unique_ptr<Sink> sink = writes.create(name);
          sink->write(segment);
          sink->finish();
        })->kind() == ErrorKind::failed);
  CHECK(store.objects.empty());
  CHECK(store.unfinished.empty());
}

TEST_CASE_METHOD(Fixture, "After a restart a stream counts only what it has stored itself") {
  forbid_reading();
  WalArchive writes = make_archive(seen);
  {
    WalWriter killed = writer_from(writes, start);
    killed.write(at(0), part(0, 5000));
    killed.flush();
    killed.write(at(5000), part(5000, 9000));
    killed.flush();
    CHECK(killed.stored() == at(9000));
  }
  later();
  CHECK((fetch().bytes == filled(9000)));
  WalWriter writer = writer_from(writes, at(9000));
  CHECK(writer.stored() == start);
  writer.write(at(0), part(0, 4000));
  CHECK(writer.stored() == start);
  CHECK_FALSE(writer.is_all_stored());
  writer.flush();
  CHECK(writer.stored() == at(4000));
  CHECK((fetch().bytes == filled(9000)));  // recoveries use what the other one stored
  writer.write(at(4000), part(4000, 12000));
  writer.flush();
  CHECK(writer.stored() == at(12000));
  CHECK(count(true) == 4);
  // Even where all that was stored before is damaged, what was counted is there.
  const std::vector<std::string> keys = keys_by_age();
  for (const size_t old : {0, 1}) store.objects.at(keys[old]).bytes = "x";
  CHECK((fetch().bytes == filled(12000)));
  writer.write(at(12000), part(12000, kSize));
  CHECK(writer.stored() == at(kSize));
  CHECK((fetch().bytes == segment));
}

TEST_CASE_METHOD(Fixture,
                 "Two streams store the same segment, and neither counts what the other has") {
  WalArchive one = make_archive(store);
  WalArchive two = make_archive(store);
  WalWriter first = writer_from(one, start);
  WalWriter second = writer_from(two, start);
  const auto write = [&](WalWriter& writer, size_t begin, size_t end) {
    writer.write(at(begin), part(begin, end));
    writer.flush();
    later();
  };
  write(first, 0, 3000);
  CHECK(second.stored() == start);
  write(second, 0, 1000);
  write(first, 3000, 4000);
  write(second, 1000, 3500);
  CHECK(first.stored() == at(4000));
  CHECK(second.stored() == at(3500));
  CHECK((fetch().bytes == filled(4000)));
  write(first, 4000, kSize);
  CHECK(second.stored() == at(3500));
  write(second, 3500, kSize);
  CHECK(second.stored() == at(kSize));
  CHECK(count(false) == 2);
  CHECK((fetch().bytes == segment));
  CHECK(count_in_log(kDiffer) == 0);
}

TEST_CASE_METHOD(Fixture,
                 "Where encryption is switched off, only what is not encrypted is compared") {
  const bool is_encrypted_first = GENERATE(true, false);
  (is_encrypted_first ? archive : plain).put_piece(name, 0, part(0, 5000));
  (is_encrypted_first ? plain : archive).put_piece(name, 5000, part(5000, 9000));
  WalWriter writer = writer_from(plain, at(9000));
  const Lsn known = is_encrypted_first ? start : at(5000);
  writer.write(at(0), part(0, 9000));
  CHECK(writer.stored() == known);
  CHECK_FALSE(contains(log.text(), "damaged"));
  writer.flush();
  CHECK(writer.stored() == at(9000));
  CHECK((fetch(nullptr).bytes == filled(9000)));
  // The whole is stored where only an encrypted one is.
  archive.put(name, segment);
  CHECK(plain.is_wanted(name));
  writer.write(at(9000), part(9000, kSize));
  CHECK(is_listed(store, wal_key(system, name, {})));
  CHECK_FALSE(plain.is_wanted(name));
}

TEST_CASE_METHOD(Fixture, "Where encryption is switched on, what is stored is stored again") {
  plain.put_piece(name, 0, part(0, 5000));
  WalArchive writes = make_archive(store);
  WalWriter writer = writer_from(writes, at(5000));
  writer.write(at(0), part(0, 5000));
  CHECK(writer.stored() == start);
  writer.flush();
  CHECK(writer.stored() == at(5000));
  plain.put(name, segment);
  writer.write(at(5000), part(5000, kSize));
  CHECK(count(false) == 2);
}

TEST_CASE_METHOD(Fixture,
                 "Whichever call of the store fails, an encrypted stream counts what is stored") {
  size_t failures = 0;
  for (const bool takes_effect : {false, true}) {
    bool has_failed = true;
    for (size_t failing = 0; has_failed; ++failing) {
      CAPTURE(takes_effect, failing);
      store.objects.clear();
      has_failed = false;
      size_t calls = 0;
      const FaultyStore::Hook hook = [&](std::string_view, std::string_view) {
        if (calls++ != failing) return;
        has_failed = true;
        throw Error(ErrorKind::transient, "the store is gone");
      };
      seen.before = seen.after = [](std::string_view, std::string_view) {};
      (takes_effect ? seen.after : seen.before) = hook;
      WalArchive writes = make_archive(seen);
      std::optional<WalWriter> writer(writer_from(writes, start));
      Lsn counted = start;
      const auto error = error_of([&] {
        for (const auto& [begin, end] :
             std::vector<std::pair<size_t, size_t>>{{0, 3000}, {3000, 9000}, {9000, kSize}}) {
          writer->write(at(begin), part(begin, end));
          writer->flush();
          counted = writer->stored();
        }
        return 0;
      });
      CHECK(error.has_value() == has_failed);
      failures += has_failed;
      if (counted > start) {
        CHECK((fetch().bytes.substr(0, counted.value - start.value) ==
               part(0, counted.value - start.value)));
      }
      // The next connection stores all of it again, from the start of the segment on.
      seen.before = seen.after = [](std::string_view, std::string_view) {};
      writer.emplace(writer_from(writes, counted < at(kSize) ? counted : start));
      later();
      writer->write(at(0), segment);
      CHECK(writer->stored() == at(kSize));
      CHECK((fetch().bytes == segment));
    }
  }
  CHECK(failures == 6);  // three puts, before and after
}

TEST_CASE_METHOD(Fixture, "A large segment is encrypted as it comes, again after a restart") {
  constexpr uint64_t kLarge = 2 * kKeptSegmentBytes;
  constexpr uint64_t kMessage = 1'000'000;
  const std::string large = segment_name({.timeline = 1, .number = 5}, kLarge);
  const std::string bytes = make_segment(large, {.segment_bytes = kLarge});
  const Lsn begin = start_of({.timeline = 1, .number = 5}, kLarge);
  forbid_reading();
  WalArchive writes = make_archive(seen);
  const auto write = [&](WalWriter& writer, uint64_t from, uint64_t to) {
    for (; from < to; from += kMessage) {
      writer.write({begin.value + from},
                   std::string_view(bytes).substr(from, std::min(kMessage, to - from)));
    }
  };
  const uint64_t cut = kKeptSegmentBytes + 5000;
  {
    WalWriter killed(writes, {.timeline = 1, .position = begin, .stored = begin}, kLarge,
                     log.log());
    write(killed, 0, cut);
    killed.flush();
    CHECK(killed.stored() == Lsn{begin.value + cut});
  }
  WalWriter writer(writes, {.timeline = 1, .position = begin, .stored = {begin.value + cut}},
                   kLarge, log.log());
  CHECK(writer.stored() == begin);
  write(writer, 0, cut - 1);
  writer.flush();
  CHECK(writer.stored() == Lsn{begin.value + cut - 1});
  write(writer, cut - 1, kLarge);
  CHECK(writer.stored() == Lsn{begin.value + kLarge});
  CHECK(count(false) == 1);
  CHECK((fetch_wal_file(store, system, large, &identity).bytes == bytes));
}

struct PushFixture : Fixture {
  TemporaryFolder folder;

  PushFixture() { folder.write("pg_wal/" + name, segment); }
  void push(Store& into) {
    push_wal({.path = folder.path() / "pg_wal" / name,
              .packing = kEncrypted,
              .effort = {.zstd_threads = 1, .keys = &recipients}},
             only(into), log.log());
  }
};

TEST_CASE_METHOD(PushFixture,
                 "An encrypted push whose reply was lost is repeated under another name") {
  forbid_reading();
  seen.after = [](std::string_view call, std::string_view) {
    if (call == "put") throw Error(ErrorKind::transient, "the connection broke off");
  };
  CHECK(error_of([&] { push(seen); })->kind() == ErrorKind::transient);
  CHECK(store.objects.size() == 1);
  seen.after = [](std::string_view, std::string_view) {};
  push(seen);
  CHECK(store.objects.size() == 2);
  CHECK((fetch().bytes == segment));
  CHECK(count_in_log(kDiffer) == 0);
}

TEST_CASE_METHOD(PushFixture,
                 "While one destination fails, the other gets no copy for each repeat") {
  MemoryStore other{clock};
  seen.before = [](std::string_view call, std::string_view) {
    if (call == "put") throw Error(ErrorKind::transient, "it is full");
  };
  const Destinations destinations = both(other, seen);
  const auto push_to_both = [&] {
    push_wal({.path = folder.path() / "pg_wal" / name,
              .packing = kEncrypted,
              .effort = {.zstd_threads = 1, .keys = &recipients}},
             destinations, log.log());
  };
  for (int i = 0; i < 3; ++i) CHECK(error_of([&] { return push_to_both(), 0; }));
  CHECK(other.objects.size() == 1);
  CHECK(store.objects.empty());
  seen.before = [](std::string_view, std::string_view) {};
  push_to_both();
  CHECK(store.objects.size() == 1);
  CHECK(other.objects.size() == 2);
}

TEST_CASE_METHOD(PushFixture, "A push and a stream store the same segment, encrypted or not") {
  const bool is_push_encrypted = GENERATE(true, false);
  (is_push_encrypted ? plain : archive).put(name, segment);
  if (is_push_encrypted) {
    push(store);
  } else {
    push_wal({.path = folder.path() / "pg_wal" / name, .effort = {.zstd_threads = 1}}, only(store),
             log.log());
  }
  CHECK(store.objects.size() == 2);
  CHECK((fetch().bytes == segment));
}

}  // namespace
}  // namespace pgbackup
