#include "prune/locks.h"

#include "prune/execute.h"
#include "prune/job.h"
#include "prune/reason_text.h"
#include "tests/support/captured_output.h"
#include "tests/support/error_of.h"
#include "tests/support/faulty_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/prune_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;
constexpr auto kDay = PruneFixture::kDay;

class LockFixture : public PruneFixture {
 public:
  LockFixture() {
    add_backup("app", 1 * kDay);
    seen.before = [this](std::string_view call, std::string_view key) {
      if (call == "open") opened.emplace_back(key);
    };
  }
  /// A backup that is old enough to go.
  std::string add(unsigned random = 0) { return add_backup("app", 40 * kDay, random); }
  /// With this in place of its manifest.
  std::string add(const std::string& manifest) {
    const std::string name = add();
    add_object(name + "/manifest.json", 40 * kDay, manifest);
    return name;
  }
  Plan locked_plan() {
    Plan made = plan();
    const auto readings = read_locks(seen, made, log.log(), {});
    failures = lock_failures(readings);
    apply_locks(made, readings);
    return made;
  }
  /// What becomes of the only old backup: `keep: reasons`.
  std::string verdict(const std::string& manifest) {
    add(manifest);
    const Plan made = locked_plan();
    REQUIRE(made.steps.size() == 2);
    return fmt::format("{}: {}", action_name(made.steps[0].action),
                       reason_line(made.steps[0], rules));
  }
  void run() {
    CapturedOutput out;
    const auto error = error_of([&] {
      prune_once(only(seen), {.rules = rules, .dry_run = dry_run, .out = out.file()}, clock,
                 log.log(), {});
    });
    printed = out.text();
    if (error) throw Error(*error);
  }

  FaultyStore seen{store};
  std::vector<std::string> opened;
  std::vector<Error> failures;
  std::string printed;
  bool dry_run = false;
};

TEST_CASE_METHOD(LockFixture, "A lock that has not ended keeps a backup and is the reason") {
  CHECK(verdict(R"({"locked_until": "2027-01-02T03:04:05Z"})") ==
        "keep: locked until 2027-01-02T03:04:05Z");
  CHECK(verdict(R"({"format": 9, "locked_until": "2026-11-20T12:00:01Z"})") ==
        "keep: locked until 2026-11-20T12:00:01Z");
  CHECK(failures.empty());
  CHECK(verdict(R"({"format": 9, "lock": "elsewhere"})") ==
        "keep: its manifest cannot be read: it may be locked");
  CHECK(failures.size() == 1);
  CHECK(verdict(R"({"format": 9, "locked_until": "2026-11-20T12:00:01Z"})") ==
        "keep: locked until 2026-11-20T12:00:01Z");
  run();
  CHECK(read_catalog(store).size() == 2);
  CHECK(printed.find("locked until 2026-11-20T12:00:01Z") != std::string::npos);
  CHECK(printed.find("keep 2 backups, delete 0") != std::string::npos);
}

TEST_CASE_METHOD(LockFixture, "A lock that has ended, or is not there, keeps nothing") {
  for (const auto* manifest :
       {R"({"locked_until": "2026-11-20T12:00:00Z"})",
        R"({"locked_until": "2020-01-01T00:00:00Z"})", "{}", R"({"format": 1})"}) {
    CHECK(verdict(manifest) == "remove: no rule keeps it");
  }
  Manifest manifest = manifest_of("app", id(40 * kDay));
  manifest.locked_until = now;
  add(format_manifest(manifest));
  run();
  CHECK(read_catalog(store).size() == 1);
}

// Once it went by its age all the same: now a guard objects, since a lock or a hold is what people
// put on the backup that they need.
TEST_CASE_METHOD(LockFixture, "A damaged manifest is no lock, but it freezes its group") {
  for (const auto* manifest :
       {"", "not JSON", "[]", R"("2027-01-01T00:00:00Z")", R"({"locked_until": "soon"})",
        R"({"locked_until": 1798761600})", R"({"locked_until": null})"}) {
    CAPTURE(manifest);
    CHECK(verdict(manifest) == "remove: its manifest is damaged");
    CHECK(failures.empty());
    CHECK(contains(log.text(), "cannot tell whether a backup is locked"));
    const auto before = files();
    CHECK(fails_with(ErrorKind::conflict, "a manifest cannot be read", [&] { run(); }));
    CHECK(files() == before);
  }
}

