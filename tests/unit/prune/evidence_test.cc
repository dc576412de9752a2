#include "prune/evidence.h"

#include <fmt/format.h>

#include <algorithm>

#include "prune/locks.h"
#include "tests/support/error_of.h"
#include "tests/support/evidence_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Strings = std::vector<std::string>;

TEST_CASE_METHOD(EvidenceFixture, "Only groups in which something would be removed are looked at") {
  const Strings keys = add_daily("app", 5);
  add_daily("young", 3);
  add_daily("floor", 1, days(100));
  add_daily("leftover", 3);
  add_leftover("leftover");
  add_object("web/web_20240115T120000Z.dump", days(600));
  CHECK(objections().empty());
  CHECK(opened == keys);
}

TEST_CASE_METHOD(EvidenceFixture, "The manifests of the newest ten are read, no more") {
  const Strings keys = add_daily("app", 40);
  add_object("app/app_20240115T120000Z.dump", days(600));
  const Plan made = guarded();
  CHECK(opened == Strings(keys.begin(), keys.begin() + 10));
  CHECK(made.objections.empty());
  CHECK(count_actions(made, Action::remove) == 38);
}

TEST_CASE_METHOD(EvidenceFixture, "Backups dated in the future are not among the ten") {
  const Strings keys = add_daily("app", 12);
  add("app", -hours(1));
  Manifest odd = manifest("app", -days(300));
  odd.system_identifier = "2";
  odd.dump.tables = 0;
  add(odd);
  CHECK(objections().empty());
  CHECK(opened == Strings(keys.begin(), keys.begin() + 10));
}

TEST_CASE_METHOD(EvidenceFixture,
                 "A backup of an older system has no manifest that could be read") {
  for (int i = 0; i < 20; ++i) {
    add_object(fmt::format("app/app_{}.dump", format_basic(now - days(i))), days(i));
  }
  const Plan made = guarded();
  CHECK(opened.empty());
  CHECK(made.objections.empty());
  CHECK(count_actions(made, Action::remove) == 17);
}

TEST_CASE_METHOD(EvidenceFixture, "A manifest that cannot be understood freezes its group") {
  const Strings keys = add_daily("app", 6);
  add_daily("web", 6);
  struct Row {
    std::string manifest;
    const char* part;
  };
  const char* const by_hand = "; delete that backup's prefix by hand when you are sure";
  std::string later = format_manifest(manifest("app", days(5)));
  later.replace(later.find("\"format\": 2"), 11, "\"format\": 4");
  for (const Row& row : std::vector<Row>{
           {"", "damaged"},
           {"{}", "damaged"},
           {"[]", "damaged"},
           {"not JSON", "damaged"},
           {"{", by_hand},
           {format_manifest(manifest("web", days(5))), "it is the manifest of web "},
           {std::string(2U << 20U, ' '), "is larger than"},
           {R"({"format": 4, "x": ")" + std::string(2U << 20U, 'x') + "\"}", "; update"},
           {later.substr(0, later.size() / 2), "; update pg-backup and pg-prune"},
           {later, "this one does not know manifest format 4; update pg-backup and"}}) {
    CAPTURE(row.manifest.substr(0, 20), row.part);
    for (const std::string& key : {keys.front(), keys.back()}) {
      const auto before = store.objects;
      store.objects[key].bytes = row.manifest;
      const Plan made = guarded();
      REQUIRE(made.objections.size() == 1);
      CHECK(made.objections[0].group == db("app"));
      CHECK(contains(made.objections[0].sentence,
                     "a manifest cannot be read: " + store.location(key) + ": "));
      CHECK(contains(made.objections[0].sentence, row.part));
      // What a newer version wrote is as good as the rest.
      const bool is_later = contains(row.part, "update");
      CHECK(contains(made.objections[0].sentence, by_hand) != is_later);
      CHECK(count_actions(made, Action::remove) == 3);  // web's
      store.objects = before;
    }
  }
}

