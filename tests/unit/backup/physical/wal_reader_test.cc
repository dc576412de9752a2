// Of encrypted logs: wal_archive_test.cc reads those that are not.
#include "backup/physical/wal_reader.h"

#include <functional>
#include <string>
#include <vector>

#include "tests/support/encrypted_wal.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Fixture = EncryptedWalFixture;

TEST_CASE_METHOD(Fixture,
                 "Of encrypted WAL, nothing but histories can be read without an identity") {
  const std::vector<std::pair<std::string, std::string>> files = {
      {name, segment},
      {name + ".partial", segment},
      {name + ".00000028.backup", "START WAL LOCATION: 0/5000028\n"}};
  for (const auto& [file, bytes] : files) {
    CAPTURE(file);
    archive.put(file, bytes);
    CHECK((fetch_wal_file(store, system, file, &identity).bytes == bytes));
    for (const AgeKeys* const keys :
         {static_cast<const AgeKeys*>(nullptr), &recipients, &other_identity}) {
      const auto error = error_of([&] { return fetch_wal_file(store, system, file, keys); });
      REQUIRE(error);
      CHECK(error->kind() == ErrorKind::denied);
      CHECK(contains(error->hint(), "BACKUP_AGE_IDENTITY_FILE"));
      CHECK(error->message().starts_with("memory:_cluster/wal/"));
    }
  }
  for (const auto& [key, object] : store.objects) CHECK(object.bytes.starts_with(kAgeMagic));
  archive.put("00000002.history", "1\t0/5000060\tno reason\n");
  CHECK(fetch_wal_file(store, system, "00000002.history").bytes == "1\t0/5000060\tno reason\n");
}

TEST_CASE_METHOD(Fixture, "A file that was encrypted by hand is read, too") {
  archive.put(name, segment);
  auto only = store.objects.extract(store.objects.begin());
  only.key() = wal_key(system, name, kEncrypted);
  store.objects.insert(std::move(only));
  CHECK((fetch().bytes == segment));
}

TEST_CASE_METHOD(Fixture, "A damaged copy of an encrypted segment is passed over") {
  for (int i = 0; i < 3; ++i) {
    archive.put(name, segment);
    later();
  }
  REQUIRE(store.objects.size() == 3);
  const auto undamaged = store.objects;
  const std::vector<std::string> keys = keys_by_age();
  using Damage = std::function<void(std::string&)>;
  const std::vector<Damage> damages = {
      [](std::string& bytes) { bytes.clear(); },
      [](std::string& bytes) { bytes = "x"; },
      [](std::string& bytes) { bytes[30] ^= 1; },                // of the header
      [](std::string& bytes) { bytes[bytes.size() / 2] ^= 1; },  // of a chunk
      [](std::string& bytes) { bytes.pop_back(); },
      [](std::string& bytes) { bytes.resize(bytes.size() / 2); },
      [](std::string& bytes) { bytes += "x"; }};
  for (size_t i = 0; i < damages.size(); ++i) {
    CAPTURE(i);
    for (const size_t good : {size_t{0}, size_t{1}, size_t{2}}) {
      store.objects = undamaged;
      for (const std::string& key : keys) {
        if (key != keys[good]) damages[i](store.objects[key].bytes);
      }
      CHECK((fetch().bytes == segment));
    }
    store.objects = undamaged;
    for (auto& [key, object] : store.objects) damages[i](object.bytes);
    const auto error = error_of([&] { return fetch(); });
    REQUIRE(error);
    CHECK((error->kind() == ErrorKind::corrupt || error->kind() == ErrorKind::denied));
  }
  CHECK(count_in_log(kPassedOver) == 3 * damages.size());  // once by each reader
  CHECK(count_in_log(kDiffer) == 0);
}

TEST_CASE_METHOD(Fixture, "Where undamaged copies differ, the one stored last counts") {
  std::string other = segment;
  other.back() = static_cast<char>(~other.back());
  archive.put(name, segment);
  later();
  archive.put(name, other);
  later();
  const bool is_last = GENERATE(false, true);
  if (is_last) archive.put(name, segment);
  CHECK((fetch().bytes == (is_last ? segment : other)));
  CHECK(count_in_log(kDiffer) == 1);
  CHECK(count_in_log(kPassedOver) == 0);

  // One reader says so once.
  WalReader reader(store, system, &identity, &log.log());
  for (int i = 0; i < 2; ++i) reader.check(name);
  CHECK(count_in_log(kDiffer) == 2);
  // The damage of the one that counts makes it count no more.
  store.objects.at(keys_by_age().back()).bytes += "x";
  CHECK((fetch().bytes == (is_last ? other : segment)));
}

TEST_CASE_METHOD(Fixture, "A segment of another name or server under a key is damage") {
  for (int i = 0; i < 2; ++i) {
    archive.put(name, segment);
    later();
  }
  MemoryStore elsewhere(clock);
  const auto [from, of] = GENERATE(table<uint64_t, std::string>(
      {{7434812345678901234, "000000010000000000000051"}, {5, "000000010000000000000050"}}));
  WalArchive(elsewhere, std::to_string(from), kEncrypted, {.zstd_threads = 1, .keys = &recipients})
      .put(of, make_segment(of, {.system_id = from}));
  store.objects.at(keys_by_age().back()).bytes = elsewhere.objects.begin()->second.bytes;
  CHECK((fetch().bytes == segment));
  CHECK(count_in_log(kPassedOver) == 1);
  CHECK(count_in_log(kDiffer) == 0);
}

