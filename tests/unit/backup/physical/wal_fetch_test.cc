#include "backup/physical/wal_fetch.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "backup/physical/wal_archive.h"
#include "common/store/dir_store.h"
#include "tests/support/age_keys.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

const std::string kSystem = "7434812345678901234";
const std::string kHistory = "1\t0/5000060\tno recovery target specified\n";

/// The name of a segment of timeline 1 near 0/5000000, with segments of 1 MiB.
std::string name_of(uint64_t number) {
  return segment_name({1, 0x50 + number}, kLeastSegmentBytes);
}

Error slow_down() { return {ErrorKind::transient, "503 SlowDown"}; }

/// A server that recovers from up to two directories.
struct Fixture {
  Fixture() {
    folder.write("data/global/pg_control", make_wal_page({}).substr(24, 8) +
                                               std::string("\x14\x05\x00\x00", 4) +
                                               std::string(8180, '\0'));
    for (const char* const directory : {"data/pg_wal", "first", "second"}) {
      fs::create_directories(folder.path() / directory);
    }
  }

  void put(const std::string& store, const std::string& name) {
    put(store, name, make_segment(name));
  }
  void put(const std::string& store, const std::string& name, const std::string& bytes) {
    DirStore directory(folder.path() / store, clock);
    WalArchive(directory, kSystem, {}, {.zstd_threads = 1}).put(name, bytes);
  }
  void put_piece(const std::string& store, const std::string& name, size_t begin, size_t end) {
    DirStore directory(folder.path() / store, clock);
    WalArchive(directory, kSystem)
        .put_piece(name, begin, make_segment(name).substr(begin, end - begin));
  }

  /// Opens those of the directories that `stores` names.
  [[nodiscard]] OpenDestinations open(std::vector<std::string> stores = {"first"}) {
    return [this, stores = std::move(stores)] {
      Destinations destinations;
      for (const std::string& store : stores) {
        if (store == "broken") {
          destinations.emplace_back(store, slow_down());
        } else {
          destinations.emplace_back(store,
                                    std::make_unique<DirStore>(folder.path() / store, clock));
        }
      }
      return destinations;
    };
  }

  [[nodiscard]] bool fetch(const std::string& name, const OpenDestinations& destinations) {
    return fetch_wal({.name = name, .path = target()}, destinations, log.log());
  }
  [[nodiscard]] bool fetch(const std::string& name, std::vector<std::string> stores = {"first"}) {
    return fetch(name, open(std::move(stores)));
  }
  [[nodiscard]] Error fetch_error(const std::string& name, std::vector<std::string> stores) {
    const auto error = error_of([&] { return fetch(name, std::move(stores)); });
    REQUIRE(error);
    return *error;
  }