TEST_CASE_METHOD(EvidenceFixture,
                 "A damaged manifest beyond the ten freezes, too, if it would go") {
  const Strings keys = add_daily("app", 20);
  store.objects[keys.back()].bytes = "{";
  Plan made = plan();
  apply_locks(made, read_locks(seen, made, log.log(), {}));
  guard_plan(seen, made, log.log(), {});
  REQUIRE(made.objections.size() == 1);
  CHECK(contains(made.objections[0].sentence, store.location(keys.back()) + " is damaged"));
  CHECK(fails_with(ErrorKind::conflict, "nothing of app was touched", [&] { run(); }));
  CHECK(store.objects.size() == 40);
}

TEST_CASE_METHOD(EvidenceFixture, "A manifest that may not be read freezes its group alone") {
  const Strings keys = add_daily("app", 6);
  add_daily("web", 6);
  seen.before = [&](std::string_view call, std::string_view key) {
    if (call == "open" && key == keys.front()) throw Error(ErrorKind::denied, "403 AccessDenied");
  };
  CHECK(fails_with(ErrorKind::conflict,
                   "nothing of app was touched: a manifest cannot be read: " +
                       store.location(keys.front()) + ": 403 AccessDenied",
                   [&] { run(); }));
  CHECK(read_catalog(store, db("app")).size() == 6);
  CHECK(read_catalog(store, db("web")).size() == 3);
}

TEST_CASE_METHOD(EvidenceFixture, "A manifest that is gone since it was listed says nothing") {
  const Strings keys = add_daily("app", 6);
  Plan made = plan();
  store.objects.erase(keys[0]);
  guard_plan(seen, made, log.log(), {});
  CHECK(made.objections.empty());
  CHECK(count_actions(made, Action::remove) == 3);
}

TEST_CASE_METHOD(EvidenceFixture, "Where a manifest gets no answer, the run ends with that") {
  add_daily("app", 6);
  const auto before = store.objects.size();
  for (const ErrorKind kind :
       {ErrorKind::transient, ErrorKind::canceled, ErrorKind::usage, ErrorKind::conflict}) {
    seen.before = [&](std::string_view call, std::string_view) {
      if (call == "open") throw Error(kind, "no answer");
    };
    CHECK(fails_with(kind, "no answer", [&] { return guarded(); }));
    CHECK_THROWS_AS(run(), Error);
    CHECK(store.objects.size() == before);
  }
}

TEST_CASE_METHOD(EvidenceFixture, "Encrypted backups are judged without a key, as others are") {
  const auto add_encrypted = [&](std::chrono::seconds age, uint64_t bytes) {
    Manifest made = manifest("app", age);
    made.streams.front().packing.encryption = Encryption::age;
    made.streams.front().uncompressed_bytes = bytes;
    made.dump.selection = {fmt::format("--exclude-table=t{}", age.count())};
    made.recipients = {"age1short"};
    made.sealed = {std::string(kSealedName), 4, std::string(64, 'c')};
    add(made);
    add_object(backup_folder(made.group, made.id) + "/" + std::string(kSealedName), age);
  };
  for (int i = 0; i < 6; ++i) add_encrypted(hours(1) + days(i), 1000);
  CHECK(objection().empty());
  add_encrypted(hours(0), 100);
  CHECK(objection() == "the newest backup");
}

TEST_CASE_METHOD(EvidenceFixture, "A stop request ends the look at the groups") {
  add_daily("app", 6);
  std::stop_source stop;
  stop.request_stop();
  Plan made = plan();
  CHECK(fails_with(ErrorKind::canceled, "stopped",
                   [&] { guard_plan(seen, made, log.log(), stop.get_token()); }));
  CHECK(opened.empty());
}

