#include "backup/restore/choose_backup.h"

#include "common/catalog/key_grammar.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

constexpr const char* kOld = "20261118T031500Z-00000001";
constexpr const char* kMiddle = "20261119T031500Z-00000002";
constexpr const char* kNew = "20261120T031500Z-00000003";

Manifest manifest_of(const std::string& id, const std::string& group = "app") {
  return make_manifest(db(group), id);
}

void add(MemoryStore& store, const std::string& id, const std::string& group = "app") {
  const std::string folder = backup_folder(db(group), id) + "/";
  store.put(folder + data_name(db(group)), "data");
  store.put(folder + "manifest.json", format_manifest(manifest_of(id, group)));
}

struct Fixture {
  FakeClock clock{*parse_iso("2026-11-21T00:00:00Z")};
  TestLog log{clock};
  MemoryStore dir_memory{clock};
  MemoryStore s3_memory{clock};
  FaultyStore dir{dir_memory};
  FaultyStore s3{s3_memory};
  Destinations destinations = both(dir, s3);
  Adoption adoption;

  void adopt_all() { adoption.layouts = parse_layouts("all"); }
  static void fail(FaultyStore& store) {
    store.before = [](std::string_view, std::string_view) {
      throw Error(ErrorKind::transient, "no answer");
    };
  }
  /// `dir:ID`
  [[nodiscard]] std::string choose(const std::string& id, const std::string& database = "app") {
    RestoreRequest request;
    request.database = database;
    request.id = id;
    const FoundBackup found = choose_backup(destinations, request, adoption, clock, log.log());
    return found.destination->name() + ":" + found.backup.id;
  }
  [[nodiscard]] std::optional<UtcTime> newest_of(const std::string& destination) {
    return newest_starts(destinations, {db("app")}, clock.now(), log.log())
        .at({db("app"), destination});
  }
  [[nodiscard]] std::optional<UtcTime> newest() {
    return furthest_behind(newest_starts(destinations, {db("app")}, clock.now(), log.log()));
  }
};

TEST_CASE("The latest backup is the newest of all destinations") {
  Fixture f;
  add(f.dir_memory, kOld);
  add(f.s3_memory, kMiddle);
  CHECK(f.choose("latest") == std::string("s3:") + kMiddle);
  add(f.dir_memory, kNew);
  CHECK(f.choose("latest") == std::string("dir:") + kNew);
}

TEST_CASE("Of one backup in both destinations the directory's is taken") {
  Fixture f;
  for (MemoryStore* const store : {&f.dir_memory, &f.s3_memory}) add(*store, kNew);
  CHECK(f.choose("latest") == std::string("dir:") + kNew);
  CHECK(f.choose(kNew) == std::string("dir:") + kNew);
}

TEST_CASE("An id is found where it is") {
  Fixture f;
  add(f.dir_memory, kOld);
  add(f.s3_memory, kMiddle);
  add(f.s3_memory, kNew, "app2");
  CHECK(f.choose(kOld) == std::string("dir:") + kOld);
  CHECK(f.choose(kMiddle) == std::string("s3:") + kMiddle);
  CHECK(fails_with(ErrorKind::not_found, "there is no complete backup '20261120T031500Z-00000003",
                   [&] { return f.choose(kNew); }));
  f.s3_memory.remove(backup_folder(db("app"), kMiddle) + "/manifest.json");
  CHECK_THROWS_AS(f.choose(kMiddle), Error);
}

TEST_CASE("A destination that does not answer is warned of, and the other one is used") {
  Fixture f;
  add(f.dir_memory, kOld);
  add(f.s3_memory, kNew);
  Fixture::fail(f.s3);
  CHECK(f.choose("latest") == std::string("dir:") + kOld);
  CHECK(contains(f.log.text(), "so its backups do not count destination=s3 cause=\"no answer\""));
  const auto error = error_of([&] { return f.choose(kNew); });
  REQUIRE(error);
  CHECK(contains(error->message(), "in " + f.dir.location("")));
  CHECK_FALSE(contains(error->message(), " or "));
  Fixture::fail(f.dir);
  CHECK(fails_with(ErrorKind::transient, "dir: no answer; s3: no answer",
                   [&] { return f.choose("latest"); }));
}

TEST_CASE("All backups of both destinations are found, the newest one's preferred copy last") {
  Fixture f;
  add(f.dir_memory, kOld);
  for (MemoryStore* const store : {&f.dir_memory, &f.s3_memory}) add(*store, kNew);
  std::string seen;
  for (const FoundBackup& found : find_backups(f.destinations, f.adoption, f.clock, f.log.log())) {
    seen += found.destination->name() + ":" + found.backup.id + " ";
  }
  CHECK(seen == std::string("dir:") + kOld + " s3:" + kNew + " dir:" + kNew + " ");
}

