#include "backup/list.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <memory>

#include "common/base/error.h"
#include "common/catalog/key_grammar.h"
#include "common/store/dir_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

constexpr const char* kId = "20261120T031500Z-9f3a1c2b";

Manifest manifest_of(const std::string& group) { return make_manifest(db(group), kId); }

void write_backup(const TemporaryFolder& folder, const Manifest& manifest) {
  const std::string path = backup_folder(manifest.group, kId) + "/";
  folder.write(path + data_name(manifest.group), "data");
  folder.write(path + "manifest.json", format_manifest(manifest));
}

std::string table_of(const std::vector<ListedBackup>& backups) {
  return format_backup_table(backups, *parse_backup_id("20261122T041500Z-00000000"));
}

TEST_CASE("A listing shows complete backups only, and their warnings") {
  const TemporaryFolder folder;
  SystemClock clock;
  DirStore store(folder.path(), clock);
  CHECK(table_of(list_backups(only(store), {}, clock).backups) == "no backups yet\n");
  CHECK(format_backup_json(list_backups(only(store), {}, clock).backups).empty());

  Manifest marked = manifest_of("app");
  marked.warnings = {"made by pg_dump 17"};
  write_backup(folder, marked);
  write_backup(folder, manifest_of("a \"quoted\" name"));
  folder.write("app/20261121T031500Z-00000000/app.dump.zst", "no manifest yet");
  folder.write("notes.txt", "not ours");

  const std::vector<ListedBackup> listed = list_backups(only(store), {}, clock).backups;
  REQUIRE(listed.size() == 2);
  CHECK(format_backup_json(listed).find(
            R"({"group":"app","id":"20261120T031500Z-9f3a1c2b","time":"2026-11-20T03:15:00Z",)"
            R"("kind":"dump","bytes":)") != std::string::npos);
  CHECK(
      format_backup_json(listed).find(R"("key":"a=20=22quoted=22=20name/20261120T031500Z-9f3a1c2b/)"
                                      R"(a=20=22quoted=22=20name.dump.zst")") != std::string::npos);
  CHECK(table_of(listed).find("made by pg_dump 17") != std::string::npos);
}

TEST_CASE("A backup whose manifest cannot be read is listed with the reason") {
  const TemporaryFolder folder;
  SystemClock clock;
  DirStore store(folder.path(), clock);
  folder.write(backup_folder(db("app"), kId) + "/manifest.json", "{");
  folder.write(backup_folder(db("app"), kId) + "/app.dump.zst", "data");
  const std::vector<ListedBackup> listed = list_backups(only(store), {}, clock).backups;
  REQUIRE(listed.size() == 1);
  CHECK_FALSE(listed[0].manifest);
  CHECK(table_of(listed).find("the manifest is damaged") != std::string::npos);
  CHECK(format_backup_json(listed).find("the manifest is damaged") != std::string::npos);
}

TEST_CASE("Adopted backups are listed with the form they have, and held ones say so") {
  const ZoneGuard zone("UTC");
  const TemporaryFolder folder;
  SystemClock clock;
  DirStore store(folder.path(), clock);
  Manifest marked = manifest_of("app");
  marked.warnings = {"made by pg_dump 17"};
  write_backup(folder, marked);
  folder.write(backup_folder(db("app"), kId) + "/hold", "held since then\n");
  folder.write("app/app_20260115T120000Z.sql.gz", "packed");
  folder.write("app/app_20260115T120000Z.sql.gz.sha256", "sum");
  folder.write("backup-2021-01-06T22:06:31.106555.dump", "PGDMP");
  folder.write("notes.txt", "not ours");

  Adoption adoption;
  const Listing ours = list_backups(only(store), adoption, clock);
  CHECK(ours.backups.size() == 1);
  CHECK(ours.not_adopted ==
        std::map<Layout, size_t>{{Layout::backup_time, 1}, {Layout::db_folder, 2}});

  adoption.layouts = parse_layouts("all");
  const Listing all = list_backups(only(store), adoption, clock);
  CHECK(all.not_adopted.empty());
  const std::string table = table_of(all.backups);
  CHECK(table.starts_with(
      "DATABASE             ID                                      TIME                    AGE"));
  CHECK(table.find("\n(no database named)  backup-2021-01-06T22:06:31.106555.dump  "
                   "2021-01-06T22:06:31Z  2145d  ") != std::string::npos);
  CHECK(table.find("  5 B        of an older system (backup-time)\n") != std::string::npos);
  CHECK(table.find("\napp                  app/app_20260115T120000Z.sql.gz         "
                   "2026-01-15T12:00:00Z   310d  ") != std::string::npos);
  CHECK(table.find("  9 B        of an older system (db-folder)\n") != std::string::npos);
  CHECK(table.ends_with(" B    0s  held; made by pg_dump 17\n"));
  const std::string json = format_backup_json(all.backups);
  CHECK(json.find(R"({"group":"app","id":"app/app_20260115T120000Z.sql.gz",)"
                  R"("time":"2026-01-15T12:00:00Z","kind":"dump","bytes":9,)"
                  R"("key":"app/app_20260115T120000Z.sql.gz","layout":"db-folder"})") !=
        std::string::npos);
  CHECK(json.find(R"("group":"","id":"backup-2021)") != std::string::npos);
  CHECK(json.find(R"(dump.zst","held":true,"warnings":["made by pg_dump 17"]})") !=
        std::string::npos);
}

