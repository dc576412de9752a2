#include "prune/execute.h"

#include <algorithm>

#include "tests/support/error_of.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/prune_fixture.h"
#include "tests/support/test.h"
#include "tests/support/unfinished.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
constexpr auto kDay = PruneFixture::kDay;
using Calls = std::vector<std::string>;

/// Not an Error: nobody handles it, as nobody handles a SIGKILL.
/// Nothing but a stop gets through the seams of isolation.
struct Killed : Error {
  Killed() : Error(ErrorKind::canceled, "killed") {}
};

/// `remove KEY` of each removal that is asked for.
FaultyStore::Hook record(Calls& calls) {
  return [&calls](std::string_view call, std::string_view key) {
    if (call.starts_with("remove")) calls.push_back(fmt::format("{} {}", call, key));
  };
}

/// The `count` calls from now on succeed, or only seem to fail; then none does.
FaultyStore::Hook die_after(int count) {
  return [count](std::string_view, std::string_view) mutable {
    if (count-- <= 0) throw Killed();
  };
}

class ExecuteFixture : public PruneFixture {
 public:
  Outcome execute(Store& through) { return execute_plan(through, plan(), log.log(), {}); }

  /// Two groups with something of everything, and what is not ours.
  void add_all() const {
    for (const auto* group : {"app", "=odd name/ä"}) {
      add_backup(group, 50 * kDay);
      add_backup(group, 40 * kDay);
      add_backup(group, 2 * kDay);
      add_backup(group, 1 * kDay);
      add_folder(group, 20 * kDay, 19 * kDay);
      add_folder(group, hours(1), seconds(10));
    }
    for (const auto& name : foreign()) add_object(name, 900 * kDay);
  }
  [[nodiscard]] std::set<std::string> foreign() const {
    const std::string name = backup_folder(db("app"), id(50 * kDay));
    return {"readme.txt",
            "app/notes.txt",
            "app/latest.dump",
            ".hidden/x",
            name + "/sub/manifest.json",
            "app2/manifest.json",
            name + "x/app.dump.zst",
            "backup2/" + name + "/manifest.json"};
  }
  [[nodiscard]] std::set<std::string> wanted() const {
    std::set<std::string> names = foreign();
    for (const auto* group : {"app", "=odd name/ä"}) {
      const std::string data = "/" + data_name(db(group));
      for (const auto age : {1 * kDay, 2 * kDay}) {
        const std::string name = backup_folder(db(group), id(age));
        names.merge(std::set{name + data, name + "/SHA256SUMS", name + "/manifest.json"});
      }
      names.insert(backup_folder(db(group), id(hours(1))) + data);
    }
    return names;
  }
};

TEST_CASE_METHOD(ExecuteFixture, "What the plan says goes; everything else is untouched") {
  add_all();
  const uint64_t before = bytes_of(files());
  const Outcome outcome = execute(store);
  CHECK(files() == wanted());
  CHECK(outcome.removed == 4);
  CHECK(outcome.swept == 2);
  CHECK(outcome.freed_bytes == before - bytes_of(files()));
  CHECK(outcome.failures == 0);
  CHECK_NOTHROW(throw_failures(outcome));
}

TEST_CASE_METHOD(ExecuteFixture, "A second run has nothing to do") {
  add_all();
  static_cast<void>(execute(store));
  Calls calls;
  FaultyStore faulty(store);
  faulty.before = record(calls);
  const Outcome outcome = execute(faulty);
  CHECK(calls.empty());
  CHECK(outcome.removed + outcome.swept == 0);
}

TEST_CASE_METHOD(ExecuteFixture, "Of each backup the manifest goes first") {
  const std::string first = add_backup("app", 50 * kDay);
  const std::string second = add_backup("app", 40 * kDay);
  add_backup("app", 1 * kDay);
  Calls calls;
  FaultyStore faulty(store);
  faulty.before = record(calls);
  static_cast<void>(execute(faulty));
  CHECK(calls == Calls{"remove " + first + "/manifest.json", "remove " + first + "/SHA256SUMS",
                       "remove " + first + "/app.dump.zst", "remove " + second + "/manifest.json",
                       "remove " + second + "/SHA256SUMS", "remove " + second + "/app.dump.zst"});
}