constexpr const char* kOldSystem = "app/app_20261119T120000Z.dump";
constexpr const char* kNameless = "backup-2021-01-06T22:06:31.106555.dump";

TEST_CASE("The latest backup is the newest of ours and the adopted ones") {
  Fixture f;
  add(f.dir_memory, kMiddle);
  f.s3_memory.put(kOldSystem, "PGDMP");
  f.s3_memory.put("app2/app2_20261120T120000Z.dump", "PGDMP");
  f.s3_memory.put("app/app_20261120T120000Z.dump.sha256", "without its file");
  CHECK(f.choose("latest") == std::string("dir:") + kMiddle);
  f.adopt_all();
  CHECK(f.choose("latest") == std::string("s3:") + kOldSystem);
  f.dir_memory.put(kOldSystem, "PGDMP");
  CHECK(f.choose("latest") == std::string("dir:") + kOldSystem);
  // By time: any id of ours sorts before this one's key.
  add(f.s3_memory, kNew);
  CHECK(f.choose("latest") == std::string("s3:") + kNew);
}

TEST_CASE("The key of an adopted backup is an id, with or without its database") {
  Fixture f;
  add(f.dir_memory, kNew);
  f.s3_memory.put(kOldSystem, "PGDMP");
  f.s3_memory.put(kNameless, "PGDMP");
  CHECK_THROWS_AS(f.choose(kOldSystem), Error);
  f.adopt_all();
  CHECK(f.choose(kOldSystem) == std::string("s3:") + kOldSystem);
  CHECK(f.choose(kOldSystem, "") == std::string("s3:") + kOldSystem);
  CHECK(f.choose(kNameless, "") == std::string("s3:") + kNameless);
  CHECK(f.choose(kNew) == std::string("dir:") + kNew);
  for (const auto* database : {"app2", "App", "ap"}) {
    CHECK(fails_with(ErrorKind::not_found, "there is no complete backup 'app/app_20261119T120000Z",
                     [&] { return f.choose(kOldSystem, database); }));
  }
  CHECK(fails_with(ErrorKind::not_found, "there is no complete backup 'backup-2021-01-06",
                   [&] { return f.choose(kNameless, "app"); }));
  CHECK(fails_with(ErrorKind::not_found, "there is no backup 'app/app_20261119T120001Z.dump' in",
                   [&] { return f.choose("app/app_20261119T120001Z.dump", ""); }));
  f.adoption.database = "app";
  CHECK(f.choose(kNameless, "app") == std::string("s3:") + kNameless);
}

TEST_CASE("Adopted backups stand among ours by their time, and count for no schedule") {
  Fixture f;
  for (MemoryStore* const store : {&f.dir_memory, &f.s3_memory}) {
    add(*store, kOld);
    store->put(kOldSystem, "PGDMP");
  }
  add(f.dir_memory, kNew);
  f.adopt_all();
  std::string seen;
  for (const FoundBackup& found : find_backups(f.destinations, f.adoption, f.clock, f.log.log())) {
    seen += found.destination->name() + ":" + found.backup.id.substr(0, 8) + " ";
  }
  CHECK(seen == "s3:20261118 dir:20261118 s3:app/app_ dir:app/app_ dir:20261120 ");
  CHECK(f.newest() == parse_iso("2026-11-18T03:15:00Z"));
}

TEST_CASE("The newest start is that of the destination which is the furthest behind") {
  Fixture f;
  CHECK_FALSE(f.newest());
  add(f.dir_memory, kNew);
  CHECK_FALSE(f.newest());  // s3 has none
  add(f.s3_memory, kOld);
  CHECK(f.newest() == parse_iso("2026-11-18T03:15:00Z"));
  add(f.s3_memory, kNew);
  CHECK(f.newest() == parse_iso("2026-11-20T03:15:00Z"));
  // What s3 has is not known: a run for it alone must show whether it is back.
  Fixture::fail(f.s3);
  CHECK_FALSE(f.newest());
  const size_t before = f.log.text().size();
  CHECK(newest_starts(f.destinations, {db("app"), db("other")}, f.clock.now(), f.log.log()) ==
        NewestStarts{{{db("app"), "dir"}, parse_iso("2026-11-20T03:15:00Z")},
                     {{db("app"), "s3"}, std::nullopt},
                     {{db("other"), "dir"}, std::nullopt},
                     {{db("other"), "s3"}, std::nullopt}});
  // Once, however many groups there are.
  const std::string text = f.log.text().substr(before);
  CHECK(text.find("do not count destination=s3") == text.rfind("do not count destination=s3"));
  CHECK(contains(text, "do not count destination=s3"));
  Fixture::fail(f.dir);
  CHECK_THROWS_AS(f.newest(), Error);
}

