#include "prune/job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/units.h"
#include "tests/support/captured_output.h"
#include "tests/support/error_of.h"
#include "tests/support/faulty_store.h"
#include "tests/support/prune_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
constexpr auto kDay = PruneFixture::kDay;

class JobFixture : public PruneFixture {
 public:
  JobFixture() {
    old = add_backup("app", 40 * kDay);
    bytes = format_bytes(bytes_of(files()));
    add_backup("app", 1 * kDay);
    add_folder("app", hours(2), minutes(1));
    job = {.rules = rules, .out = out.file()};
    seen.before = [this](std::string_view call, std::string_view) { calls.emplace_back(call); };
  }
  void run() { prune_once(only(seen), job, clock, log.log(), {}); }
  [[nodiscard]] bool logged(std::string_view text) const {
    return log.text().find(text) != std::string::npos;
  }

  CapturedOutput out;
  FaultyStore seen{store};
  PruneJob job;
  std::string old;
  std::string bytes;  ///< of the old one
  std::vector<std::string> calls;
};

TEST_CASE_METHOD(JobFixture,
                 "A run prints its plan as tables, carries it out and says what it did") {
  run();
  CHECK(out.says("app\n  action  id"));
  CHECK(out.says("  delete  " + id(40 * kDay)));
  CHECK(out.says("  keep    " + id(1 * kDay)));
  CHECK(out.says("\n\nkeep 1 backup, delete 1 (" + bytes +
                 "), sweep 0 orphaned objects (0 B)\ndeleted 1"));
  CHECK(logged("left alone: no manifest yet, it may be in progress database=app run=" +
               id(hours(2))));
  CHECK(read_catalog(store).size() == 2);
}

TEST_CASE_METHOD(JobFixture, "Each group that a guard leaves untouched is told with the guard") {
  const std::string broken = add_folder("crm", 40 * kDay, 40 * kDay);
  add_object(broken + "/manifest.json", 40 * kDay, "{}");
  add_backup("crm", 1 * kDay);
  std::vector<Refusal> told;
  job.refuse = [&](Refusal one) { told.push_back(std::move(one)); };
  CHECK(fails_with(ErrorKind::conflict, "nothing of crm was touched: ", [&] { return run(), 0; }));
  REQUIRE(told.size() == 1);
  CHECK(told[0].group == db("crm"));
  CHECK(told[0].guard == "manifests");
  CHECK(told[0].destination.empty());
  CHECK(told[0].sentence.find(broken) != std::string::npos);
}

TEST_CASE_METHOD(JobFixture,
                 "What can be read is pruned where a folder cannot be, and the run fails") {
  seen.after = [](std::string_view call, std::string_view prefix) {
    if (call.starts_with("list") && prefix.empty())
      throw PartialListing(ErrorKind::denied, "cannot list other/");
  };
  CHECK(fails_with(ErrorKind::failed, "cannot list other/", [&] {
    run();
    return 0;
  }));
  CHECK(out.says("deleted 1"));
  CHECK(read_catalog(store).size() == 2);
}

TEST_CASE_METHOD(JobFixture, "A dry run deletes nothing and says so") {
  const auto before = files();
  for (const auto style : {ReportStyle::table, ReportStyle::json, ReportStyle::log}) {
    job.style = style;
    job.dry_run = true;
    run();
    CHECK(files() == before);
  }
  CHECK(out.says("\ndry run: nothing was deleted\n"));
  CHECK(logged("dry run: nothing was deleted"));
  CHECK(out.says("  delete  " + id(40 * kDay)));
  CHECK(std::none_of(calls.begin(), calls.end(),
                     [](const std::string& call) { return call.starts_with("remove"); }));
}

TEST_CASE_METHOD(JobFixture, "JSON has one object per backup and nothing else on stdout") {
  job.style = ReportStyle::json;
  run();
  std::string text = out.text();
  std::vector<std::string> actions;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    actions.push_back(nlohmann::json::parse(text.substr(0, end)).at("action"));
    text.erase(0, end + 1);
  }
  CHECK(actions == std::vector<std::string>{"remove", "keep"});
  CHECK(
      logged("run finished result=success deleted=1 swept=0 wal_objects=0 freed_bytes=\"" + bytes));
}

TEST_CASE_METHOD(JobFixture, "The daemon's decisions go to its log") {
  job.style = ReportStyle::log;
  run();
  CHECK(out.text().empty());
  CHECK(logged("info  decided to=delete database=app run=" + id(40 * kDay) +
               " reason=\"no rule keeps it\""));
  CHECK(logged("debug decided to=keep database=app run=" + id(1 * kDay) +
               " reason=\"younger than 30d\""));
  CHECK(logged("info  run finished result=success deleted=1 swept=0 wal_objects=0 freed_bytes="));
  CHECK(logged(" failed=0 seconds=0\n"));
}