TEST_CASE_METHOD(EvidenceFixture,
                 "A frozen group keeps everything, sweeps included; others go on") {
  add_daily("app", 6, days(10));
  add_leftover("app");
  store.unfinished["u"] = {backup_folder(db("app"), manifest("app", days(21)).id) + "/app.dump.zst",
                           "u", now - days(21)};
  add_daily("web", 6);
  add_leftover("web");
  const Plan made = guarded();
  for (const Step& step : made.steps) {
    if (step.backup->group != db("app")) continue;
    CHECK(step.action == Action::keep);
  }
  CHECK(count_actions(made, Action::remove) == 3);
  CHECK(count_actions(made, Action::sweep) == 1);
  const auto frozen = [](const Step& step) { return step.reasons == Reason::frozen; };
  CHECK(std::count_if(made.steps.begin(), made.steps.end(), frozen) == 5 + 2);
  const auto error = error_of([&] { run(); });
  REQUIRE(error);
  CHECK(exit_code(error->kind()) == 3);
  CHECK(error->message().starts_with("nothing of app was touched: backups have stalled"));
  CHECK(store.objects.size() == 2 * 6 + 1 + 2 * 3);
  CHECK(store.unfinished.size() == 1);
}

TEST_CASE_METHOD(EvidenceFixture, "Several frozen groups are counted, and a failure weighs more") {
  for (const auto* group : {"app", "b", "web"}) add_daily(group, 6, days(10));
  add_daily("zebra", 6);
  CHECK(fails_with(ErrorKind::conflict, "and of 2 more was touched", [&] { run(); }));
  add_daily("zebra", 6);
  seen.before = [](std::string_view call, std::string_view) {
    if (call == "remove") throw Error(ErrorKind::denied, "403");
  };
  CHECK(fails_with(ErrorKind::failed, "cannot delete", [&] { run(); }));
}

TEST_CASE_METHOD(EvidenceFixture, "What the user allows is no objection") {
  add_daily("app", 6, days(10));
  CHECK(objection() == "backups have stalled:");
  rules.guards.when_stalled = OnDoubt::allow;
  CHECK(objection().empty());
  Manifest small = manifest("app", minutes(1));
  small.streams.front().uncompressed_bytes = 10;
  add(small);
  CHECK(objection(4) == "the newest backup (" + small.id + ")");
  rules.guards.on_suspect = OnDoubt::allow;
  CHECK(objection().empty());
  rules.guards.max_remove = RemovalLimit{.count = 5};
  CHECK(objection(4) == "6 of 7 backups");
}

TEST_CASE_METHOD(EvidenceFixture, "Another server for good is a warning, by turns an objection") {
  add_daily("app", 6);
  Manifest other = manifest("app", minutes(30));
  other.system_identifier = "2";
  add(other);
  CHECK(objection().empty());
  CHECK(contains(log.text(), "database=app change=\"another server than before writes into " +
                                 store.location("app") + ": system identifier 2, was 1"));
  add("app", minutes(10));
  CHECK(objection() == "two servers (system");
}

TEST_CASE_METHOD(EvidenceFixture, "An age below the time between two backups is a warning") {
  for (int i = 0; i < 4; ++i) {
    Manifest made = manifest("app", hours(1) + i * days(2));
    made.next_due = made.started + days(2);
    add(made);
  }
  rules.retention.max_age = days(3);
  static_cast<void>(guarded());
  rules.retention.max_age = std::nullopt;
  rules.retention.keep_last = 1;
  static_cast<void>(guarded());
  CHECK_FALSE(contains(log.text(), "is shorter"));
  rules.retention.max_age = days(1);
  static_cast<void>(guarded());
  CHECK(contains(log.text(), "S3_BACKUP_MAX_AGE is shorter than the time from one backup"));
  CHECK(contains(log.text(), "period=2d"));
}

/// Two databases of one server, backed up in the same runs every day; the last run is `newest` ago.
class RetirementFixture : public EvidenceFixture {
 public:
  RetirementFixture() {
    for (int i = 0; i < 6; ++i) {
      for (const auto* group : {"app", "web"}) add(of_run(group, days(20 + i), {"app", "web"}));
    }
  }
  [[nodiscard]] Manifest of_run(const std::string& group, seconds age, Strings databases) const {
    Manifest made = manifest(group, age);
    made.groups = parse_groups(databases);
    return made;
  }
  /// Is app, whose backups have ended, frozen?
  bool is_frozen() {
    const Plan made = guarded();
    return std::any_of(made.objections.begin(), made.objections.end(),
                       [](const Objection& objection) { return objection.group == db("app"); });
  }
};