TEST_CASE("A group that cannot be read counts alone, and all of them as their destination") {
  Fixture f;
  add(f.dir_memory, kNew);
  add(f.s3_memory, kNew);
  f.dir.before = [](std::string_view, std::string_view key) {
    if (key.starts_with("theirs")) throw Error(ErrorKind::denied, "another user's directory");
  };
  const NewestStarts starts =
      newest_starts(f.destinations, {db("app"), db("theirs")}, f.clock.now(), f.log.log());
  CHECK(starts.at({db("app"), "dir"}) == parse_iso("2026-11-20T03:15:00Z"));
  CHECK(starts.at({db("app"), "s3"}) == parse_iso("2026-11-20T03:15:00Z"));
  CHECK_FALSE(starts.at({db("theirs"), "dir"}));
  CHECK(contains(f.log.text(), "do not count cause=\"another user's directory\""));
  f.s3.before = f.dir.before;
  CHECK(fails_with(ErrorKind::denied, "another user's directory", [&] {
    return newest_starts(f.destinations, {db("theirs")}, f.clock.now(), f.log.log());
  }));
}

void lose_data(MemoryStore& store, const std::string& id) {
  store.remove(backup_folder(db("app"), id) + "/" + data_name(db("app")));
}

TEST_CASE("The latest backup is one that is whole; what is damaged is named and passed over") {
  Fixture f;
  for (const auto* id : {kOld, kMiddle, kNew}) add(f.dir_memory, id);
  lose_data(f.dir_memory, kNew);
  f.dir_memory.objects[backup_folder(db("app"), kMiddle) + "/app.dump.zst"].bytes = "dat";
  CHECK(f.choose("latest") == std::string("dir:") + kOld);
  const std::string folder = f.dir.location(backup_folder(db("app"), kNew));
  CHECK(contains(f.log.text(), "cause=\"" + folder + " is damaged: its data is missing"));
  CHECK(contains(f.log.text(), "app.dump.zst has 3 bytes, the manifest says 4"));
  lose_data(f.dir_memory, kOld);
  CHECK(fails_with(ErrorKind::corrupt, "is damaged: ", [&] { return f.choose("latest"); }));
}

TEST_CASE("A manifest that is damaged, or another backup's, is never the latest") {
  for (const std::string& manifest :
       {std::string("{"), std::string(), format_manifest(manifest_of(kOld))}) {
    CAPTURE(manifest.substr(0, 10));
    Fixture f;
    add(f.dir_memory, kOld);
    add(f.dir_memory, kNew);
    f.dir_memory.objects[backup_folder(db("app"), kNew) + "/manifest.json"].bytes = manifest;
    CHECK(f.choose("latest") == std::string("dir:") + kOld);
    CHECK(f.newest_of("dir") == parse_iso("2026-11-18T03:15:00Z"));
    CHECK(fails_with(ErrorKind::corrupt, kNew, [&] { return f.choose(kNew); }));
  }
}

TEST_CASE("A backdated backup is the latest for no one, and its id restores it with a warning") {
  Fixture f;
  const auto stored_at = [&](const std::string& id, const char* time) {
    add(f.dir_memory, id);
    f.dir_memory.objects[backup_folder(db("app"), id) + "/manifest.json"].modified =
        *parse_iso(time);
  };
  stored_at(kOld, "2026-11-18T03:16:00Z");
  stored_at(kNew, "2026-11-25T03:17:00Z");
  CHECK(f.choose("latest") == std::string("dir:") + kOld);
  CHECK(contains(f.log.text(), " may not be of its date: it was stored at"));
  CHECK(f.choose(kNew) == std::string("dir:") + kNew);
  CHECK(f.newest_of("dir") == parse_iso("2026-11-18T03:15:00Z"));
}

TEST_CASE("A manifest of a later format is not passed over in silence") {
  Fixture f;
  add(f.dir_memory, kOld);
  add(f.dir_memory, kNew);
  std::string& manifest =
      f.dir_memory.objects[backup_folder(db("app"), kNew) + "/manifest.json"].bytes;
  manifest.replace(manifest.find("\"format\": 2"), 11, "\"format\": 4");
  CHECK(fails_with(ErrorKind::failed, "format 4", [&] { return f.choose("latest"); }));
  CHECK(f.newest_of("dir") == parse_iso("2026-11-20T03:15:00Z"));
}

