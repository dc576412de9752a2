#include "backup/physical/wal_push.h"

#include <filesystem>
#include <string>
#include <vector>

#include "backup/physical/wal_archive.h"
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

const std::string kSystem = "7434812345678901234";
const std::string kName = "000000010000000000000050";
const std::string kHistory = "1\t0/5000060\tno recovery target specified\n";

/// The beginning of a control file of the same server.
std::string make_control() {
  return make_wal_page({}).substr(24, 8) + std::string("\x14\x05\x00\x00", 4) +
         std::string(8180, '\0');
}

struct Fixture {
  Fixture() { folder.write("global/pg_control", make_control()); }

  void push(const std::string& name, const Destinations& destinations,
            const std::string& system_id = "") {
    push_wal({.path = folder.path() / "pg_wal" / name, .system_id = system_id}, destinations,
             log.log());
  }
  [[nodiscard]] Error push_error(const std::string& name, const Destinations& destinations,
                                 const std::string& system_id = "") {
    const auto error = error_of([&] {
      push(name, destinations, system_id);
      return 0;
    });
    REQUIRE(error);
    return *error;
  }
  static std::string stored(Store& store, const std::string& name) {
    return fetch_wal_file(store, kSystem, name).bytes;
  }

  TemporaryFolder folder;
  FakeClock clock;
  MemoryStore store{clock};
  MemoryStore second{clock};
  TestLog log{clock};
};

TEST_CASE("A file of the log is stored in every destination, and again is fine") {
  Fixture fixture;
  const std::string segment = make_segment(kName);
  const std::vector<std::pair<std::string, std::string>> files = {
      {kName, segment},
      {kName + ".partial", segment},
      {kName + ".00000028.backup", "START WAL LOCATION: 0/5000028\n"},
      {"00000002.history", kHistory}};
  for (const auto& [name, bytes] : files) {
    CAPTURE(name);
    fixture.folder.write("pg_wal/" + name, bytes);
    for (int i = 0; i < 2; ++i) {
      CHECK_NOTHROW(fixture.push(name, both(fixture.store, fixture.second)));
    }
    CHECK((Fixture::stored(fixture.store, name) == bytes));
    CHECK((Fixture::stored(fixture.second, name) == bytes));
  }
  CHECK(fixture.store.objects.size() == files.size());
}

TEST_CASE("What fails in one destination is stored in the other, and the error names the first") {
  Fixture fixture;
  fixture.folder.write("pg_wal/" + kName, make_segment(kName));
  FaultyStore broken(fixture.store);
  broken.before = [](std::string_view, std::string_view) {
    throw Error(ErrorKind::transient, "503 SlowDown");
  };
  const Error error = fixture.push_error(kName, both(broken, fixture.second));
  CHECK(error.kind() == ErrorKind::transient);
  CHECK(error.message() == "cannot archive " + kName + ": dir: 503 SlowDown");
  CHECK(fixture.store.objects.empty());
  CHECK(fixture.second.objects.size() == 1);

  Destinations destinations;
  destinations.emplace_back("s3", Error(ErrorKind::denied, "no credentials"));
  destinations.push_back(destination_of("dir", fixture.store));
  CHECK(fixture.push_error(kName, destinations).message().find("s3: no credentials") !=
        std::string::npos);
  CHECK(fixture.store.objects.size() == 1);
}

TEST_CASE("A lost reply makes the push fail, and the next one finds the file stored") {
  Fixture fixture;
  fixture.folder.write("pg_wal/" + kName, make_segment(kName));
  FaultyStore lossy(fixture.store);
  lossy.after = [](std::string_view call, std::string_view) {
    if (call == "put") throw Error(ErrorKind::transient, "the connection broke off");
  };
  CHECK(fixture.push_error(kName, only(lossy)).kind() == ErrorKind::transient);
  CHECK(fixture.store.objects.size() == 1);
  fixture.push(kName, only(fixture.store));
  CHECK(fixture.store.objects.size() == 1);
  CHECK((Fixture::stored(fixture.store, kName) == make_segment(kName)));
}

TEST_CASE("Where one destination holds a damaged file, it is stored there again, and logged") {
  Fixture fixture;
  fixture.folder.write("pg_wal/" + kName, make_segment(kName));
  fixture.push(kName, both(fixture.store, fixture.second));
  fixture.second.objects.begin()->second.bytes[5000] ^= 1;
  fixture.push(kName, both(fixture.store, fixture.second));
  CHECK(fixture.store.objects.size() == 1);
  CHECK(fixture.second.objects.size() == 2);
  CHECK((Fixture::stored(fixture.second, kName) == make_segment(kName)));
  CHECK(contains(fixture.log.text(), "a stored file is damaged"));
}

TEST_CASE("Other content is refused in each destination") {
  Fixture fixture;
  fixture.folder.write("pg_wal/" + kName, make_segment(kName));
  fixture.push(kName, only(fixture.store));
  std::string other = make_segment(kName);
  other.back() = static_cast<char>(~other.back());
  fixture.folder.write("pg_wal/" + kName, other);
  const Error error = fixture.push_error(kName, only(fixture.store));
  CHECK(error.kind() == ErrorKind::conflict);
  CHECK(error.message().find("other content") != std::string::npos);
  CHECK((Fixture::stored(fixture.store, kName) == make_segment(kName)));
}

TEST_CASE("A name that no server archives is refused") {
  Fixture fixture;
  for (const std::string name :
       {"", "postgresql.conf", "RECOVERYXLOG", "000000010000000000000050.zst",
        "00000001000000000000005", "000000000000000000000050", "00000002.history.tmp",
        "000000010000000000000050.ready", "archive_status"}) {
    CAPTURE(name);
    if (!name.empty()) fixture.folder.write("pg_wal/" + name, "bytes");
    const Error error = fixture.push_error(name, only(fixture.store));
    CHECK(error.kind() == ErrorKind::usage);
  }
  CHECK(fixture.store.objects.empty());
}

TEST_CASE("A file that is absent, damaged or of another server is not stored") {
  Fixture fixture;
  CHECK(fixture.push_error(kName, only(fixture.store)).kind() == ErrorKind::not_found);
  CHECK(fixture.push_error("00000002.history", only(fixture.store)).kind() == ErrorKind::not_found);
  const auto error_for = [&](const std::string& bytes, const std::string& system_id = "") {
    fixture.folder.write("pg_wal/" + kName, bytes);
    return fixture.push_error(kName, only(fixture.store), system_id);
  };
  const std::string segment = make_segment(kName);
  for (const Error& error :
       {error_for(""), error_for(std::string(segment.size(), '\0')),
        error_for(segment.substr(0, 100000)), error_for(segment + segment),
        error_for(make_segment("000000010000000000000051")), error_for(segment, "5")}) {
    CHECK(error.kind() == ErrorKind::corrupt);
    CHECK(error.message().find(kName) != std::string::npos);
  }
  CHECK(fixture.store.objects.empty());
}

TEST_CASE("A history goes to the server whose data directory it is in, or which is named") {
  Fixture fixture;
  fixture.folder.write("pg_wal/00000002.history", kHistory);
  fixture.push("00000002.history", only(fixture.store));
  fixture.push("00000002.history", only(fixture.store), "5");
  CHECK(fixture.store.objects.contains(wal_key(kSystem, "00000002.history", {})));
  CHECK(fixture.store.objects.contains(wal_key("5", "00000002.history", {})));
  std::filesystem::remove_all(fixture.folder.path() / "global");
  CHECK(fixture.push_error("00000002.history", only(fixture.store)).kind() == ErrorKind::usage);
}

}  // namespace
}  // namespace pgbackup