TEST_CASE_METHOD(ExecuteFixture,
                 "Killed at any call, every listed backup is whole, and the next run finishes") {
  for (const bool reply_lost : {false, true}) {
    int killed = 0;
    for (int calls = 0;; ++calls) {
      CAPTURE(reply_lost, calls);
      ExecuteFixture one;
      one.add_all();
      FaultyStore faulty(one.store);
      (reply_lost ? faulty.after : faulty.before) = die_after(calls);
      bool died = false;
      try {
        static_cast<void>(one.execute(faulty));
      } catch (const Killed&) {
        died = true;
        ++killed;
      }
      CHECK(one.every_listed_backup_is_whole());
      const auto left = one.files();
      const auto kept = one.wanted();
      CHECK(std::includes(left.begin(), left.end(), kept.begin(), kept.end()));
      CHECK(one.execute(one.store).failures == 0);
      CHECK(one.files() == kept);
      if (!died) break;
    }
    // 4 backups of 3 objects, looked at for a hold; 2 folders, each listed and then removed.
    CHECK(killed == 4 * (1 + 3) + 2 * 2);
  }
}

TEST_CASE_METHOD(ExecuteFixture,
                 "A dead run is finished by the next, however long SWEEP_AFTER is") {
  rules = {.retention = {.max_age = kDay, .min_backups = 1}, .sweep_after = 3650 * kDay};
  const std::string old = add_backup("app", 2 * kDay);
  add_backup("app", hours(6));
  FaultyStore faulty(store);
  faulty.before = die_after(2);
  CHECK_THROWS_AS(execute(faulty), Killed);
  CHECK(files().count(old + "/app.dump.zst") == 1);
  CHECK(execute(store).swept == 1);
  CHECK(read_catalog(store).size() == 1);
}