TEST_CASE_METHOD(RetirementFixture, "A dropped database is retired: runs go on without it") {
  const std::string later = add(of_run("web", hours(1), {"web"}));
  const std::string before = add(of_run("web", days(1), {"web"}));
  CHECK_FALSE(is_frozen());
  // Of app its own; then of web the later ones, and web's own.
  const Strings of_app(opened.begin(), opened.begin() + 8);
  CHECK(of_app[6] == later);
  CHECK(of_app[7] == before);
  CHECK(std::all_of(of_app.begin(), of_app.end() - 2,
                    [](const std::string& key) { return key.starts_with("app/"); }));
  run();
  CHECK(read_catalog(store, db("app")).size() == 1);
}

TEST_CASE_METHOD(RetirementFixture, "A single run for another database retires none") {
  add(of_run("web", days(1), {"web", "app"}));  // where app failed
  add(of_run("web", hours(1), {"web"}));
  CHECK(is_frozen());
  for (int i = 2; i < 10; ++i) add(of_run("web", hours(i), {"web"}));
  CHECK(is_frozen());
  add(of_run("web", hours(10), {"web"}));
  CHECK_FALSE(is_frozen());
}

TEST_CASE_METHOD(RetirementFixture, "A database that is there and left out is not retired") {
  for (int i = 1; i < 5; ++i) {
    Manifest made = of_run("web", days(i), {"web"});
    made.left_out = {{"other", "it is a template"}, {"app", "the role may not\nconnect to it"}};
    add(made);
  }
  add(of_run("web", hours(1), {"web"}));  // by hand, for this one alone
  const Plan made = guarded();
  REQUIRE(made.objections.size() == 1);
  CHECK(made.objections[0].group == db("app"));
  CHECK(contains(made.objections[0].sentence,
                 ", as the database is left out: the role may not?connect to it; find out"));
}

TEST_CASE_METHOD(RetirementFixture, "What says nothing about a database does not retire it") {
  CHECK(is_frozen());  // no later run
  SECTION("a later run that still lists it: its own part failed") {
    add(of_run("web", hours(1), {"web", "app"}));
  }
  SECTION("a run of another server") {
    Manifest made = of_run("web", hours(1), {"web"});
    made.system_identifier = "2";
    add(made);
  }
  SECTION("a run of databases that never were in one run with it") {
    add(of_run("other", hours(1), {"other"}));
  }
  SECTION("a run that is not complete") {
    store.objects.erase(add(of_run("web", hours(1), {"web"})));
  }
  SECTION("a backup dated in the future") { add(of_run("web", -hours(1), {"web"})); }
  SECTION("a backup of an older system") {
    add_object(fmt::format("web/web_{}.dump", format_basic(now - hours(1))), hours(1));
  }
  SECTION("a manifest that cannot be read") {
    store.objects[add(of_run("web", hours(1), {"web"}))].bytes = "{";
  }
  CHECK(is_frozen());
}

TEST_CASE_METHOD(RetirementFixture, "A database without company in its runs is never retired") {
  add_daily("single", 6, days(20));
  for (int i = 0; i < 6; ++i) add(of_run("single2", days(20 + i), {}));
  add(of_run("web", hours(1), {"web"}));
  Strings frozen;
  for (const Objection& objection : guarded().objections) frozen.push_back(objection.group.name());
  CHECK(frozen == Strings{"single", "single2"});
}

TEST_CASE_METHOD(EvidenceFixture, "A name that is not UTF-8 is found in the list of a later run") {
  const std::string odd = "\xff";
  for (int i = 0; i < 6; ++i) {
    for (const std::string& group : {odd, std::string("web")}) {
      Manifest made = manifest(group, days(20 + i));
      made.groups = {db(odd), db("web")};
      add(made);
    }
  }
  Manifest later = manifest("web", hours(1));
  later.groups = {db("web"), db(odd)};
  add(later);
  CHECK(objection() == "backups have stalled:");
  later.groups = {db("web")};
  add(later);
  CHECK(objection().empty());
}

