#include "common/service/run_state.h"

#include <thread>

#include "tests/support/manifests.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr UtcTime kStart{std::chrono::seconds(1'800'000'000)};

TEST_CASE("A state holds the last success and what failed since") {
  RunStates states;
  CHECK_FALSE(states.last_success("backup", db("crm"), "s3"));
  CHECK(states.all().empty());
  states.succeed("backup", db("crm"), "s3", kStart);
  states.fail("backup", db("crm"), "s3", Error(ErrorKind::failed, "first"));
  states.fail("backup", db("crm"), "s3", Error(ErrorKind::failed, "second"));
  states.fail("backup", db("shop"), "", Error(ErrorKind::failed, "no"));
  CHECK(states.last_success("backup", db("crm"), "s3") == kStart);
  CHECK_FALSE(states.last_success("backup", db("crm"), "dir"));
  const std::vector<RunState> all = states.all();
  REQUIRE(all.size() == 2);
  CHECK(all[0].job == "backup");
  CHECK(all[0].group == db("crm"));
  CHECK(all[0].destination == "s3");
  CHECK(all[0].failures == 2);
  CHECK(all[0].last_error == "second");
  CHECK(describe_failing(all) == "crm (s3), shop");
  states.succeed("backup", db("crm"), "s3", kStart + std::chrono::hours(1));
  CHECK(states.all()[0].failures == 0);
  CHECK(states.all()[0].last_error.empty());
  CHECK(describe_failing(states.all()) == "shop");
}

TEST_CASE("What a job no longer does is forgotten, of that job alone") {
  RunStates states;
  states.fail("backup", db("dropped"), "", Error(ErrorKind::failed, "no"));
  states.succeed("backup", db("kept"), "", kStart);
  states.succeed("pruning", {}, "s3", kStart);
  states.keep_only("backup", {db("kept"), db("new")});
  const std::vector<RunState> all = states.all();
  REQUIRE(all.size() == 2);
  CHECK(all[0].group == db("kept"));
  CHECK(all[1].job == "pruning");
}

TEST_CASE("Several threads may write and read at the same time") {
  RunStates states;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&states, i] {
      const Group group = db(std::string(1, static_cast<char>('a' + i)));
      for (int n = 0; n < 200; ++n) {
        states.fail("backup", group, "", Error(ErrorKind::failed, "no"));
        states.succeed("backup", group, "", kStart);
        static_cast<void>(states.all());
        states.keep_only("pruning", {});
      }
    });
  }
  threads.clear();
  CHECK(states.all().size() == 4);
  CHECK(describe_failing(states.all()).empty());
}

TEST_CASE("Of many that fail three are named") {
  RunStates states;
  for (const auto* const group : {"a", "b", "c", "d", "e"}) {
    states.fail("backup", db(group), "", Error(ErrorKind::failed, "no"));
  }
  CHECK(describe_failing(states.all()) == "a, b, c, 2 more");
  CHECK(describe_failing({}).empty());
  CHECK(describe_failing({{.job = "pruning", .group = {}, .destination = "s3", .failures = 1}}) ==
        "pruning (s3)");
}

}  // namespace
}  // namespace pgbackup