TEST_CASE_METHOD(ExecuteFixture, "A removal that fails is counted; the others go on") {
  const std::string stuck = add_backup("app", 50 * kDay);
  add_backup("app", 40 * kDay);
  add_backup("app", 1 * kDay);
  FaultyStore faulty(store);
  const auto fail_on = [&](const std::string& key, ErrorKind kind) {
    faulty.before = [key, kind](std::string_view call, std::string_view of) {
      if (call == "remove" && of == key) throw Error(kind, "403 AccessDenied", "allow it");
    };
  };
  SECTION("of a manifest: its data stays, too") {
    fail_on(stuck + "/manifest.json", ErrorKind::denied);
    const Outcome outcome = execute(faulty);
    CHECK(outcome.removed == 1);
    CHECK(outcome.failures == 1);
    CHECK(files().count(stuck + "/app.dump.zst") == 1);
    CHECK(every_listed_backup_is_whole());
    const auto error = error_of([&] { throw_failures(outcome); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::failed);
    CHECK(error->message() ==
          "cannot delete " + store.location(stuck + "/manifest.json") + ": 403 AccessDenied");
    CHECK(error->hint() == "allow it");
  }
  SECTION("of data: the rest of it goes, and the next run sweeps") {
    fail_on(stuck + "/SHA256SUMS", ErrorKind::transient);
    const Outcome outcome = execute(faulty);
    CHECK(outcome.removed == 1);
    CHECK(outcome.failures == 1);
    CHECK(files().count(stuck + "/app.dump.zst") == 0);
    CHECK(execute(store).swept == 1);
    CHECK(files().count(stuck + "/SHA256SUMS") == 0);
  }
}

TEST_CASE_METHOD(ExecuteFixture, "Several failures are counted and the first one is told") {
  for (unsigned i = 0; i < 5; ++i) add_backup("app", 50 * kDay, i);
  FaultyStore faulty(store);
  int attempts = 0;
  ErrorKind kind = ErrorKind::denied;
  faulty.before = [&](std::string_view call, std::string_view) {
    if (call == "remove") throw Error(kind, fmt::format("no {}", ++attempts));
  };
  SECTION("refused: each is tried") {
    const Outcome outcome = execute(faulty);
    CHECK(outcome.failures == 4);
    CHECK(attempts == 4);
    const std::string first = store.location(backup_folder(db("app"), id(50 * kDay)));
    CHECK(fails_with(ErrorKind::failed,
                     "4 failures; the first: cannot delete " + first + "/manifest.json: no 1",
                     [&] { throw_failures(outcome); }));
  }
  SECTION("unanswered: after three the rest is left") {
    kind = ErrorKind::transient;
    CHECK(execute(faulty).failures == 3);
    CHECK(attempts == 3);
  }
  SECTION("canceled: nothing more is tried") {
    kind = ErrorKind::canceled;
    CHECK(fails_with(ErrorKind::canceled, "no 1", [&] { return execute(faulty); }));
    CHECK(attempts == 1);
  }
}

TEST_CASE_METHOD(ExecuteFixture, "A stop request ends the run between two objects") {
  add_backup("app", 50 * kDay);
  add_backup("app", 40 * kDay);
  add_backup("app", 1 * kDay);
  std::stop_source stop;
  FaultyStore faulty(store);
  int removals = 0;
  faulty.after = [&](std::string_view, std::string_view) {
    if (++removals == 4) stop.request_stop();
  };
  CHECK(fails_with(ErrorKind::canceled, "stopped",
                   [&] { return execute_plan(faulty, plan(), log.log(), stop.get_token()); }));
  CHECK(removals == 4);
  CHECK(every_listed_backup_is_whole());
}

TEST_CASE_METHOD(ExecuteFixture, "A folder that came to life since it was listed is left alone") {
  const std::string name = add_folder("app", 20 * kDay, 19 * kDay);
  const Plan made = plan();
  REQUIRE(made.steps.size() == 1);
  SECTION("its manifest was written") { add_object(name + "/manifest.json", 19 * kDay); }
  SECTION("a further object was written") { add_object(name + "/app.dump.zst.0001", seconds(0)); }
  const auto before = files();
  const Outcome outcome = execute_plan(store, made, log.log(), {});
  CHECK(outcome.swept == 0);
  CHECK(outcome.failures == 0);
  CHECK(files() == before);
  CHECK(log.text().find("left alone: written to since it was listed database=app") !=
        std::string::npos);
}

TEST_CASE_METHOD(ExecuteFixture, "An unfinished write of a dead writer is swept") {
  const std::string name = backup_folder(db("app"), id(20 * kDay));
  add_object(name + "/.tmp-0a1b2c3d-app.dump.zst", 19 * kDay);
  add_object("notes/.tmp-0a1b2c3d-notes.txt", 19 * kDay);
  add_object(backup_folder(db("app"), id(19 * kDay)) + "/.tmp-0a1b2c3d-app.dump.zst", hours(1));
  CHECK(execute(store).swept == 1);
  CHECK(files().size() == 2);
  CHECK_FALSE(std::filesystem::exists(folder.path() / name));
}

TEST_CASE_METHOD(ExecuteFixture, "Two stores side by side never meet") {
  TemporaryFolder both;
  for (const auto* prefix : {"backup", "backup2"}) {
    std::filesystem::create_directories(both.path() / prefix);
    for (const auto age : {50, 40, 1}) {
      const std::string name =
          fmt::format("{}/{}", prefix, backup_folder(db("app"), id(age * kDay)));
      for (const auto* file : {"/app.dump.zst", "/manifest.json"}) both.write(name + file, "x");
    }
  }
  DirStore first(both.path() / "backup", clock);
  DirStore second(both.path() / "backup2", clock);
  const Plan made = make_plan(read_catalog(first), {}, rules, now);
  CHECK(execute_plan(first, made, log.log(), {}).removed == 2);
  CHECK(read_catalog(first).size() == 1);
  CHECK(read_catalog(second).size() == 3);
}

TEST_CASE_METHOD(ExecuteFixture, "More than a thousand backups go in one run") {
  MemoryStore many(clock);
  for (unsigned i = 0; i < 1200; ++i) {
    const Group group = db(i % 2 == 0 ? "app" : "web");
    const std::string name = backup_folder(group, id(40 * kDay + seconds(i)));
    for (const auto& file : {data_name(group), std::string(kManifestName)}) {
      many.objects[name + "/" + file] = {"x", now - 40 * kDay};
    }
  }
  const Outcome outcome = execute_plan(
      many, make_plan(read_catalog(many), unfinished_of(many), rules, now), log.log(), {});
  CHECK(outcome.removed == 1198);
  CHECK(many.objects.size() == 2 * 2);
  CHECK(read_catalog(many)[0].id == id(40 * kDay));
}

/// Backups of an older system, with and without a checksum, beside ours of the same database.
class AdoptedFixture : public ExecuteFixture {
 public:
  const std::string stamped = "app/app_" + format_basic(now - 50 * kDay) + ".dump";
  const std::string single = "app/app_" + format_basic(now - 45 * kDay) + ".sql.gz";
  const std::string young = "app/app_" + format_basic(now - 3 * kDay) + ".dump";

  AdoptedFixture() {
    add_object(stamped, 50 * kDay);
    add_object(stamped + ".sha256", 50 * kDay, "sum");
    add_object(single, 45 * kDay);
    add_object(young, 3 * kDay);
    add_object(young + ".sha256", 3 * kDay, "sum");
    for (const std::string& name : foreign()) add_object(name, 900 * kDay);
    add_backup("app", 1 * kDay);
  }
  static std::set<std::string> foreign() {
    return {"app/app_20200101T000000Z.dump.bak", "app/app2_20200101T000000Z.dump",
            "x/app/app_20200101T000000Z.dump", "app/app_20200101T000000Z.dump.sha256.sha256"};
  }
  [[nodiscard]] Plan adopting_plan() {
    const Adoption all{.layouts = parse_layouts("all"), .database = {}};
    return make_plan(read_catalog(store, all).backups, unfinished_of(store), rules, now);
  }
  Outcome adopt(Store& through) { return execute_plan(through, adopting_plan(), log.log(), {}); }
  [[nodiscard]] std::set<std::string> wanted() const {
    std::set<std::string> names = foreign();
    const std::string ours = backup_folder(db("app"), id(1 * kDay));
    names.merge(std::set{young, young + ".sha256", ours + "/manifest.json", ours + "/SHA256SUMS",
                         ours + "/app.dump.zst"});
    return names;
  }
};

TEST_CASE_METHOD(AdoptedFixture, "An adopted backup goes with its checksum, the file last") {
  Calls calls;
  FaultyStore faulty(store);
  faulty.before = record(calls);
  const Outcome outcome = adopt(faulty);
  CHECK(calls == Calls{"remove " + stamped + ".sha256", "remove " + stamped, "remove " + single});
  CHECK(outcome.removed == 2);
  CHECK(outcome.swept == 0);
  CHECK(outcome.freed_bytes == 4 + 3 + 4);
  CHECK(files() == wanted());
}

TEST_CASE_METHOD(AdoptedFixture, "Killed at any call, an adopted file is there or will be gone") {
  for (const bool reply_lost : {false, true}) {
    for (int calls = 0;; ++calls) {
      CAPTURE(reply_lost, calls);
      AdoptedFixture one;
      FaultyStore faulty(one.store);
      (reply_lost ? faulty.after : faulty.before) = die_after(calls);
      bool died = false;
      try {
        static_cast<void>(one.adopt(faulty));
      } catch (const Killed&) {
        died = true;
      }
      const auto left = one.files();
      const auto kept = one.wanted();
      CHECK((left.contains(stamped) || !left.contains(stamped + ".sha256")));
      CHECK(std::includes(left.begin(), left.end(), kept.begin(), kept.end()));
      CHECK(one.adopt(one.store).failures == 0);
      CHECK(one.files() == kept);
      if (!died) break;
      REQUIRE(calls < 10);
    }
  }
}

TEST_CASE_METHOD(AdoptedFixture, "What is not adopted is untouched") {
  const auto before = files();
  CHECK(execute(store).removed == 0);
  CHECK(files() == before);
}

/// `count` backups of 3 objects, all too old but the last, in a store that removes `batch` at once.
class BatchFixture : public ExecuteFixture {
 public:
  MemoryStore many{clock};
  FaultyStore faulty{many};

  void fill(unsigned count, size_t batch) {
    many.batch = batch;
    for (unsigned i = 0; i < count; ++i) {
      const std::string name = backup_folder(db("app"), id(40 * kDay + seconds(count - i)));
      folders.push_back(name);
      for (const auto* file : {"/app.dump.zst", "/app.dump.zst.0001", "/manifest.json"}) {
        many.objects[name + file] = {"x", now - 40 * kDay};
      }
    }
  }
  Outcome run(Store& through, const std::stop_token& token = {}) {
    const Plan made = make_plan(read_catalog(many), unfinished_of(many), rules, now);
    return execute_plan(through, made, log.log(), token);
  }
  [[nodiscard]] bool all_listed_are_whole() {
    const std::vector<Backup> all = read_catalog(many);
    return std::all_of(all.begin(), all.end(), [](const Backup& backup) {
      return !backup.complete || backup.files.size() == 3;
    });
  }
  std::vector<std::string> folders;
};

TEST_CASE_METHOD(BatchFixture, "In batches all manifests of a chunk go before any data") {
  fill(8, 3);
  std::vector<std::string> order;
  many.before_removal = [&](const std::string& key) { order.push_back(key); };
  int requests = 0;
  faulty.before = [&](std::string_view call, std::string_view) {
    requests += call == "remove_all";
  };
  const Outcome outcome = run(faulty);
  CHECK(outcome.removed == 7);
  CHECK(outcome.freed_bytes == 7 * 3);
  CHECK(many.objects.size() == 3);
  // Chunks of 3, 3 and 1 backups: a request for the manifests, and one for 3 objects of data.
  CHECK(requests == (1 + 2) + (1 + 2) + (1 + 1));
  for (const size_t chunk : {size_t{0}, size_t{9}, size_t{18}}) {
    for (size_t i = chunk; i < std::min(chunk + 9, order.size()); ++i) {
      const size_t manifests = chunk == 18 ? 1 : 3;
      CHECK(order[i].ends_with("/manifest.json") == (i < chunk + manifests));
    }
  }
}

TEST_CASE_METHOD(BatchFixture, "Killed at any batch, every listed backup is whole") {
  for (const bool reply_lost : {false, true}) {
    for (int calls = 0;; ++calls) {
      BatchFixture one;
      one.fill(8, 3);
      (reply_lost ? one.faulty.after : one.faulty.before) = die_after(calls);
      bool died = false;
      try {
        static_cast<void>(one.run(one.faulty));
      } catch (const Killed&) {
        died = true;
      }
      CHECK(one.all_listed_are_whole());
      CHECK(one.run(one.many).failures == 0);
      CHECK(one.many.objects.size() == 3);
      if (!died) break;
      REQUIRE(calls < 20);
    }
  }
}

TEST_CASE_METHOD(BatchFixture, "Killed in the midst of a batch, every listed backup is whole") {
  for (int removals = 0; removals < 21; ++removals) {
    CAPTURE(removals);
    BatchFixture one;
    one.fill(8, 1000);
    one.many.before_removal = [left = removals](const std::string& /*key*/) mutable {
      if (left-- <= 0) throw Killed();
    };
    CHECK_THROWS_AS(one.run(one.many), Killed);
    CHECK(one.all_listed_are_whole());
    one.many.before_removal = {};
    static_cast<void>(one.run(one.many));
    CHECK(one.many.objects.size() == 3);
  }
}

TEST_CASE_METHOD(BatchFixture, "In a batch the data of a manifest that stays stays, too") {
  fill(8, 1000);
  many.before_removal = [&](const std::string& key) {
    if (key == folders[2] + "/manifest.json") throw Error(ErrorKind::denied, "no 1");
    if (key == folders[4] + "/app.dump.zst.0001") throw Error(ErrorKind::denied, "no 2");
  };
  const Outcome outcome = run(many);
  CHECK(outcome.removed == 5);
  CHECK(outcome.failures == 2);
  CHECK(many.objects.size() == 3 + 3 + 1);
  CHECK(all_listed_are_whole());
  CHECK(log.text().find("cannot delete memory:" + folders[2] + "/manifest.json: no 1") !=
        std::string::npos);
  many.before_removal = {};
  CHECK(run(many).swept == 1);
}

TEST_CASE_METHOD(BatchFixture, "Three batches that get no answer end the run") {
  fill(100, 3);
  int requests = 0;
  many.before_removal = [](const std::string& /*key*/) {
    throw Error(ErrorKind::transient, "503 SlowDown");
  };
  faulty.before = [&](std::string_view call, std::string_view) { requests += call != "list"; };
  const Outcome outcome = run(faulty);
  CHECK(requests == 3);
  CHECK(outcome.failures == 9);
  CHECK(many.objects.size() == 300);
  CHECK(log.text().find(" and 2 more objects: 503 SlowDown") != std::string::npos);
  CHECK(log.text().find("the rest is left for the next run") != std::string::npos);
}

TEST_CASE_METHOD(BatchFixture, "A stop request ends the run between two batches") {
  fill(100, 10);
  std::stop_source stop;
  int requests = 0;
  faulty.after = [&](std::string_view, std::string_view) {
    if (++requests == 2) stop.request_stop();
  };
  CHECK(fails_with(ErrorKind::canceled, "stopped", [&] { return run(faulty, stop.get_token()); }));
  CHECK(requests == 2);
  CHECK(all_listed_are_whole());
}

TEST_CASE_METHOD(BatchFixture, "Many dead folders are swept in batches, each after a look at it") {
  fill(50, 1000);
  for (const std::string& name : folders) many.objects.erase(name + "/manifest.json");
  Calls calls;
  faulty.before = [&](std::string_view call, std::string_view) { calls.emplace_back(call); };
  const Plan made = make_plan(read_catalog(many), {}, rules, now);
  many.objects[folders[7] + "/app.dump.zst.0002"] = {"x", now};  // since it was listed
  const Outcome outcome = execute_plan(faulty, made, log.log(), {});
  CHECK(outcome.swept == 49);
  CHECK(many.objects.size() == 3);
  CHECK(std::count(calls.begin(), calls.end(), "list") == 50);
  CHECK(std::count(calls.begin(), calls.end(), "remove_all") == 1);
}

}  // namespace
}  // namespace pgbackup