TEST_CASE_METHOD(EvidenceFixture, "What is as it should be is never frozen") {
  rules.guards.max_remove = RemovalLimit{.count = 90, .is_percent = true};
  SECTION("day one") {
    add("app", minutes(10));
    rules.retention = {.keep_last = 1};
    add("app", minutes(70));
  }
  SECTION("a weekly CronJob, with and without a due time") {
    for (const auto* group : {"app", "due"}) {
      for (int i = 0; i < 10; ++i) {
        Manifest made = manifest(group, days(6) + hours(23) + days(7 * i));
        if (group == std::string("due")) made.next_due = made.started + days(7);
        add(made);
      }
    }
    rules.retention = {.max_age = days(30)};
  }
  SECTION("a migration from another tool") {
    for (int i = 2; i < 40; ++i) {
      add_object(fmt::format("app/app_{}.dump", format_basic(now - days(i))), days(i));
    }
    Manifest made = manifest("app", hours(1));
    made.next_due = now + hours(23);
    add(made);
    rules.retention = {.max_age = days(30)};
  }
  SECTION("a dropped partition") {
    for (int i = 0; i < 10; ++i) {
      Manifest made = manifest("app", hours(1) + days(i));
      made.dump.tables = i == 0 ? 11 : 12;
      made.streams.front().uncompressed_bytes = i == 0 ? 8000 : 12000;
      add(made);
    }
  }
  SECTION("backups dated in the future") {
    add_daily("app", 10);
    add("app", -days(1));
    add("app", -days(400));
  }
  const Plan made = guarded();
  CHECK(made.objections.empty());
  CHECK(count_actions(made, Action::remove) > 0);
}

class DamageFixture : public EvidenceFixture {
 public:
  void lose_data(const std::string& manifest_key, const std::string& left = "") {
    const std::string key = manifest_key.substr(0, manifest_key.rfind('/')) + "/app.dump.zst";
    left.empty() ? static_cast<void>(store.objects.erase(key))
                 : static_cast<void>(store.objects[key].bytes = left);
  }
  [[nodiscard]] std::string id_of(const std::string& key) const { return parse_key(key)->id; }
};

TEST_CASE_METHOD(DamageFixture, "A damaged backup freezes its group, and no other") {
  for (const std::string left : {"", "dat"}) {
    for (const size_t which : {size_t{0}, size_t{2}}) {
      CAPTURE(left, which);
      store.objects.clear();
      const Strings keys = add_daily("app", 6);
      add_daily("web", 6);
      lose_data(keys[which], left);
      const std::string place = store.location("app/" + id_of(keys[which]));
      const Plan made = guarded();
      REQUIRE(made.objections.size() == 1);
      CHECK(made.objections[0].group == db("app"));
      CHECK(contains(made.objections[0].sentence, "a backup is damaged: " + place + ": "));
      CHECK(contains(made.objections[0].sentence,
                     left.empty() ? "its data is missing or empty" : "has 3 bytes, the manifest"));
      CHECK(contains(made.objections[0].sentence, "delete that backup's prefix by hand"));
      CHECK(count_actions(made, Action::remove) == 3);  // web's
      const auto step = std::find_if(made.steps.begin(), made.steps.end(), [&](const Step& one) {
        return one.backup->group == db("app") && one.backup->id == id_of(keys[which]);
      });
      CHECK(step->reasons == Reason::damaged);
      CHECK(fails_with(ErrorKind::conflict, "nothing of app was touched: a backup is damaged",
                       [&] { run(); }));
      CHECK(read_catalog(store, db("app")).size() == 6);
      CHECK(read_catalog(store, db("web")).size() == 3);
    }
  }
}

