#include "common/catalog/catalog.h"

#include <fmt/format.h>

#include "common/catalog/damage.h"
#include "common/catalog/key_grammar.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/zone_guard.h"

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
    const std::string folder = backup_folder(db(group), id);
    add(folder + "/" + data_name(db(group)));
    clock.advance(std::chrono::seconds(1));
    add(folder + "/manifest.json", manifest_of(group, id));
  }
  static std::string manifest_of(const std::string& group, const std::string& id) {
    return format_manifest(make_manifest(db(group), id));
  }
};

TEST_CASE_METHOD(CatalogFixture, "An empty store has no backups") {
  CHECK(read_catalog(store).empty());
}

TEST_CASE_METHOD(CatalogFixture,
                 "A store that is read in part gives that, and says what is not read") {
  add_backup("app", kOld);
  CHECK_FALSE(read_catalog(store, Adoption{}).unread);
  FaultyStore partly(store);
  partly.after = [](std::string_view, std::string_view) {
    throw PartialListing(ErrorKind::denied, "cannot list web/", "look at it");
  };
  const Catalog catalog = read_catalog(partly, Adoption{});
  CHECK(catalog.backups.size() == 1);
  REQUIRE(catalog.unread);
  CHECK(catalog.unread->message() == "cannot list web/");
  CHECK(catalog.unread->hint() == "look at it");
  CHECK(fails_with(ErrorKind::denied, "cannot list web/", [&] { return read_catalog(partly); }));
}

TEST_CASE_METHOD(CatalogFixture, "What was stored late is marked, after what was stored in time") {
  const auto stored_at = [&](const std::string& id, const char* time) {
    add_backup("app", id);
    store.objects["app/" + id + "/manifest.json"].modified = *parse_iso(time);
  };
  const auto late = [&] {
    std::vector<std::string> ids;
    for (const Backup& backup : read_catalog(store)) {
      if (backup.is_stored_late) ids.push_back(backup.id);
    }
    return ids;
  };
  add_backup("web", kOld);
  store.objects["web/" + kOld + "/manifest.json"].modified = *parse_iso("2026-11-19T04:00:00Z");
  stored_at(kOld, "2026-11-21T00:00:00Z");
  CHECK(late().empty());  // as in a copy
  stored_at(kNew, "2026-11-20T23:00:00Z");
  CHECK(late().empty());  // in time, since it is the newest of the copy
  const std::string before = "20261118T031500Z-00000001";
  stored_at(before, "2026-11-27T23:00:00Z");
  CHECK(late().empty());
  stored_at(before, "2026-11-27T23:00:01Z");
  CHECK(late() == std::vector<std::string>{before});
  // Dated after another, and stored after it.
  const std::string between = "20261120T033000Z-00000001";
  stored_at(between, "2026-11-21T03:30:00Z");
  CHECK(late() == std::vector<std::string>{before});
  stored_at(between, "2026-11-21T03:30:01Z");
  CHECK(late() == std::vector<std::string>{before, between});
  CHECK(read_catalog(store, db("app")).front().is_stored_late);
  CHECK(look_again(store, read_catalog(store, db("app")).front()).is_stored_late);
}

TEST_CASE_METHOD(CatalogFixture, "A folder is seen with its files, bytes and newest time") {
  add("app/" + kOld + "/app.dump.zst.0001", "12345");
  add("app/" + kOld + "/app.dump.zst", "123");
  clock.advance(std::chrono::hours(1));
  add("app/" + kOld + "/SHA256SUMS", "");
  const std::vector<Backup> backups = read_catalog(store);
  REQUIRE(backups.size() == 1);
  const Backup& backup = backups[0];
  CHECK(backup.group == db("app"));
  CHECK(backup.id == kOld);
  CHECK(backup.time == *parse_iso("2026-11-19T03:15:00Z"));
  CHECK_FALSE(backup.complete);
  CHECK(backup.bytes == 8);
  CHECK(backup.newest == clock.now());
  CHECK(backup.files ==
        std::vector<BackupFile>{{"SHA256SUMS", 0}, {"app.dump.zst", 3}, {"app.dump.zst.0001", 5}});
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
  for (const Backup& backup : read_catalog(store))
    names.push_back(backup.group.name() + " " + backup.id);
  CHECK(names == std::vector<std::string>{".. " + kOld, ".. " + kNew, "a/\xc3\xa4 " + kOld,
                                          "a/\xc3\xa4 " + kNew, "app " + kOld, "app " + kNew,
                                          "app2 " + kOld, "app2 " + kNew});
}