TEST_CASE_METHOD(JobFixture,
                 "A store whose clock is far from ours is refused before it is listed") {
  const auto before = files();
  for (const auto difference : {minutes(16), -minutes(16)}) {
    const FakeClock here(now + difference);
    CHECK(fails_with(ErrorKind::conflict, "2026-11-20T12:00:00Z at the store", [&] {
      prune_once(only(seen), job, here, log.log(), {});
      return 0;
    }));
  }
  CHECK(exit_code(ErrorKind::conflict) == 3);
  CHECK(calls == std::vector<std::string>{"now", "now"});
  CHECK(files() == before);
  const FakeClock near(now + minutes(15));
  prune_once(only(seen), job, near, log.log(), {});
  CHECK(read_catalog(store).size() == 2);
}

TEST_CASE_METHOD(JobFixture, "Ages are measured by the store's clock, not by ours") {
  add_backup("web", 30 * kDay - minutes(5));
  add_backup("web", hours(1));
  const FakeClock ahead(now + minutes(10));
  prune_once(only(seen), job, ahead, log.log(), {});
  CHECK(read_catalog(store, db("web")).size() == 2);
}

TEST_CASE_METHOD(JobFixture, "Objects of older systems are counted, named and left alone") {
  const std::set<std::string> old_keys = {"backup-2021-01-06T22:06:31.106555.dump",
                                          "app/app_20240115T120000Z.dump",
                                          "app/app_20240115T120000Z.dump.sha256"};
  for (const std::string& key : old_keys) add_object(key, 900 * kDay);
  run();
  CHECK(
      logged("set ADOPT_LAYOUTS to adopt them objects=\"1 of the form backup-time, 2 of the form "
             "db-folder\""));
  const auto left = files();
  CHECK(std::includes(left.begin(), left.end(), old_keys.begin(), old_keys.end()));
  job.adoption.layouts = parse_layouts("db-folder");
  run();
  CHECK(logged("set ADOPT_LAYOUTS to adopt them objects=\"1 of the form backup-time\""));
  CHECK(files().size() == left.size() - 2);
  CHECK(files().contains("backup-2021-01-06T22:06:31.106555.dump"));
}

TEST_CASE_METHOD(JobFixture, "A store without an older system's objects says nothing of them") {
  run();
  CHECK_FALSE(logged("older systems"));
}

TEST_CASE_METHOD(JobFixture, "Unfinished writes are listed before the objects") {
  run();
  REQUIRE(calls.size() > 3);
  CHECK(calls[1] == "list_unfinished");
  CHECK(calls[2] == "list");
}

TEST_CASE_METHOD(JobFixture, "Nothing is deleted when the store cannot be listed") {
  const auto before = files();
  for (const auto* broken : {"now", "list_unfinished", "list"}) {
    seen.before = [broken](std::string_view call, std::string_view) {
      if (call == broken) throw Error(ErrorKind::denied, "403");
    };
    CHECK_THROWS_AS(run(), Error);
    CHECK(files() == before);
  }
}

TEST_CASE_METHOD(JobFixture, "Nothing is deleted when the plan cannot be printed") {
  const auto before = files();
  for (const auto style : {ReportStyle::table, ReportStyle::json}) {
    std::FILE* full = std::fopen("/dev/full", "w");
    REQUIRE(full != nullptr);
    job.out = full;
    job.style = style;
    CHECK(fails_with(ErrorKind::failed, "nothing was deleted: cannot write the output: No space",
                     [&] { run(); }));
    static_cast<void>(std::fclose(full));
    CHECK(files() == before);
  }
}

TEST_CASE_METHOD(JobFixture, "A removal that failed fails the run, after the summary") {
  seen.before = [](std::string_view call, std::string_view) {
    if (call == "remove") throw Error(ErrorKind::denied, "403 AccessDenied");
  };
  CHECK(fails_with(ErrorKind::failed, "manifest.json: 403 AccessDenied", [&] {
    run();
    return 0;
  }));
  CHECK(out.says("deleted 0 backups"));
}

/// The same backups in two stores.
class TwoTargetsFixture : public JobFixture {
 public:
  TwoTargetsFixture() {
    other.add_backup("app", 40 * kDay);
    other.add_backup("app", 1 * kDay);
  }
  void run_both() { prune_once(destinations, job, clock, log.log(), {}); }
  [[nodiscard]] size_t left(PruneFixture& fixture) const {
    return read_catalog(fixture.store, db("app")).size();
  }