  [[nodiscard]] fs::path target() const { return folder.path() / "data/pg_wal/RECOVERYXLOG"; }
  [[nodiscard]] std::string result() const { return folder.read("data/pg_wal/RECOVERYXLOG"); }
  /// The names of what was read ahead.
  [[nodiscard]] std::vector<std::string> ahead() const {
    std::vector<std::string> names;
    for (const auto& entry :
         fs::directory_iterator(folder.path() / "data/pg_wal/.pg_backup_ahead")) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TemporaryFolder folder;
  FakeClock clock;
  TestLog log{clock};
};

TEST_CASE("A stored file comes to its path, and one that is nowhere does not") {
  Fixture fixture;
  fixture.put("first", name_of(0));
  fixture.put("first", "00000002.history", kHistory);
  fixture.put("first", name_of(0) + ".partial", make_segment(name_of(0)));
  CHECK(fixture.fetch(name_of(0)));
  CHECK((fixture.result() == make_segment(name_of(0))));
  CHECK(fixture.fetch("00000002.history"));
  CHECK(fixture.result() == kHistory);
  CHECK(fixture.fetch(name_of(0) + ".partial"));

  fs::remove(fixture.target());
  for (const std::string& name :
       {name_of(1), std::string("00000003.history"), name_of(1) + ".partial",
        std::string("000000020000000000000050"), name_of(0) + ".00000028.backup"}) {
    CAPTURE(name);
    CHECK_FALSE(fixture.fetch(name));
    CHECK_FALSE(fs::exists(fixture.target()));
  }
}

TEST_CASE("Names that PostgreSQL does not ask for are refused") {
  Fixture fixture;
  for (const std::string name : {"", "RECOVERYXLOG", "../../../etc/passwd", "00000001.HISTORY",
                                 "000000000000000000000050", "000000010000000000000050.zst"}) {
    CAPTURE(name);
    CHECK(fixture.fetch_error(name, {"first"}).kind() == ErrorKind::usage);
  }
}

TEST_CASE("The system identifier is that of the data directory, or the one that is named") {
  Fixture fixture;
  fixture.put("first", "00000002.history", kHistory);
  CHECK_FALSE(fetch_wal({.name = "00000002.history", .path = fixture.target(), .system_id = "5"},
                        fixture.open(), fixture.log.log()));
  fs::remove_all(fixture.folder.path() / "data/global");
  CHECK(fixture.fetch_error("00000002.history", {"first"}).kind() == ErrorKind::usage);
  CHECK(fetch_wal({.name = "00000002.history", .path = fixture.target(), .system_id = kSystem},
                  fixture.open(), fixture.log.log()));
}

TEST_CASE("The first destination that holds the file serves it") {
  Fixture fixture;
  fixture.put("first", "00000002.history", kHistory);
  fixture.put("second", "00000002.history", kHistory + "# second\n");
  fixture.put("second", "00000003.history", kHistory);
  CHECK(fixture.fetch("00000002.history", {"first", "second"}));
  CHECK(fixture.result() == kHistory);
  CHECK(fixture.fetch("00000002.history", {"second", "first"}));
  CHECK(fixture.result() == kHistory + "# second\n");
  CHECK(fixture.fetch("00000003.history", {"first", "second"}));
}

TEST_CASE("A destination that fails is passed over, unless the others do not hold the file") {
  Fixture fixture;
  fixture.put("first", name_of(0));
  CHECK(fixture.fetch(name_of(0), {"broken", "first"}));
  CHECK(contains(fixture.log.text(), "broken: 503 SlowDown"));
  CHECK((fixture.result() == make_segment(name_of(0))));

  fs::remove(fixture.target());
  for (const std::vector<std::string>& stores :
       {std::vector<std::string>{"broken", "first"}, {"first", "broken"}, {"broken"}}) {
    for (const std::string& name : {name_of(1), std::string("00000003.history")}) {
      const Error error = fixture.fetch_error(name, stores);
      CHECK(error.kind() == ErrorKind::transient);
      CHECK(error.message() == "cannot fetch " + name + ": broken: 503 SlowDown");
      CHECK_FALSE(fs::exists(fixture.target()));
    }
  }
  // The one that fails may hold more of it.
  fixture.put_piece("first", name_of(1), 0, 1000);
  CHECK(fixture.fetch_error(name_of(1), {"first", "broken"}).kind() == ErrorKind::transient);
}

TEST_CASE("A damaged segment is an error, and that of another destination is taken") {
  Fixture fixture;
  fixture.put("first", name_of(0));
  fixture.put("second", name_of(0));
  const std::string key = "first/" + wal_key(kSystem, name_of(0), {});
  std::string bytes = fixture.folder.read(key);
  bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
  fixture.folder.write(key, bytes);
  fixture.folder.write("data/pg_wal/RECOVERYXLOG", "before");
  CHECK(fixture.fetch_error(name_of(0), {"first"}).kind() == ErrorKind::corrupt);
  CHECK(fixture.result() == "before");
  CHECK(fixture.ahead().empty());
  CHECK(fixture.fetch(name_of(0), {"first", "second"}));
  CHECK((fixture.result() == make_segment(name_of(0))));
}

TEST_CASE("An unfinished segment comes filled up with zeros") {
  Fixture fixture;
  fixture.put_piece("first", name_of(0), 0, 1000);
  fixture.put_piece("first", name_of(0), 1000, 30000);
  fixture.put_piece("second", name_of(0), 0, 20000);
  std::string expected = make_segment(name_of(0)).substr(0, 30000);
  expected.resize(kLeastSegmentBytes);
  for (const std::vector<std::string>& stores :
       {std::vector<std::string>{"first"}, {"first", "second"}, {"second", "first"}}) {
    CHECK(fixture.fetch(name_of(0), stores));
    CHECK((fixture.result() == expected));
    CHECK(fixture.ahead().empty());
  }
  fixture.put("second", name_of(0));
  CHECK(fixture.fetch(name_of(0), {"first", "second"}));
  CHECK((fixture.result() == make_segment(name_of(0))));

  // The bytes do not tell the size of the segment yet.
  fixture.put_piece("first", name_of(1), 0, 39);
  CHECK_FALSE(fixture.fetch(name_of(1)));
}

TEST_CASE("A recovery does not end at a gap, and a standby goes on by other means") {
  Fixture fixture;
  fixture.put("first", name_of(7));
  const Error error = fixture.fetch_error(name_of(0), {"first", "second"});
  CHECK(error.kind() == ErrorKind::failed);
  CHECK(contains(error.message(), "gap: the segment " + name_of(0) + " is missing, and later"));
  CHECK(fixture.fetch_error(name_of(0), {"second", "first"}).kind() == ErrorKind::failed);
  CHECK_FALSE(fixture.fetch(name_of(8)));
  CHECK_FALSE(fixture.fetch("000000020000000000000050"));
  CHECK_FALSE(fixture.fetch("00000002.history"));
  fixture.put("second", "00000002.history", kHistory);
  CHECK_FALSE(fixture.fetch(name_of(0), {"second"}));

  fixture.put_piece("second", name_of(0), 0, 1000);
  CHECK(fixture.fetch(name_of(0), {"first", "second"}));
  CHECK(contains(fixture.log.text(), "is missing in part"));

  fixture.folder.write("data/standby.signal", "");
  CHECK_FALSE(fixture.fetch(name_of(1), {"first", "second"}));
}

TEST_CASE("A store without anything of the server does not end its recovery") {
  Fixture fixture;
  fixture.put("first", name_of(0));
  CHECK(contains(fixture.fetch_error(name_of(0), {"second"}).message(),
                 "the store holds no WAL of the server " + kSystem));
  CHECK_FALSE(fixture.fetch(name_of(1), {"first", "second"}));
  fixture.folder.write("data/standby.signal", "");
  CHECK_FALSE(fixture.fetch(name_of(0), {"second"}));
}

TEST_CASE("A segment that is stored while it is looked for is no gap") {
  Fixture fixture;
  DirStore store(fixture.folder.path() / "first", fixture.clock);
  int listings = 0;
  const auto open = [&] {
    auto seen = std::make_unique<FaultyStore>(store);
    seen->before = [&](std::string_view call, std::string_view) {
      if (call != "list" || ++listings != 2) return;
      fixture.put("first", name_of(0));
      fixture.put("first", name_of(1));
    };
    Destinations destinations;
    destinations.emplace_back("", std::move(seen));
    return destinations;
  };
  CHECK(fetch_wal(
      {.name = name_of(0), .path = fixture.folder.path() / name_of(0), .system_id = kSystem}, open,
      fixture.log.log()));
  CHECK(listings == 3);
}

TEST_CASE("Pieces that are deleted meanwhile are no error") {
  Fixture fixture;
  fixture.put_piece("first", name_of(0), 0, 1000);
  DirStore store(fixture.folder.path() / "first", fixture.clock);
  const auto open = [&] {
    auto seen = std::make_unique<FaultyStore>(store);
    seen->before = [&](std::string_view call, std::string_view key) {
      if (call != "open" || key != wal_piece_key(kSystem, name_of(0), 0, 1000, {})) return;
      fixture.put("first", name_of(0));
      store.remove(std::string(key));
    };
    Destinations destinations;
    destinations.emplace_back("", std::move(seen));
    return destinations;
  };
  CHECK(fixture.fetch(name_of(0), open));
  CHECK((fixture.result() == make_segment(name_of(0))));
}

TEST_CASE("Encrypted WAL is fetched with an identity, and else ends no recovery") {
  const NoBrokenPipe no_broken_pipe;
  const AgeKeys recipients = age_keys(kRecipient);
  const AgeKeys identities = age_keys("", std::string(kOtherIdentity) + kIdentity);
  const AgeKeys other = age_keys("", kOtherIdentity);
  Fixture fixture;
  {
    DirStore directory(fixture.folder.path() / "first", fixture.clock);
    WalArchive archive(directory, kSystem, kEncrypted, {.zstd_threads = 1, .keys = &recipients});
    for (uint64_t i = 0; i < 3; ++i) archive.put(name_of(i), make_segment(name_of(i)));
    archive.put_piece(name_of(3), 0, make_segment(name_of(3)).substr(0, 1000));
  }
  const auto fetch = [&](uint64_t number, const AgeKeys* keys) {
    return fetch_wal({.name = name_of(number), .path = fixture.target(), .keys = keys},
                     fixture.open(), fixture.log.log());
  };
  for (const AgeKeys* const keys : {static_cast<const AgeKeys*>(nullptr), &recipients, &other}) {
    for (const uint64_t number : {0, 3}) {
      const auto error = error_of([&] { return fetch(number, keys); });
      REQUIRE(error);
      CHECK(error->kind() == ErrorKind::denied);
      CHECK(contains(error->message(), name_of(number)));
      CHECK(contains(error->hint(), "BACKUP_AGE_IDENTITY_FILE"));
      CHECK_FALSE(fs::exists(fixture.target()));
      CHECK(fixture.ahead().empty());
    }
    CHECK_FALSE(fetch(4, keys));  // is not there, whoever asks
  }
  CHECK(fetch(0, &identities));
  CHECK((fixture.result() == make_segment(name_of(0))));
  CHECK(fixture.ahead() == std::vector<std::string>{name_of(1), name_of(2)});
  CHECK(fetch(3, &identities));
  CHECK((fixture.result().substr(0, 1000) == make_segment(name_of(3)).substr(0, 1000)));
  // What the other destination holds without encryption needs no key.
  fixture.put("second", name_of(0));
  CHECK(fixture.fetch(name_of(0), {"first", "second"}));
}

TEST_CASE("The next segments are read ahead, and taken without a store") {
  Fixture fixture;
  for (uint64_t i = 0; i < 12; ++i) fixture.put("first", name_of(i));
  CHECK(fixture.fetch(name_of(0)));
  std::vector<std::string> next;
  for (uint64_t i = 1; i <= 8; ++i) next.push_back(name_of(i));
  CHECK(fixture.ahead() == next);

  const OpenDestinations none = []() -> Destinations { throw slow_down(); };
  for (uint64_t i = 1; i <= 8; ++i) {
    CHECK(fixture.fetch(name_of(i), none));
    CHECK((fixture.result() == make_segment(name_of(i))));
  }
  CHECK(fixture.ahead().empty());
  CHECK(fixture.fetch(name_of(9)));
  CHECK(fixture.ahead() == std::vector<std::string>{name_of(10), name_of(11)});
  // A recovery that ends, or begins anew.
  CHECK_FALSE(fixture.fetch("00000002.history"));
  CHECK(fixture.ahead().empty());
}

TEST_CASE("What cannot be read ahead is left to the call that asks for it") {
  Fixture fixture;
  for (const uint64_t i : {0, 1, 3}) fixture.put("first", name_of(i));
  fixture.put_piece("first", name_of(2), 0, 1000);
  fixture.folder.write("first/" + wal_key(kSystem, name_of(4), {}), "damaged");
  CHECK(fixture.fetch(name_of(0)));
  const std::vector<std::string> ahead = fixture.ahead();
  CHECK(std::count(ahead.begin(), ahead.end(), name_of(2)) == 0);
  CHECK(std::count(ahead.begin(), ahead.end(), name_of(4)) == 0);
  CHECK(fixture.fetch(name_of(1)));
  CHECK(fixture.fetch_error(name_of(4), {"first"}).kind() == ErrorKind::corrupt);

  int opened = 0;
  const auto open_once = [&] {
    if (opened++ > 0) throw slow_down();
    return fixture.open()();
  };
  CHECK(fixture.fetch(name_of(3), open_once));
  CHECK((fixture.result() == make_segment(name_of(3))));
}

TEST_CASE("What was read ahead of another server or of another recovery is not used") {
  Fixture fixture;
  for (uint64_t i = 0; i < 3; ++i) fixture.put("first", name_of(i));
  const std::string ahead = "data/pg_wal/.pg_backup_ahead/";
  fixture.folder.write(ahead + name_of(0), make_segment(name_of(0), {.system_id = 5}));
  fixture.folder.write(ahead + name_of(1), make_segment(name_of(2)));
  fixture.folder.write(ahead + "000000020000000000000050", "of another timeline");
  CHECK(fixture.fetch(name_of(0)));
  CHECK((fixture.result() == make_segment(name_of(0))));
  CHECK(fixture.ahead() == std::vector<std::string>{name_of(1), name_of(2)});
  CHECK(fixture.fetch(name_of(1)));
  CHECK((fixture.result() == make_segment(name_of(1))));
}

TEST_CASE("Outside of pg_wal nothing is read ahead") {
  Fixture fixture;
  for (uint64_t i = 0; i < 3; ++i) fixture.put("first", name_of(i));
  const fs::path path = fixture.folder.path() / "elsewhere" / name_of(0);
  fs::create_directory(path.parent_path());
  CHECK(fetch_wal({.name = name_of(0), .path = path, .system_id = kSystem}, fixture.open(),
                  fixture.log.log()));
  const auto entries = fs::directory_iterator(path.parent_path());
  CHECK(std::distance(fs::begin(entries), fs::end(entries)) == 1);
}

TEST_CASE("Several fetches at once get what each of them asked for") {
  Fixture fixture;
  for (uint64_t i = 0; i < 10; ++i) fixture.put("first", name_of(i));
  std::vector<std::jthread> threads;
  std::vector<std::string> wrong(3);
  for (std::string& failures : wrong) {
    threads.emplace_back([&, path = fixture.folder.path() / "data/pg_wal" /
                                    std::to_string(&failures - wrong.data())] {
      for (uint64_t i = 0; i < 10; ++i) {
        const auto error = error_of([&] {
          return fetch_wal({.name = name_of(i), .path = path}, fixture.open(), fixture.log.log());
        });
        if (error) failures += error->message() + "\n";
        std::ifstream file(path, std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(file), {}};
        if (bytes != make_segment(name_of(i))) failures += name_of(i) + " is another\n";
      }
    });
  }
  threads.clear();
  CHECK(wrong == std::vector<std::string>(3));
}

}  // namespace
}  // namespace pgbackup