TEST_CASE("With two destinations each line says where the backup lies") {
  const TemporaryFolder one;
  const TemporaryFolder two;
  SystemClock clock;
  DirStore dir(one.path(), clock);
  DirStore s3(two.path(), clock);
  write_backup(one, manifest_of("app"));
  write_backup(two, manifest_of("app"));
  write_backup(two, manifest_of("aaa"));
  const Listing listing = list_backups(both(dir, s3), {}, clock);
  CHECK(listing.failures.empty());
  std::string order;
  for (const ListedBackup& listed : listing.backups) {
    order += listed.backup.group.name() + ":" + listed.destination + " ";
  }
  CHECK(order == "aaa:s3 app:dir app:s3 ");
  const std::string table = table_of(listing.backups);
  CHECK(table.find(" SIZE  TOOK  FROM  NOTE\n") != std::string::npos);
  CHECK(table.find(" B    0s  dir\n") != std::string::npos);
  CHECK(format_backup_json(listing.backups).find(R"(dump.zst","from":"dir"})") !=
        std::string::npos);
  const std::vector<ListedBackup> alone = list_backups(only(dir), {}, clock).backups;
  CHECK(table_of(alone).find("FROM") == std::string::npos);
  CHECK(format_backup_json(alone).find("from") == std::string::npos);
}

TEST_CASE("A destination that cannot be listed is named, and the other one's backups are there") {
  const TemporaryFolder folder;
  SystemClock clock;
  DirStore store(folder.path(), clock);
  FaultyStore broken(store);
  write_backup(folder, manifest_of("app"));
  for (const auto* const call : {"list", "open"}) {
    CAPTURE(call);
    broken.before = [call](std::string_view name, std::string_view) {
      if (name == call) throw Error(ErrorKind::transient, "no answer");
    };
    const Listing listing = list_backups(both(store, broken), {}, clock);
    REQUIRE(listing.backups.size() == 1);
    CHECK(listing.backups[0].destination == "dir");
    REQUIRE(listing.failures.size() == 1);
    CHECK(listing.failures[0].destination == "s3");
  }
}

TEST_CASE("A damaged backup is listed as such, with the reason, and so is one from the future") {
  const TemporaryFolder folder;
  const FakeClock clock(*parse_iso("2026-11-19T00:00:00Z"));
  DirStore store(folder.path(), clock);
  write_backup(folder, manifest_of("app"));
  write_backup(folder, manifest_of("web"));
  folder.write(backup_folder(db("web"), kId) + "/web.dump.zst", "dat");
  const std::vector<ListedBackup> listed = list_backups(only(store), {}, clock).backups;
  const std::string table = table_of(listed);
  CHECK(table.find(" B    0s  dated in the future\n") != std::string::npos);
  CHECK(table.find(
            " B    0s  damaged: web.dump.zst has 3 bytes, the manifest says 4; dated in the future"
            "\n") != std::string::npos);
  const std::string json = format_backup_json(listed);
  CHECK(json.find(R"(app.dump.zst","future":true})") != std::string::npos);
  CHECK(json.find(R"("future":true,"damaged":"web.dump.zst has 3 bytes, the manifest says 4"})") !=
        std::string::npos);
  const FakeClock later(*parse_iso("2026-11-20T03:14:00Z"));
  CHECK(table_of(list_backups(only(store), {}, later).backups).find("future") == std::string::npos);
}