  PruneFixture other;
  FaultyStore other_seen{other.store};
  Destinations destinations = both(seen, other_seen);
};

TEST_CASE_METHOD(TwoTargetsFixture, "It is noted how each destination went") {
  RunStates states;
  job.states = &states;
  other_seen.before = [](std::string_view call, std::string_view) {
    if (call == "list") throw Error(ErrorKind::denied, "no permission");
  };
  CHECK(fails_with(ErrorKind::denied, "no permission", [&] {
    run_both();
    return 0;
  }));
  CHECK(states.last_success(kPruneJob, {}, "dir") == now);
  CHECK_FALSE(states.last_success(kPruneJob, {}, "s3"));
  CHECK(describe_failing(states.all()) == "pruning (s3)");
}

TEST_CASE_METHOD(TwoTargetsFixture, "Each of two destinations is pruned and reported for itself") {
  run_both();
  CHECK(left(*this) == 2);  // and what may be in progress
  CHECK(left(other) == 1);
  const std::string text = out.text();
  const size_t dir = text.find("dir: " + store.location("") + "\n\napp\n");
  const size_t s3 = text.find("s3: " + other.store.location("") + "\n\napp\n");
  REQUIRE((dir != std::string::npos && s3 != std::string::npos));
  CHECK(text.find("deleted 1 backup") > dir);
  CHECK(text.find("deleted 1 backup") < s3);
  CHECK(text.find("deleted 1 backup", s3) != std::string::npos);
  CHECK(logged("deleted destination=dir database=app run=" + id(40 * kDay)));
  CHECK(logged("deleted destination=s3 database=app run=" + id(40 * kDay)));
}

TEST_CASE_METHOD(TwoTargetsFixture, "JSON lines say of which destination they are") {
  job.style = ReportStyle::json;
  job.dry_run = true;
  run_both();
  CHECK(out.says(R"("reasons":["no rule keeps it"],"from":"dir"})"));
  CHECK(out.says(R"("reasons":["no rule keeps it"],"from":"s3"})"));
}

TEST_CASE_METHOD(TwoTargetsFixture,
                 "A destination that refuses or fails does not stop the other one") {
  struct Case {
    bool is_dir;
    std::string call;
    ErrorKind kind;
  };
  for (const Case& bad : std::vector<Case>{{true, "now", ErrorKind::conflict},
                                           {false, "now", ErrorKind::conflict},
                                           {true, "list", ErrorKind::denied},
                                           {false, "list", ErrorKind::denied},
                                           {true, "remove", ErrorKind::failed}}) {
    CAPTURE(bad.is_dir, bad.call);
    TwoTargetsFixture f;
    const auto before = bad.is_dir ? f.files() : f.other.files();
    (bad.is_dir ? f.seen : f.other_seen).before = [&](std::string_view call, std::string_view) {
      if (call == bad.call) throw Error(bad.kind, "it failed");
    };
    const auto error = error_of([&] { f.run_both(); });
    REQUIRE(error);
    CHECK(error->kind() == bad.kind);
    CHECK(error->message().starts_with(bad.is_dir ? "dir: " : "s3: "));
    CHECK((bad.is_dir ? f.files() : f.other.files()) == before);
    CHECK(f.left(bad.is_dir ? f.other : f) == (bad.is_dir ? 1U : 2U));
  }
}

TEST_CASE_METHOD(TwoTargetsFixture, "Whatever a destination throws, the other one is pruned") {
  for (const auto& throw_it : kForeignExceptions) {
    for (const auto* const call : {"now", "list_unfinished", "list", "open", "remove"}) {
      CAPTURE(call);
      TwoTargetsFixture f;
      f.seen.before = [&](std::string_view name, std::string_view) {
        if (name == call) throw_it();
      };
      CHECK(error_of([&] { f.run_both(); }).has_value());
      CHECK(f.left(f.other) == 1U);
    }
  }
}

TEST_CASE_METHOD(TwoTargetsFixture, "A failure counts for more than a refusal, in any order") {
  for (const bool dir_refuses : {true, false}) {
    const auto fail = [](ErrorKind kind) {
      return [kind](std::string_view, std::string_view) { throw Error(kind, "it failed"); };
    };
    seen.before = fail(dir_refuses ? ErrorKind::conflict : ErrorKind::denied);
    other_seen.before = fail(dir_refuses ? ErrorKind::denied : ErrorKind::conflict);
    const auto error = error_of([&] { run_both(); });
    REQUIRE(error);
    CHECK(exit_code(error->kind()) == 1);
    CHECK(error->message() == "dir: it failed; s3: it failed");
  }
}

}  // namespace
}  // namespace pgbackup
