#include "backup/commit.h"

#include "common/base/error.h"
#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"
#include "tests/error_of.h"
#include "tests/fake_clock.h"
#include "tests/faulty_store.h"
#include "tests/memory_store.h"
#include "tests/test.h"
#include "tests/test_log.h"

namespace pgbackup {
namespace {

constexpr const char* kId = "20261120T031500Z-9f3a1c2b";

/// A backup whose data lies in the store and whose manifest does not yet.
struct Fixture {
  Fixture() {
    manifest.group = "app";
    manifest.kind = "dump";
    manifest.id = kId;
    manifest.plain_sha256 = std::string(64, 'b');
    for (const char* const suffix : {"", ".0001"}) {
      const std::string name = dump_file_name("app") + suffix;
      const std::string key = backup_folder("app", kId) + "/" + name;
      memory.put(key, "data");
      objects.push_back({key, 4, std::string(64, 'a')});
      manifest.objects.push_back({name, 4, std::string(64, 'a')});
    }
  }

  void commit() { commit_backup(store, manifest, objects, log.log()); }

  FakeClock clock;
  TestLog log{clock};
  MemoryStore memory{clock};
  FaultyStore store{memory};
  Manifest manifest;
  std::vector<StoredObject> objects;
};

TEST_CASE("A committed backup is listed and its manifest is its own") {
  Fixture fixture;
  CHECK_FALSE(read_catalog(fixture.memory).at(0).complete);
  fixture.commit();
  const std::vector<Backup> backups = read_catalog(fixture.memory);
  REQUIRE(backups.size() == 1);
  CHECK(backups[0].complete);
  CHECK(read_manifest(fixture.memory, backups[0]).objects.size() == 2);
}

TEST_CASE("A manifest says until when its store locks it") {
  Fixture fixture;
  fixture.memory.lock_end = fixture.clock.now() + std::chrono::hours(24);
  fixture.commit();
  const std::vector<Backup> backups = read_catalog(fixture.memory);
  CHECK(read_manifest(fixture.memory, backups.at(0)).locked_until == fixture.memory.lock_end);
}

TEST_CASE("A manifest that cannot be written leaves nothing, whether it was written or not") {
  for (const bool was_written : {false, true}) {
    CAPTURE(was_written);
    Fixture fixture;
    const FaultyStore::Hook fail = [](std::string_view call, std::string_view) {
      if (call == "put") throw Error(ErrorKind::transient, "no reply");
    };
    (was_written ? fixture.store.after : fixture.store.before) = fail;
    CHECK(fails_with(ErrorKind::transient, "no reply", [&] { fixture.commit(); }));
    CHECK(fixture.memory.objects.empty());
  }
}

TEST_CASE("Whatever the manifest's writing throws, and its withdrawal, the backup is an Error") {
  for (const auto& throw_it : kForeignExceptions) {
    Fixture fixture;
    fixture.store.before = [&](std::string_view call, std::string_view) {
      if (call == "put" || call == "remove") throw_it();
    };
    const auto error = error_of([&] { fixture.commit(); });
    CHECK(error.has_value());
    CHECK(contains(fixture.log.text(), "could not clean up"));
  }
}

TEST_CASE("A manifest of someone else in its place is left alone") {
  Fixture fixture;
  const std::string key = backup_folder("app", kId) + "/" + std::string(kManifestName);
  fixture.memory.put(key, "foreign");
  fixture.store.before = [](std::string_view call, std::string_view) {
    if (call == "put") throw Error(ErrorKind::conflict, "there is one");
  };
  CHECK(fails_with(ErrorKind::conflict, "there is one", [&] { fixture.commit(); }));
  CHECK(fixture.memory.objects.size() == 1);
  CHECK(fixture.memory.objects.contains(key));
}

TEST_CASE("What cannot be removed either is at worst data without a manifest") {
  Fixture fixture;
  fixture.store.after = [](std::string_view call, std::string_view) {
    if (call == "put") throw Error(ErrorKind::transient, "no reply");
  };
  int removals = 0;
  fixture.store.before = [&](std::string_view call, std::string_view) {
    if (call == "remove" && ++removals > 1) throw Error(ErrorKind::denied, "may not delete");
  };
  CHECK(fails_with(ErrorKind::transient, "no reply", [&] { fixture.commit(); }));
  CHECK_FALSE(read_catalog(fixture.memory).at(0).complete);
  CHECK(contains(fixture.log.text(), "could not clean up"));
}

}  // namespace
}  // namespace pgbackup
