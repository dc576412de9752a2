#include "common/catalog/catalog.h"

#include "common/catalog/key_grammar.h"
#include "tests/error_of.h"
#include "tests/fake_clock.h"
#include "tests/memory_store.h"
#include "tests/test.h"

namespace pgbackup {
namespace {

const std::string kOld = "20261119T031500Z-9f3a1c2b";
const std::string kNew = "20261120T031500Z-00000000";

class CatalogFixture {
 public:
  FakeClock clock;
  MemoryStore store{clock};

  void add(const std::string& key, const std::string& bytes = "1234") {
    store.objects[key] = {bytes, clock.now()};
  }
  void add_backup(const std::string& group, const std::string& id) {
    const std::string folder = backup_folder(group, id);
    add(folder + "/" + dump_file_name(group));
    clock.advance(std::chrono::seconds(1));
    add(folder + "/manifest.json", manifest_of(group, id));
  }
  static std::string manifest_of(const std::string& group, const std::string& id) {
    Manifest m;
    m.group = group;
    m.id = id;
    m.kind = "dump";
    m.objects = {{dump_file_name(group), 4, std::string(64, 'a')}};
    m.plain_sha256 = std::string(64, 'a');
    return format_manifest(m);
  }
};

TEST_CASE_METHOD(CatalogFixture, "An empty store has no backups") {
  CHECK(read_catalog(store).empty());
  CHECK(newest_complete({}, "app") == nullptr);
}

TEST_CASE_METHOD(CatalogFixture, "A folder is seen with its files, bytes and newest time") {
  add("app/" + kOld + "/app.dump.zst.0001", "12345");
  add("app/" + kOld + "/app.dump.zst", "123");
  clock.advance(std::chrono::hours(1));
  add("app/" + kOld + "/SHA256SUMS", "");
  const std::vector<Backup> backups = read_catalog(store);
  REQUIRE(backups.size() == 1);
  const Backup& backup = backups[0];
  CHECK(backup.group == "app");
  CHECK(backup.id == kOld);
  CHECK(backup.time == *parse_iso("2026-11-19T03:15:00Z"));
  CHECK_FALSE(backup.complete);
  CHECK(backup.bytes == 8);
  CHECK(backup.newest == clock.now());
  CHECK(backup.files ==
        std::vector<std::string>{"SHA256SUMS", "app.dump.zst", "app.dump.zst.0001"});
  CHECK(backup.folder() == "app/" + kOld);
  CHECK(backup.key_of("x") == "app/" + kOld + "/x");
  add("app/" + kOld + "/manifest.json");
  CHECK(read_catalog(store)[0].complete);
}

TEST_CASE_METHOD(CatalogFixture, "Backups come by group, then oldest first; names are decoded") {
  for (const auto* group : {"app2", "app", "a/\xc3\xa4", ".."}) {
    add_backup(group, kNew);
    add_backup(group, kOld);
  }
  std::vector<std::string> names;
  for (const Backup& backup : read_catalog(store)) names.push_back(backup.group + " " + backup.id);
  CHECK(names == std::vector<std::string>{".. " + kOld, ".. " + kNew, "a/\xc3\xa4 " + kOld,
                                          "a/\xc3\xa4 " + kNew, "app " + kOld, "app " + kNew,
                                          "app2 " + kOld, "app2 " + kNew});
}

TEST_CASE_METHOD(CatalogFixture, "What is not ours is not seen") {
  for (const std::string& key : std::vector<std::string>{
           "readme.txt", "app/notes.txt", "app/" + kOld + "/notes.txt",
           "app/" + kOld + "/app2.dump.zst", "x/app/" + kOld + "/manifest.json",
           "_app/" + kOld + "/manifest.json", "app/latest/manifest.json"}) {
    add(key);
  }
  CHECK(read_catalog(store).empty());
}

TEST_CASE_METHOD(CatalogFixture, "One group's listing holds exactly that group") {
  for (const auto* group : {"app", "app2", "app-2", "ap", "a/b"}) add_backup(group, kOld);
  for (const auto* group : {"app", "ap", "a/b"}) {
    const std::vector<Backup> backups = read_catalog(store, group);
    REQUIRE(backups.size() == 1);
    CHECK(backups[0].group == group);
  }
  CHECK(read_catalog(store, "a").empty());
  CHECK(read_catalog(store, "App").empty());
}

TEST_CASE_METHOD(CatalogFixture, "The newest complete backup is of exactly this group") {
  add_backup("app", kOld);
  add_backup("app2", kNew);
  add("app/" + kNew + "/app.dump.zst");  // no manifest: a run that still goes on
  const std::vector<Backup> backups = read_catalog(store);
  REQUIRE(newest_complete(backups, "app") != nullptr);
  CHECK(newest_complete(backups, "app")->id == kOld);
  CHECK(newest_complete(backups, "ap") == nullptr);
  add_backup("app", kNew);
  const std::vector<Backup> later = read_catalog(store);
  CHECK(newest_complete(later, "app")->id == kNew);
}

TEST_CASE_METHOD(CatalogFixture, "A manifest is read, and named when it is wrong") {
  add_backup("app", kOld);
  add_backup("a\xff", kOld);
  const std::vector<Backup> backups = read_catalog(store, "app");
  CHECK(read_manifest(store, backups[0]).id == kOld);
  CHECK(read_manifest(store, read_catalog(store, "a\xff")[0]).id == kOld);
  const std::string key = "app/" + kOld + "/manifest.json";
  const auto read = [&] { return read_manifest(store, backups[0]); };
  add(key, "{}");
  CHECK(fails_with(ErrorKind::corrupt, store.location(key) + ": the manifest is damaged", read));
  add(key, manifest_of("app2", kOld));
  CHECK(fails_with(ErrorKind::corrupt, "the manifest of app2, not of app", read));
  add(key, std::string(17U << 20U, ' '));
  CHECK(fails_with(ErrorKind::corrupt, "is larger than", read));
  store.objects.erase(key);
  CHECK(fails_with(ErrorKind::not_found, "manifest.json", read));
}

}  // namespace
}  // namespace pgbackup
