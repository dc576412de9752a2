#include "common/catalog/hold.h"

#include "common/catalog/backup_name.h"
#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"
#include "common/store/dir_store.h"
#include "prune/execute.h"
#include "tests/support/error_of.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/prune_fixture.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

const std::string kId = "20261120T031500Z-9f3a1c2b";
const std::string kName = "app/" + kId;

std::string hold_key(const std::string& group) {
  return backup_folder(db(group), kId) + "/" + std::string(kHoldName);
}

/// A directory and a store in memory, each a backup's only place or both together.
class HoldFixture {
 public:
  FakeClock clock;
  TemporaryFolder folder;
  DirStore dir{folder.path(), clock};
  MemoryStore memory{clock};
  TestLog log{clock};

  static void add(Store& store, const std::string& group) {
    const std::string name = backup_folder(db(group), kId);
    store.put(name + "/" + data_name(db(group)), "data");
    store.put(name + "/manifest.json", "{}");
  }
  [[nodiscard]] static bool is_held(Store& store, const std::string& group = "app") {
    const std::vector<Backup> backups = read_catalog(store, db(group));
    return !backups.empty() && backups[0].held;
  }
  void hold(const Destinations& destinations, const std::string& name = kName) {
    hold_backup(destinations, name, clock, log.log());
  }
  void release(const Destinations& destinations, const std::string& name = kName) {
    release_backup(destinations, name, log.log());
  }
};

TEST_CASE_METHOD(HoldFixture,
                 "A hold is an object beside the manifest, and a release takes it away") {
  for (Store* store : std::vector<Store*>{&dir, &memory}) {
    add(*store, "app");
    add(*store, "app2");
    hold(only(*store));
    CHECK(is_held(*store));
    CHECK_FALSE(is_held(*store, "app2"));
    CHECK(read_small_object(*store, hold_key("app")) == "held since 2026-11-20T03:15:00Z\n");
    release(only(*store));
    CHECK_FALSE(is_held(*store));
    CHECK(read_catalog(*store).size() == 2);
    CHECK(read_catalog(*store)[0].complete);
  }
}

TEST_CASE_METHOD(HoldFixture, "Held twice is held once, since the first time") {
  add(memory, "app");
  hold(only(memory));
  clock.advance(std::chrono::hours(1));
  FaultyStore seen(memory);
  seen.before = [](std::string_view call, std::string_view) {
    if (call == "put") throw Error(ErrorKind::conflict, "it is there already");
  };
  CHECK_NOTHROW(hold(only(seen)));
  CHECK(contains(log.text(), "held already"));
  CHECK(memory.objects.at(hold_key("app")).bytes == "held since 2026-11-20T03:15:00Z\n");
  release(only(memory));
  CHECK(fails_with(ErrorKind::not_found, "'" + kName + "' is not held",
                   [&] { release(only(memory)); }));
}

TEST_CASE_METHOD(HoldFixture, "What is not there or not complete cannot be held") {
  add(memory, "app2");
  const auto refused = [&](const std::string& name) {
    return fails_with(ErrorKind::not_found, "there is no complete backup '" + name,
                      [&] { hold(only(memory), name); });
  };
  CHECK(refused(kName));
  memory.put(kName + "/app.dump.zst", "data");
  CHECK(refused(kName));
  CHECK(refused("app2/20261120T031500Z-00000000"));
  CHECK(refused("App2/" + kId));
  CHECK(refused("app2\x1b/" + kId) == false);  // named without what commands a terminal
  CHECK(memory.objects.size() == 3);
  CHECK_NOTHROW(hold(only(memory), "app2/" + kId));
}

TEST_CASE_METHOD(HoldFixture, "Names of databases may hold slashes and anything else") {
  for (const auto* group : {"a/b", "/", "a//", "\xc3\xa4", "..", "_app", "app=2F", "a b"}) {
    CAPTURE(group);
    const std::string name = std::string(group) + "/" + kId;
    std::vector<std::string> problems;
    check_backup_name("hold", name, problems);
    CHECK(problems.empty());
    for (Store* store : std::vector<Store*>{&dir, &memory}) {
      add(*store, group);
      hold(only(*store), name);
      CHECK(is_held(*store, group));
      release(only(*store), name);
      CHECK_FALSE(is_held(*store, group));
    }
  }
}