TEST_CASE_METHOD(LockFixture,
                 "A manifest that may not be read keeps its backup and fails the run") {
  const std::string name = add();
  add(1);
  seen.before = [&](std::string_view call, std::string_view key) {
    if (call == "open" && key.starts_with(name)) throw Error(ErrorKind::denied, "403", "allow it");
  };
  const auto error = error_of([&] { run(); });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::failed);
  CHECK(contains(error->message(), "cannot tell whether a backup is locked"));
  CHECK(contains(error->hint(), "s3:GetObject (deploy/iam)"));
  CHECK(files().contains(name + "/manifest.json"));
  CHECK(contains(printed, "  frozen: a manifest cannot be read: "));
  CHECK(read_catalog(store).size() == 3);  // the guards keep the one beside it, too
}

TEST_CASE_METHOD(LockFixture, "A dry run fails for what would fail the run") {
  dry_run = true;
  const std::string name = add();
  seen.before = [&](std::string_view call, std::string_view) {
    if (call == "open") throw Error(ErrorKind::denied, "403");
  };
  CHECK(fails_with(ErrorKind::failed, "cannot tell whether a backup is locked", [&] { run(); }));
  CHECK(contains(printed, "dry run: nothing was deleted"));
}

TEST_CASE_METHOD(LockFixture, "A reply that is damaged says nothing about the manifest") {
  const std::string name = add();
  seen.before = [&](std::string_view call, std::string_view key) {
    if (call == "open" && key.starts_with(name)) throw Error(ErrorKind::corrupt, "without length");
  };
  CHECK(fails_with(ErrorKind::failed, "without length", [&] { run(); }));
  CHECK(files().contains(name + "/manifest.json"));
  CHECK(contains(printed, "it may be locked"));
}

TEST_CASE_METHOD(LockFixture, "A manifest that is gone, where the store says 403 for that") {
  const std::string name = add();
  Plan made = plan();
  seen.before = [&](std::string_view call, std::string_view) {
    if (call != "open") return;
    std::filesystem::remove(folder.path() / name / "manifest.json");
    throw Error(ErrorKind::denied, "403");
  };
  const auto readings = read_locks(seen, made, log.log(), {});
  apply_locks(made, readings);
  CHECK(made.steps[0].reasons == Reason::gone);
  CHECK(lock_failures(readings).empty());
}

TEST_CASE_METHOD(LockFixture,
                 "A manifest that is gone since it was listed is left to the next run") {
  const std::string name = add();
  Plan made = plan();
  std::filesystem::remove(folder.path() / name / "manifest.json");
  const auto readings = read_locks(store, made, log.log(), {});
  apply_locks(made, readings);
  CHECK(made.steps[0].action == Action::keep);
  CHECK(made.steps[0].reasons == Reason::gone);
  CHECK(lock_failures(readings).empty());
}

TEST_CASE_METHOD(LockFixture,
                 "A store that does not answer ends the run before anything is touched") {
  add();
  add(1);
  const auto before = files();
  int reads = 0;
  seen.before = [&](std::string_view call, std::string_view) {
    if (call == "open" && ++reads > 0) throw Error(ErrorKind::transient, "503");
  };
  CHECK(fails_with(ErrorKind::transient, "503", [&] { run(); }));
  CHECK(reads == 1);
  CHECK(files() == before);
}

TEST_CASE_METHOD(LockFixture, "Only manifests of what would go are read") {
  const std::string old = add();
  add_folder("app", 20 * kDay, 19 * kDay);
  static_cast<void>(locked_plan());
  CHECK(opened == std::vector<std::string>{old + "/manifest.json"});
}

TEST_CASE_METHOD(LockFixture, "What the store itself holds back is no failure") {
  MemoryStore many(clock);
  many.batch = 1000;
  for (const auto age : {50, 40, 1}) {
    const std::string name = backup_folder(db("app"), id(age * kDay));
    for (const auto* file : {"/app.dump.zst", "/manifest.json"}) {
      many.objects[name + file] = {"{}", now - age * kDay};
    }
  }
  const std::string locked = backup_folder(db("app"), id(50 * kDay));
  many.lock_of = [&](const std::string& key) {
    return key.starts_with(locked) ? "locked until 2027-01-01T00:00:00Z" : "";
  };
  const Plan made = make_plan(read_catalog(many), {}, rules, now);
  const Outcome outcome = execute_plan(many, made, log.log(), {});
  CHECK(outcome.removed == 1);
  CHECK(outcome.failures == 0);
  CHECK(many.objects.contains(locked + "/app.dump.zst"));
  CHECK(log.text().find("kept, because the store has locked it object=memory:" + locked +
                        "/manifest.json objects=1 lock=\"locked until 2027-01-01T00:00:00Z\"") !=
        std::string::npos);
}

}  // namespace
}  // namespace pgbackup