TEST_CASE_METHOD(CatalogFixture, "What is not ours is not seen") {
  for (const std::string& key : std::vector<std::string>{
           "readme.txt", "app/notes.txt", "app/" + kOld + "/sub/notes.txt",
           "x/app/" + kOld + "/manifest.json", "_app/" + kOld + "/manifest.json", "app/latest",
           "_cluster/latest", "latest", "app/latest/manifest.json",
           "=5Fcluster/" + kOld + "/manifest.json",
           "_cluster/wal/7/00000001/000000010000000000000001.zst"}) {
    add(key);
  }
  CHECK(read_catalog(store).empty());
}

TEST_CASE_METHOD(CatalogFixture, "One group's listing holds exactly that group") {
  for (const auto* group : {"app", "app2", "app-2", "ap", "a/b"}) add_backup(group, kOld);
  for (const auto* group : {"app", "ap", "a/b"}) {
    const std::vector<Backup> backups = read_catalog(store, db(group));
    REQUIRE(backups.size() == 1);
    CHECK(backups[0].group == db(group));
  }
  CHECK(read_catalog(store, db("a")).empty());
  CHECK(read_catalog(store, db("App")).empty());
}

TEST_CASE_METHOD(CatalogFixture,
                 "A hold beside the manifest is seen, and belongs to its backup alone") {
  add_backup("app", kOld);
  add_backup("app", kNew);
  add("app/" + kOld + "/hold");
  add("hold");
  add("app/hold");
  const std::vector<Backup> backups = read_catalog(store);
  REQUIRE(backups.size() == 2);
  CHECK(backups[0].held);
  REQUIRE(backups[0].files.size() == 3);
  CHECK(backups[0].files[1] == BackupFile{"hold", 4});
  CHECK_FALSE(backups[1].held);
}

/// What each of the older systems has left, and something of ours.
class OldFixture : public CatalogFixture {
 public:
  OldFixture() {
    for (const auto* key :
         {"backup-2021-01-06T22:06:31.106555.dump", "app-2021-11-01T20:51:55-0a1b2c3d.pg-dump",
          "my-app-0a1b2c3d-2021-11-01T20:51:56.pg-dump", "app-0a1b-2021-11-01:20:51:57.pg-dump",
          "app/app_20240115T120000Z.dump", "app/app_20240115T120000Z.dump.sha256",
          "app/app_20240116T120000Z.sql.gz", "2024/01/17/app_120000.sql.gz", "app/notes.txt",
          "app2/app_20240115T120000Z.dump", "backup2/backup-2021-01-06T22:06:31.106555.dump"}) {
      add(key);
    }
    add_backup("app", kNew);
  }
  [[nodiscard]] Catalog adopt(const std::string& layouts, const std::string& database = {}) {
    return read_catalog(store, Adoption{parse_layouts(layouts), database});
  }
  /// `group id` of each that is not ours.
  [[nodiscard]] std::vector<std::string> adopted(const std::string& layouts,
                                                 const std::string& database = {}) {
    std::vector<std::string> names;
    for (const Backup& backup : adopt(layouts, database).backups) {
      if (!backup.is_ours()) names.push_back(backup.group.name() + " " + backup.id);
    }
    return names;
  }
};

TEST_CASE_METHOD(OldFixture,
                 "Without a word nothing of an older system counts, but it is counted") {
  const Catalog catalog = adopt("");
  CHECK(catalog.backups.size() == 1);
  CHECK(catalog.not_adopted == std::map<Layout, size_t>{{Layout::backup_time, 1},
                                                        {Layout::db_time_hash, 3},
                                                        {Layout::db_folder, 3},
                                                        {Layout::date_folders, 1}});
  CHECK(read_catalog(store).size() == 1);
}