TEST_CASE("What names no backup is one sentence that says what does") {
  for (const std::string& name :
       {std::string(), std::string("app"), std::string("app/"), std::string("/"), "/" + kId,
        kName + "/", kName + "/manifest.json", kName + " ", "app/" + kId.substr(1),
        std::string("app/latest"), std::string("app/20261120t0315"), std::string("x2026"),
        std::string("app/20261320T031500Z-9f3a1c2b"), std::string("app/20261120T031500Z-9F3A1C2B"),
        std::string("backup-2021-01-06T22:06:31.106555.dump"),
        std::string("app/app_20240115T120000Z.dump"), std::string("app\x1b[2J")}) {
    CAPTURE(name);
    std::vector<std::string> problems;
    check_backup_name("release", name, problems);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].starts_with("release: '"));
    CHECK(problems[0].find("is neither GROUP/ID such as app/2026") != std::string::npos);
    CHECK(problems[0].find('\x1b') == std::string::npos);
  }
}

TEST_CASE_METHOD(HoldFixture, "The beginning of an id is enough where it is of one backup") {
  const std::string later = "20261121T031500Z-00000001";
  add(memory, "app");
  memory.put("app/" + later + "/manifest.json", "{}");
  hold(only(memory), "app/20261120");
  CHECK(is_held(memory));
  CHECK(fails_with(ErrorKind::usage,
                   fmt::format("'202611' is the beginning of several backups: "
                               "{}, app/{}",
                               kName, later),
                   [&] { hold(only(memory), "202611"); }));
  CHECK(fails_with(ErrorKind::not_found, "there is no complete backup 'web/2026'",
                   [&] { hold(only(memory), "web/2026"); }));
  add(memory, "web");
  CHECK(fails_with(ErrorKind::usage, "'" + kId + "' is the beginning of several backups",
                   [&] { release(only(memory), kId); }));
  release(only(memory), "app/2026112" + std::string("0"));
  CHECK_FALSE(is_held(memory));
}

TEST_CASE_METHOD(HoldFixture, "Of two destinations each is held that has the backup") {
  SECTION("both") {
    add(dir, "app");
    add(memory, "app");
    hold(both(dir, memory));
    CHECK((is_held(dir) && is_held(memory)));
    release(both(dir, memory));
    CHECK_FALSE((is_held(dir) || is_held(memory)));
  }
  SECTION("one of them") {
    add(memory, "app");
    dir.put(kName + "/app.dump.zst", "not complete");
    hold(both(dir, memory));
    CHECK(is_held(memory));
    CHECK_FALSE(is_held(dir));
    release(both(dir, memory));
    CHECK_FALSE(is_held(memory));
  }
  SECTION("neither") {
    CHECK(fails_with(ErrorKind::not_found, "there is no complete backup",
                     [&] { hold(both(dir, memory)); }));
    CHECK(fails_with(ErrorKind::not_found, "is not held", [&] { release(both(dir, memory)); }));
  }
  SECTION("held in one of them already") {
    add(dir, "app");
    add(memory, "app");
    hold(only(memory));
    hold(both(dir, memory));
    CHECK((is_held(dir) && is_held(memory)));
  }
}

TEST_CASE_METHOD(HoldFixture,
                 "A destination that fails does not stop the other, and fails the command") {
  add(dir, "app");
  add(memory, "app");
  for (const auto* call : {"list", "put"}) {
    FaultyStore faulty(dir);
    faulty.before = [call](std::string_view which, std::string_view) {
      if (which == call) throw Error(ErrorKind::denied, "403");
    };
    CHECK(fails_with(ErrorKind::denied, "dir: 403", [&] { hold(both(faulty, memory)); }));
    CHECK_FALSE(is_held(dir));
    CHECK(is_held(memory));
    release(only(memory));
  }
  hold(both(dir, memory));
  FaultyStore faulty(dir);
  faulty.before = [](std::string_view which, std::string_view) {
    if (which == "remove") throw Error(ErrorKind::denied, "403");
  };
  CHECK(fails_with(ErrorKind::denied, "dir: 403", [&] { release(both(faulty, memory)); }));
  CHECK(is_held(dir));
  CHECK_FALSE(is_held(memory));
}