TEST_CASE_METHOD(DamageFixture, "Among the last one, exactly the damaged one would be kept") {
  rules.retention = {.keep_last = 1};
  const Strings keys = add_daily("app", 3);
  lose_data(keys[0], "dat");
  CHECK(fails_with(ErrorKind::conflict, "a backup is damaged", [&] { run(); }));
  CHECK(store.objects.size() == 6);
  // Removed by hand, the others count again.
  store.objects.erase(keys[0]);
  lose_data(keys[0]);
  run();
  CHECK(read_catalog(store, db("app")).size() == 1);
  CHECK(read_catalog(store, db("app"))[0].id == id_of(keys[1]));
}

TEST_CASE_METHOD(DamageFixture, "All that stand for others are looked at, however old") {
  rules.retention = {.keep_daily = 20};
  const Strings keys = add_daily("app", 22);
  CHECK(objections().empty());
  CHECK(opened.size() == 20);
  lose_data(keys[18], "dat");
  CHECK(objection() == "a backup is");
  // What is kept by its age alone takes nobody's place.
  opened.clear();
  rules.retention = {.max_age = days(20)};
  CHECK(objections().empty());
  CHECK(opened.size() == 10);
  rules.retention.min_backups = 19;
  CHECK(objection() == "a backup is");
}

TEST_CASE_METHOD(DamageFixture, "The verified backup that is kept is looked at, however old") {
  rules.retention = {.keep_last = 1, .require_verified = true};
  const Strings keys = add_daily("app", 15);
  const std::string folder = keys[12].substr(0, keys[12].rfind('/') + 1);
  add_object(folder + make_verification(now - hours(1), VerifyDepth::archive, true).file, hours(1),
             "{}");
  CHECK(objections().empty());
  lose_data(keys[12], "dat");
  CHECK(objection() == "a backup is");
}

TEST_CASE_METHOD(DamageFixture, "Damage that the listing shows is said although nothing would go") {
  const Strings keys = add_daily("app", 2);
  lose_data(keys[1]);
  CHECK(objection() == "a backup is");
  lose_data(keys[0]);
  CHECK(contains(objections().at(0),
                 "2 backups are damaged (pg-backup list shows them), the newest"
                 ": " +
                     store.location("app/" + id_of(keys[0]))));
}

TEST_CASE_METHOD(DamageFixture, "A lone checksum of an older system freezes its group") {
  for (int i = 1; i < 6; ++i) {
    add_object(fmt::format("app/app_{}.dump", format_basic(now - days(i))), days(i));
  }
  CHECK(objections().empty());
  add_object(fmt::format("app/app_{}.dump.sha256", format_basic(now - hours(1))), hours(1));
  CHECK(objection() == "a backup is");
  CHECK(fails_with(ErrorKind::conflict, "only its checksum is left", [&] { run(); }));
  CHECK(store.objects.size() == 6);
}

TEST_CASE_METHOD(DamageFixture, "A backup that was listed before its end freezes nothing") {
  const Strings keys = add_daily("app", 6);
  const auto whole = store.objects;
  lose_data(keys[0]);
  Plan made = plan();
  store.objects = whole;
  guard_plan(seen, made, log.log(), {});
  CHECK(made.objections.empty());
}

TEST_CASE_METHOD(EvidenceFixture,
                 "Where a verified backup is required, nothing goes while there is none") {
  rules.retention = {.keep_last = 1, .require_verified = true};
  rules.guards.require_verified = true;
  const Strings keys = add_daily("app", 4);
  const auto verify = [&](const std::string& manifest, bool is_passed) {
    const std::string folder = manifest.substr(0, manifest.rfind('/') + 1);
    add_object(folder + make_verification(now - hours(1), VerifyDepth::archive, is_passed).file,
               hours(1), "{}");
  };
  CHECK(objection(5) == "none of the 4 backups");
  verify(keys.at(1), false);
  CHECK(objection(5) == "none of the 3 backups");
  verify(keys.at(3), true);
  CHECK(objections().empty());
  // The newest, and the verified one; the failed one stays no longer than it would.
  CHECK(count_actions(guarded(), Action::remove) == 2);
}

}  // namespace
}  // namespace pgbackup