TEST_CASE_METHOD(Fixture,
                 "Copies that are encrypted and copies that are not may lie side by side") {
  const bool is_encrypted_first = GENERATE(true, false);
  (is_encrypted_first ? archive : plain).put(name, segment);
  later();
  (is_encrypted_first ? plain : archive).put(name, segment);
  REQUIRE(store.objects.size() == 2);
  CHECK((fetch().bytes == segment));
  CHECK(count_in_log(kPassedOver) == 0);
  // What is not encrypted is enough.
  CHECK((fetch(nullptr).bytes == segment));
  CHECK(count_in_log(kPassedOver) == 1);
  std::string& bytes = store.objects.at(wal_key(system, name, {})).bytes;
  bytes[bytes.size() / 2] ^= 1;
  CHECK((fetch().bytes == segment));
  // An identity would help.
  CHECK(error_of([&] { return fetch(nullptr); })->kind() == ErrorKind::denied);
}

TEST_CASE_METHOD(Fixture, "Encryption that is switched on or off within a segment leaves no gap") {
  const bool is_on_first = GENERATE(true, false);
  WalArchive& first = is_on_first ? archive : plain;
  WalArchive& second = is_on_first ? plain : archive;
  first.put_piece(name, 0, part(0, 1000));
  second.put_piece(name, 1000, part(1000, 3000));
  first.put_piece(name, 3000, part(3000, 3001));
  const FetchedWal fetched = fetch();
  CHECK((fetched.bytes == filled(3001)));
  CHECK_FALSE(fetched.is_complete);
  CHECK(error_of([&] { return fetch(nullptr); })->kind() == ErrorKind::denied);
  CHECK(error_of([&] { return fetch(&other_identity); })->kind() == ErrorKind::denied);
}

TEST_CASE_METHOD(Fixture, "Of pieces that overlap, those that were stored last count") {
  std::string other = segment;
  for (const size_t at : {500, 2500}) other[at] = '?';
  // One process after the other stores the segment from its start.
  for (const auto& [begin, end] : std::vector<std::pair<size_t, size_t>>{{0, 1000}, {1000, 3000}}) {
    archive.put_piece(name, begin, std::string_view(other).substr(begin, end - begin));
    later();
  }
  archive.put_piece(name, 0, part(0, 2000));
  later();
  std::string expected = segment.substr(0, 2000) + other.substr(2000, 1000);
  expected.resize(segment.size());
  CHECK((fetch().bytes == expected));
  archive.put_piece(name, 2000, part(2000, 4000));
  CHECK((fetch().bytes == filled(4000)));
}

TEST_CASE_METHOD(Fixture, "A damaged piece is passed over where others hold the same bytes") {
  for (const auto& [begin, end] :
       std::vector<std::pair<size_t, size_t>>{{0, 1000}, {1000, 2000}, {0, 1500}, {1500, 2000}}) {
    archive.put_piece(name, begin, part(begin, end));
    later();
  }
  const std::vector<std::string> keys = keys_by_age();
  struct Row {
    std::vector<size_t> damaged;
    bool is_lost;
  };
  const Row row = GENERATE(values<Row>({{{}, false},
                                        {{0}, false},
                                        {{1}, false},
                                        {{2}, false},
                                        {{3}, false},
                                        {{0, 1}, false},
                                        {{2, 3}, false},
                                        {{0, 3}, false},
                                        {{1, 2}, true},
                                        {{1, 3}, true},
                                        {{0, 2}, true},
                                        {{0, 1, 2, 3}, true}}));
  CAPTURE(row.damaged);
  for (const size_t number : row.damaged) store.objects.at(keys[number]).bytes += "x";
  if (row.is_lost) {
    CHECK(error_of([&] { return fetch(); })->kind() == ErrorKind::corrupt);
  } else {
    CHECK((fetch().bytes == filled(2000)));
  }
}

TEST_CASE_METHOD(Fixture,
                 "Where the last bytes of a segment are damaged, recovery does not end before") {
  archive.put_piece(name, 0, part(0, 1000));
  later();
  archive.put_piece(name, 0, part(0, 1001));
  store.objects.at(keys_by_age().back()).bytes += "x";
  CHECK(error_of([&] { return fetch(); })->kind() == ErrorKind::corrupt);
}

TEST_CASE_METHOD(Fixture, "A piece of a size that no writer makes is not kept in memory") {
  archive.put_piece(name, 0, part(0, 1000));
  auto only = store.objects.extract(store.objects.begin());
  only.key() = wal_piece_key(system, name, 0, kMostSegmentBytes, kEncrypted);
  store.objects.insert(std::move(only));
  CHECK(fails_with(ErrorKind::corrupt, "no piece has so many bytes", [&] { return fetch(); }));
}

}  // namespace
}  // namespace pgbackup