TEST_CASE("A damaged backup is not restored by its id, but its whole copy is") {
  Fixture f;
  add(f.dir_memory, kOld);
  add(f.dir_memory, kNew);
  lose_data(f.dir_memory, kNew);
  const auto error = error_of([&] { return f.choose(kNew); });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::corrupt);
  CHECK(contains(error->message(), "is damaged: its data is missing or empty"));
  CHECK(contains(error->hint(), "restore another one"));
  add(f.s3_memory, kNew);
  CHECK(f.choose(kNew) == std::string("s3:") + kNew);
  CHECK(f.choose("latest") == std::string("s3:") + kNew);
}

TEST_CASE("What is dated in the future is never the latest, and can be named") {
  Fixture f;
  const std::string future = "20310101T000000Z-00000004";
  const std::string soon = "20261121T000400Z-00000005";  // as clocks may differ
  add(f.dir_memory, kOld);
  add(f.dir_memory, future);
  add(f.s3_memory, future);
  CHECK(f.choose("latest") == std::string("dir:") + kOld);
  CHECK(contains(f.log.text(), "warning=\"app/" + future +
                                   " is dated in the future (it is 2026-11-21T00:00:00Z now): it "
                                   "is not the latest; --id restores it"));
  CHECK(f.choose(future) == "dir:" + future);
  CHECK(f.newest_of("dir") == parse_iso("2026-11-18T03:15:00Z"));
  CHECK_FALSE(f.newest_of("s3"));
  f.dir_memory.remove(backup_folder(db("app"), kOld) + "/manifest.json");
  CHECK(fails_with(ErrorKind::not_found, "but what is dated in the future",
                   [&] { return f.choose("latest"); }));
  add(f.dir_memory, soon);
  CHECK(f.choose("latest") == "dir:" + soon);
  CHECK(f.newest_of("dir") == f.clock.now());
  const auto found = find_backups(f.destinations, f.adoption, f.clock, f.log.log());
  CHECK(found.back().backup.id == soon);  // what the dialog proposes
  CHECK((found.front().is_future && !found.back().is_future));
}

TEST_CASE("The daemon's newest backup is whole: one that has lost its data is made again") {
  Fixture f;
  add(f.dir_memory, kOld);
  add(f.dir_memory, kNew);
  lose_data(f.dir_memory, kNew);
  CHECK(f.newest_of("dir") == parse_iso("2026-11-18T03:15:00Z"));
  CHECK(contains(f.log.text(), "a backup does not count, as it is damaged backup="));
  lose_data(f.dir_memory, kOld);
  CHECK_FALSE(f.newest_of("dir"));
  // Without the right to read, the listing must do.
  add(f.dir_memory, kMiddle);
  f.dir.before = [](std::string_view call, std::string_view) {
    if (call == "open") throw Error(ErrorKind::denied, "403");
  };
  CHECK(f.newest_of("dir") == parse_iso("2026-11-19T03:15:00Z"));
}

TEST_CASE("A lone checksum of an older system is damaged, too") {
  Fixture f;
  f.adopt_all();
  f.s3_memory.put(std::string(kOldSystem) + ".sha256", "sum");
  CHECK(fails_with(ErrorKind::corrupt, "only its checksum is left",
                   [&] { return f.choose(kOldSystem); }));
  add(f.s3_memory, kOld);
  CHECK(f.choose("latest") == std::string("s3:") + kOld);
}

void verify(MemoryStore& store, const std::string& id, bool is_passed, UtcTime time) {
  store.put(backup_folder(db("app"), id) + "/" +
                make_verification(time, VerifyDepth::restore, is_passed).file,
            "{}");
}

TEST_CASE("A backup whose verification has failed is restored only where its id is named") {
  Fixture f;
  for (MemoryStore* const store : {&f.dir_memory, &f.s3_memory}) {
    add(*store, kMiddle);
    add(*store, kNew);
  }
  verify(f.dir_memory, kNew, false, f.clock.now());
  // The other destination's is not known to be bad.
  CHECK(f.choose("latest") == std::string("s3:") + kNew);
  CHECK(f.choose(kNew) == std::string("s3:") + kNew);
  CHECK(f.newest_of("dir") == parse_backup_id(kMiddle));
  verify(f.s3_memory, kNew, false, f.clock.now());
  CHECK(f.choose("latest") == std::string("dir:") + kMiddle);
  CHECK(f.choose(kNew) == std::string("dir:") + kNew);
  CHECK(f.log.text().find("the verification of") != std::string::npos);
  verify(f.dir_memory, kNew, true, f.clock.now() + std::chrono::seconds(1));
  CHECK(f.choose("latest") == std::string("dir:") + kNew);
}

}  // namespace
}  // namespace pgbackup