TEST_CASE("A listing says how each backup was verified, and what was found to be wrong") {
  const TemporaryFolder folder;
  SystemClock clock;
  DirStore store(folder.path(), clock);
  write_backup(folder, manifest_of("app"));
  const std::string path = backup_folder(db("app"), kId) + "/";
  const Verification passed =
      make_verification(*parse_iso("2026-11-21T00:00:00Z"), VerifyDepth::archive, true);
  folder.write(path + passed.file, "{}");
  const auto table = [&] { return table_of(list_backups(only(store), {}, clock).backups); };
  const auto json = [&] {
    return format_backup_json(list_backups(only(store), {}, clock).backups);
  };
  CHECK(table().find("verified 2026-11-21T00:00:00Z (archive)") != std::string::npos);
  CHECK(json().find(R"("verified":{"at":"2026-11-21T00:00:00Z","depth":"archive"})") !=
        std::string::npos);
  const Verification failed =
      make_verification(*parse_iso("2026-11-22T00:00:00Z"), VerifyDepth::restore, false);
  folder.write(
      path + failed.file,
      format_verification(failed, {.group = db("app"), .id = kId, .problem = "no\x1bgood"}));
  CHECK(table().find("failed: verification of 2026-11-22T00:00:00Z: no?good") != std::string::npos);
  CHECK(json().find(R"("failed":"verification of 2026-11-22T00:00:00Z: no)") != std::string::npos);
  CHECK(json().find("\"verified\"") == std::string::npos);
  folder.write(path + failed.file, "{");
  CHECK(table().find("whose report cannot be read") != std::string::npos);
}

/// Writes a backup that is encrypted for the owners of two keys, as far as a listing looks.
void write_encrypted(const TemporaryFolder& folder, Manifest manifest) {
  const std::string path = backup_folder(manifest.group, kId) + "/";
  manifest.streams.front().packing.encryption = Encryption::age;
  manifest.recipients = {"age16lvms93y65emcxmeum8z9qf4lf0fm6ekarht5gxgzu0rtmarkensrdy5gz",
                         "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMwKNbGjuo0rz8ePfOAD"};
  manifest.sealed = {std::string(kSealedName), 6, std::string(64, 'c')};
  folder.write(path + data_name(manifest.group), "data");
  folder.write(path + std::string(kSealedName), "sealed");
  folder.write(path + "manifest.json", format_manifest(manifest));
}

TEST_CASE(
    "A listing says for whom a backup is encrypted, and that it hides what it does not know") {
  const TemporaryFolder folder;
  SystemClock clock;
  DirStore store(folder.path(), clock);
  Manifest made = manifest_of("app");
  made.warnings = {"about secret_table", "about secret_role"};
  made.dump.selection = {"--exclude-table=secret_table", "--no-comments"};
  write_encrypted(folder, made);
  write_encrypted(folder, manifest_of("web"));
  const std::vector<ListedBackup> listed = list_backups(only(store), {}, clock).backups;
  REQUIRE(listed.size() == 2);
  const std::string table = format_backup_table(listed, clock.now());
  const std::string whom = "encrypted for age16lvm...nsrdy5gz, ssh-ed25519 ...z8ePfOAD\n";
  CHECK(table.find("  2 warnings, encrypted; partial: pg_dump was given --exclude-table "
                   "--no-comments, values encrypted; " +
                   whom) != std::string::npos);
  CHECK(table.find("  " + whom) != std::string::npos);  // that has no warning
  const std::string json = format_backup_json(listed);
  CHECK(
      json.find(R"("recipients":["age16lvms93y65emcxmeum8z9qf4lf0fm6ekarht5gxgzu0rtmarkensrdy5gz")"
                R"(,"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMwKNbGjuo0rz8ePfOAD"])") !=
      std::string::npos);
  CHECK(json.find(R"("part":["--exclude-table","--no-comments"])") != std::string::npos);
  CHECK(json.find(R"("warnings":["2 warnings, encrypted"])") != std::string::npos);
  const std::string text = format_backup_details(listed[0], clock.now());
  CHECK(text.find("object       private.json.age  6 B  SHA-256 cccc") != std::string::npos);
  CHECK(
      text.find("opened by    age16lvms93y65emcxmeum8z9qf4lf0fm6ekarht5gxgzu0rtmarkensrdy5gz\n") !=
      std::string::npos);
  CHECK(text.find("note         2 warnings, encrypted; partial") != std::string::npos);
  for (const std::string& shown : {table, json, text}) {
    CHECK(shown.find("secret") == std::string::npos);
  }
  folder.write(backup_folder(db("web"), kId) + "/" + std::string(kSealedName), "x");
  CHECK(format_backup_table(list_backups(only(store), {}, clock).backups, clock.now())
            .find("damaged: private.json.age has 1 bytes, the manifest says 6") !=
        std::string::npos);
}

/// Two databases with three backups each, a day apart.
class FilterFixture {
 public:
  FilterFixture() {
    for (const auto* group : {"app", "web"}) {
      for (const auto* id : kIds) {
        const Manifest manifest = make_manifest(db(group), id);
        const std::string path = backup_folder(manifest.group, id) + "/";
        folder.write(path + data_name(manifest.group), "data");
        folder.write(path + "manifest.json", format_manifest(manifest));
      }
    }
  }
  std::string ids(const ListFilter& filter) {
    std::string text;
    for (const ListedBackup& one : list_backups(only(store), {}, clock, filter).backups) {
      text += fmt::format("{}/{} ", one.backup.group.name(), one.backup.id.substr(6, 2));
    }
    return text;
  }

  static constexpr std::array kIds = {"20261118T031500Z-00000001", "20261119T031500Z-00000002",
                                      "20261120T031500Z-00000003"};
  const ZoneGuard zone{"UTC"};
  const TemporaryFolder folder;
  SystemClock clock;
  DirStore store{folder.path(), clock};
};

TEST_CASE_METHOD(FilterFixture, "A listing has what is asked for, and reads no other manifest") {
  CHECK(ids({}) == "app/18 app/19 app/20 web/18 web/19 web/20 ");
  CHECK(ids({.database = "web"}) == "web/18 web/19 web/20 ");
  CHECK(ids({.database = "we"}).empty());
  CHECK(ids({.newest = 1}) == "app/20 web/20 ");
  CHECK(ids({.newest = 2}) == "app/19 app/20 web/19 web/20 ");
  CHECK(ids({.newest = 9}) == ids({}));
  CHECK(ids({.since = parse_since("2026-11-19")}) == "app/19 app/20 web/19 web/20 ");
  CHECK(ids({.since = parse_since("2026-11-19 03:16")}) == "app/20 web/20 ");
  CHECK(ids({.database = "app", .id = "20261119"}) == "app/19 ");
  CHECK(ids({.id = "2027"}).empty());
  FaultyStore counted{store};
  size_t opened = 0;
  counted.before = [&](std::string_view call, std::string_view /*key*/) {
    opened += call == "open" ? 1 : 0;
  };
  CHECK(list_backups(only(counted), {}, clock, {.newest = 1}).backups.size() == 2);
  CHECK(opened == 2);
}

TEST_CASE_METHOD(FilterFixture, "What is wanted and was never backed up comes first") {
  const Listing listing = list_backups(
      only(store), {}, clock,
      {.since = parse_since("2026-11-20"), .wanted = {db("web"), db("n\x1bw"), db("old")}});
  REQUIRE(listing.never.size() == 2);
  const std::string table = format_backup_table(listing.backups, clock.now(), listing.never);
  CHECK(table.find("\nn?w       never backed up\nold       never backed up\napp ") !=
        std::string::npos);
  const std::string json = format_backup_json(listing.backups, listing.never);
  CHECK(json.starts_with(R"({"group":"n\u001bw","kind":"dump","never":true})"));
  CHECK(json.find(R"({"group":"old","kind":"dump","never":true})") != std::string::npos);
  CHECK(list_backups(only(store), {}, clock, {.database = "web", .wanted = {db("old")}})
            .never.empty());
  // A backup that is not listed is one all the same, and one without a manifest is none.
  CHECK(list_backups(only(store), {}, clock,
                     {.since = parse_since("2027-01-01"), .wanted = {db("app")}})
            .never.empty());
  folder.write("old/20261120T031500Z-00000003/old.dump.zst", "no manifest yet");
  CHECK(list_backups(only(store), {}, clock, {.wanted = {db("old")}}).never.size() == 1);
}

TEST_CASE_METHOD(FilterFixture, "What the newest run was to back up is wanted") {
  Manifest manifest = make_manifest(db("app"), "20261121T031500Z-00000004");
  manifest.groups = {db("app"), db("new")};
  folder.write("app/20261121T031500Z-00000004/app.dump.zst", "data");
  folder.write("app/20261121T031500Z-00000004/manifest.json", format_manifest(manifest));
  const Listing listing = list_backups(only(store), {}, clock);
  REQUIRE(listing.never.size() == 1);
  CHECK(listing.never.front().group == db("new"));
}

TEST_CASE("A listing has the age, the ratio and the time that a backup took") {
  const TemporaryFolder folder;
  SystemClock clock;
  DirStore store(folder.path(), clock);
  Manifest manifest = manifest_of("app");
  manifest.finished = manifest.started + std::chrono::seconds(95);
  manifest.streams.front().uncompressed_bytes = 4 * manifest.stored_bytes();
  write_backup(folder, manifest);
  const std::string table = table_of(list_backups(only(store), {}, clock).backups);
  CHECK(table.find("DATABASE  ID                         TIME                  AGE") == 0);
  CHECK(table.find("  2d  ") != std::string::npos);
  CHECK(table.find("  4.0:1   95s") != std::string::npos);
}

TEST_CASE_METHOD(FilterFixture,
                 "Several readers find what one finds, and the first failure ends all") {
  for (int i = 0; i < 60; ++i) {
    const std::string id = fmt::format("20260101T0315{:02}Z-00000001", i);
    folder.write("app/" + id + "/app.dump.zst", "data");
    folder.write("app/" + id + "/manifest.json", format_manifest(make_manifest(db("app"), id)));
  }
  std::atomic<int> opened = 0;
  const ListReaders readers{.open = [&] {
    ++opened;
    Destinations again;
    again.emplace_back("", std::make_unique<DirStore>(folder.path(), clock));
    return again;
  }};
  const Listing one = list_backups(only(store), {}, clock);
  const Listing several = list_backups(only(store), {}, clock, {}, readers);
  CHECK(one.backups.size() == 66);
  CHECK(format_backup_json(one.backups) == format_backup_json(several.backups));
  CHECK(opened == 3);
  const ListReaders broken{
      .open = []() -> Destinations { throw Error(ErrorKind::transient, "no more connections"); }};
  const Listing failed = list_backups(only(store), {}, clock, {}, broken);
  REQUIRE(failed.failures.size() == 1);
  CHECK(failed.failures.front().error.message() == "no more connections");
}

TEST_CASE("What is no moment, and two limits, are refused") {
  const auto problems = [](const ListRequest& request) {
    std::vector<std::string> found;
    check_list(request, found);
    return found.size();
  };
  CHECK(problems({}) == 0);
  CHECK(problems({.since = "2026-11-20"}) == 0);
  CHECK(problems({.since = "yesterday"}) == 1);
  CHECK(problems({.since = "2026-13-20"}) == 1);
  CHECK(problems({.newest = 3}) == 0);
  CHECK(problems({.newest = 3, .latest = true}) == 1);
}

TEST_CASE_METHOD(FilterFixture, "One backup is shown with all that is known of it") {
  const std::vector<ListedBackup> found =
      list_backups(only(store), {}, clock, {.database = "app", .newest = 1}).backups;
  REQUIRE(found.size() == 1);
  const std::string text = format_backup_details(found.front(), *parse_iso("2026-11-20T05:15:00Z"));
  CHECK(text.starts_with("backup       app/20261120T031500Z-00000003\n"));
  CHECK(text.find("made         2026-11-20T03:15:00Z (2h ago)\n") != std::string::npos);
  CHECK(text.find("server       PostgreSQL ") != std::string::npos);
  CHECK(text.find("object       app.dump.zst  ") != std::string::npos);
  CHECK(text.find("locked until") == std::string::npos);
}

}  // namespace
}  // namespace pgbackup