TEST_CASE_METHOD(OldFixture, "Each layout is adopted for itself") {
  const ZoneGuard guard("UTC");
  using Names = std::vector<std::string>;
  CHECK(adopted("backup-time") == Names{" backup-2021-01-06T22:06:31.106555.dump"});
  CHECK(adopted("backup-time", "app") == Names{"app backup-2021-01-06T22:06:31.106555.dump"});
  CHECK(adopted("db-time-hash", "other") ==
        Names{"app app-2021-11-01T20:51:55-0a1b2c3d.pg-dump",
              "app app-0a1b-2021-11-01:20:51:57.pg-dump",
              "my-app my-app-0a1b2c3d-2021-11-01T20:51:56.pg-dump"});
  CHECK(adopted("db-folder") ==
        Names{"app app/app_20240115T120000Z.dump", "app app/app_20240116T120000Z.sql.gz"});
  CHECK(adopted("date-folders") == Names{"app 2024/01/17/app_120000.sql.gz"});
  const Catalog two = adopt("date-folders,db-folder");
  CHECK(two.backups.size() == 1 + 3);
  CHECK(two.not_adopted ==
        std::map<Layout, size_t>{{Layout::backup_time, 1}, {Layout::db_time_hash, 3}});
}

TEST_CASE_METHOD(OldFixture, "Old and new backups of one database are one group, oldest first") {
  const ZoneGuard guard("UTC");
  const Catalog catalog = adopt("all", "app");
  CHECK(catalog.not_adopted.empty());
  std::vector<std::string> times;
  for (const Backup& backup : catalog.backups) {
    CHECK(backup.complete);
    if (backup.group == db("app")) times.push_back(format_iso(backup.time));
  }
  CHECK(times == std::vector<std::string>{"2021-01-06T22:06:31Z", "2021-11-01T20:51:55Z",
                                          "2021-11-01T20:51:57Z", "2024-01-15T12:00:00Z",
                                          "2024-01-16T12:00:00Z", "2024-01-17T12:00:00Z",
                                          "2026-11-20T03:15:00Z"});
}

TEST_CASE_METHOD(OldFixture, "An older system's backup of an oddly named database is no globals") {
  add("_globals/_globals_20240115T120000Z.dump");
  add(backup_folder(Group::globals(), kOld) + "/manifest.json");
  std::vector<Group> groups;
  for (const Backup& backup : adopt("db-folder").backups) {
    if (backup.group.name() == "_globals") groups.push_back(backup.group);
  }
  CHECK(groups == std::vector<Group>{db("_globals"), Group::globals()});
}

TEST_CASE_METHOD(OldFixture, "Stamps without a zone are read in the process's own") {
  const ZoneGuard guard("Europe/Berlin");
  std::vector<std::string> times;
  for (const Backup& backup : adopt("all").backups) {
    if (!backup.is_ours()) times.push_back(format_iso(backup.time));
  }
  CHECK(times == std::vector<std::string>{"2021-01-06T21:06:31Z", "2021-11-01T19:51:55Z",
                                          "2021-11-01T19:51:57Z", "2024-01-15T12:00:00Z",
                                          "2024-01-16T12:00:00Z", "2024-01-17T11:00:00Z",
                                          "2021-11-01T19:51:56Z"});
}

TEST_CASE_METHOD(OldFixture, "A checksum is part of its backup, and alone it is a damaged one") {
  add("app/app_20240118T120000Z.dump.sha256", "12");
  const Catalog catalog = adopt("db-folder");
  REQUIRE(catalog.backups.size() == 4);
  const Backup& with = catalog.backups[0];
  CHECK(with.complete);
  CHECK(with.layout == Layout::db_folder);
  CHECK(with.bytes == 8);
  CHECK(with.files == std::vector<BackupFile>{{"app/app_20240115T120000Z.dump", 4},
                                              {"app/app_20240115T120000Z.dump.sha256", 4}});
  CHECK(with.commit_key() == "app/app_20240115T120000Z.dump");
  CHECK(with.folder() == with.id);
  CHECK(with.key_of(with.files[1].name) == with.files[1].name);
  const Backup& alone = catalog.backups[2];
  CHECK(alone.id == "app/app_20240118T120000Z.dump");
  CHECK(alone.complete);
  CHECK(alone.bytes == 2);
  CHECK(damage_of(with).empty());
  CHECK(contains(damage_of(alone), "only its checksum is left"));
}