TEST_CASE_METHOD(HoldFixture, "A backup that is removed while it is held says so") {
  FaultyStore seen(memory);
  seen.before = [&](std::string_view call, std::string_view) {
    if (call == "put") memory.objects.erase(backup_folder(db("app"), kId) + "/manifest.json");
  };
  add(memory, "app");
  CHECK(fails_with(ErrorKind::not_found, "no complete backup", [&] { hold(only(seen)); }));
}

TEST_CASE_METHOD(HoldFixture, "A preview of a release takes nothing away") {
  add(memory, "app");
  hold(only(memory));
  preview_release(only(memory), kName, log.log());
  CHECK(is_held(memory));
  CHECK(log.text().find("dry run: it would be released") != std::string::npos);
}

/// Two old backups that no rule keeps, and the newest.
class HeldPlanFixture : public PruneFixture {
 public:
  HeldPlanFixture() {
    for (const auto age : {50, 40, 1}) names.push_back("app/" + id(age * kDay));
    for (const auto age : {50, 40, 1}) add_backup("app", age * kDay);
  }
  void hold(const std::string& name) { hold_backup(only(store), name, clock, log.log()); }
  std::vector<std::string> names;
};

TEST_CASE_METHOD(HeldPlanFixture,
                 "A held backup stays until it is released, whatever the rules say") {
  hold(names[0]);
  CHECK(plan().steps[0].action == Action::keep);
  CHECK(plan().steps[0].reasons == Reason::held);
  CHECK(plan().steps[1].action == Action::remove);
  hold(names[2]);
  CHECK(plan().steps[2].reasons.has(Reason::held));
  CHECK(plan().steps[2].reasons.has(Reason::within));
  release_backup(only(store), names[0], log.log());
  CHECK(plan().steps[0].action == Action::remove);
}

TEST_CASE_METHOD(HeldPlanFixture, "A hold that is placed after the listing still keeps") {
  const Plan made = plan();
  hold(names[0]);
  const Outcome outcome = execute_plan(store, made, log.log(), {});
  CHECK(outcome.removed == 1);
  CHECK(store.stat(names[0] + "/manifest.json"));
  CHECK(store.stat(names[0] + "/app.dump.zst"));
  CHECK_FALSE(store.stat(names[1] + "/manifest.json"));
}

TEST_CASE_METHOD(HeldPlanFixture, "Where holds cannot be looked for nothing is removed") {
  const Plan made = plan();
  FaultyStore faulty(store);
  faulty.before = [](std::string_view call, std::string_view) {
    if (call == "list") throw Error(ErrorKind::denied, "403");
  };
  const Outcome outcome = execute_plan(faulty, made, log.log(), {});
  CHECK(outcome.removed == 0);
  CHECK(outcome.failures > 0);
  CHECK(store.stat(names[0] + "/manifest.json"));
}

TEST_CASE_METHOD(HeldPlanFixture,
                 "A hold without a manifest is no backup and is swept like the rest") {
  const std::string name = add_folder("app", 20 * kDay, 19 * kDay);
  add_object(name + "/hold", 19 * kDay);
  const Plan made = plan();
  const auto step = std::find_if(made.steps.begin(), made.steps.end(),
                                 [&](const Step& one) { return one.backup->folder() == name; });
  REQUIRE(step != made.steps.end());
  CHECK(step->action == Action::sweep);
}

TEST_CASE_METHOD(HoldFixture, "A hold needs no HEAD, which a right to list below a prefix denies") {
  add(memory, "app");
  FaultyStore denied(memory);
  denied.before = [](std::string_view call, std::string_view) {
    if (call == "stat") throw Error(ErrorKind::denied, "403");
  };
  CHECK(fails_with(ErrorKind::not_found, "is not held", [&] { release(only(denied)); }));
  hold(only(denied));
  CHECK(is_held(memory));
  release(only(denied));
  CHECK_FALSE(is_held(memory));
  CHECK(fails_with(ErrorKind::not_found, "there is no complete backup",
                   [&] { hold(only(denied), "other/" + kId); }));
}

}  // namespace
}  // namespace pgbackup