TEST_CASE_METHOD(CatalogFixture, "A manifest of another kind than its group is damage") {
  const auto read = [&](const std::string& folder, std::string manifest, const std::string& kind) {
    constexpr std::string_view kKind = R"("kind": "dump")";
    manifest.replace(manifest.find(kKind), kKind.size(), fmt::format(R"("kind": "{}")", kind));
    store.objects.clear();
    add(fmt::format("{}/{}/manifest.json", folder, kOld), manifest);
    return read_manifest(store, read_catalog(store).at(0));
  };
  const std::string of_app = manifest_of("app", kOld);
  CHECK(read("app", of_app, "dump").group == db("app"));
  CHECK(fails_with(ErrorKind::corrupt, "manifest.json: its kind is globals",
                   [&] { return read("app", of_app, "globals"); }));
  CHECK(fails_with(ErrorKind::corrupt, "manifest.json: its kind is cluster",
                   [&] { return read("app", of_app, "cluster"); }));
  CHECK(fails_with(ErrorKind::failed, "this one does not know 'other' in the manifest",
                   [&] { return read("app", of_app, "other"); }));
  const std::string of_globals = manifest_of("_globals", kOld);
  CHECK(read("_globals", of_globals, "globals").group == Group::globals());
  CHECK(fails_with(ErrorKind::corrupt, "manifest.json: its kind is dump",
                   [&] { return read("_globals", of_globals, "dump"); }));
  const std::string of_dump = manifest_of("_cluster", kOld);
  CHECK(fails_with(ErrorKind::corrupt, "manifest.json: its kind is dump",
                   [&] { return read("_cluster", of_dump, "dump"); }));
}

TEST_CASE_METHOD(CatalogFixture, "A manifest is read, and named when it is wrong") {
  add_backup("app", kOld);
  add_backup("a\xff", kOld);
  const std::vector<Backup> backups = read_catalog(store, db("app"));
  CHECK(read_manifest(store, backups[0]).id == kOld);
  CHECK(read_manifest(store, read_catalog(store, db("a\xff"))[0]).id == kOld);
  const std::string key = "app/" + kOld + "/manifest.json";
  const auto read = [&] { return read_manifest(store, backups[0]); };
  add(key, "{}");
  CHECK(fails_with(ErrorKind::corrupt, store.location(key) + ": the manifest is damaged", read));
  add(key, manifest_of("app2", kOld));
  CHECK(fails_with(ErrorKind::corrupt, "the manifest of app2 " + kOld + ", not of app", read));
  add(key, manifest_of("app", kNew));
  CHECK(
      fails_with(ErrorKind::corrupt, "the manifest of app " + kNew + ", not of app " + kOld, read));
  add(key, std::string((1U << 20U) + 1, ' '));
  CHECK(fails_with(ErrorKind::corrupt, "is larger than", read));
  store.objects.erase(key);
  CHECK(fails_with(ErrorKind::not_found, "manifest.json", read));
}

TEST_CASE_METHOD(CatalogFixture, "What an older system left empty is no backup") {
  add("app/app_20240115T120000Z.dump", "data");
  add("app/app_20240116T120000Z.dump", "");
  add("2024/01/17/app_120000.sql.gz", "");
  const Catalog catalog = read_catalog(store, {.layouts = parse_layouts("all"), .database = {}});
  REQUIRE(catalog.backups.size() == 1);
  CHECK(catalog.backups[0].id == "app/app_20240115T120000Z.dump");
  CHECK(catalog.not_adopted.empty());
}

}  // namespace
}  // namespace pgbackup
