#include "common/service/run_state.h"

#include <array>
#include <thread>

#include "tests/support/manifests.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr UtcTime kStart{std::chrono::seconds(1'800'000'000)};

TEST_CASE("A run that came to no group has failed for all that are known") {
  RunStates states;
  const RunRecord failure{.began = kStart, .error = Error(ErrorKind::transient, "no server")};
  states.finish_all("backup", failure);
  REQUIRE(states.all().size() == 1);
  CHECK_FALSE(states.all().front().group.is_named());
  CHECK(states.all().front().failures == 1);
  states.keep_only("backup", {});
  states.succeed("backup", db("app"), "s3", kStart);
  states.succeed("backup", db("crm"), "", kStart);
  states.succeed("WAL stream", Group::cluster(), "", kStart);
  states.finish_all("backup", failure);
  for (const RunState& state : states.all()) {
    CAPTURE(state.job, state.group.name());
    CHECK(state.failures == (state.job == "backup" ? 1 : 0));
    CHECK(state.runs ==
          (state.job == "backup" ? std::array<uint64_t, 3>{0, 1, 0} : std::array<uint64_t, 3>{}));
  }
}

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

TEST_CASE("A run is noted with its time, its result and its size, and counted") {
  using std::chrono::milliseconds;
  RunStates states;
  const auto state = [&] { return states.all().at(0); };
  const UtcTime due = kStart + std::chrono::hours(24);
  states.begin("backup", db("crm"), "s3", kStart, nullptr);
  CHECK(state().running->since == kStart);
  CHECK_FALSE(state().last_run);
  states.finish("backup", db("crm"), "s3",
                {.began = kStart,
                 .taken = milliseconds(1500),
                 .size = BackupSize{.stored_bytes = 4, .uncompressed_bytes = 9},
                 .stages = StageTimes{.pack = milliseconds(7)},
                 .next_due = due});
  CHECK_FALSE(state().running);
  CHECK(state().last_success == kStart);
  CHECK(state().last_run->began == kStart);
  CHECK(state().last_run->taken == milliseconds(1500));
  CHECK(state().last_run->exit_code == 0);
  CHECK(state().size->stored_bytes == 4);
  CHECK(state().stages->pack == milliseconds(7));
  CHECK(state().next_due == due);
  const UtcTime second = kStart + std::chrono::hours(24);
  states.finish("backup", db("crm"), "s3",
                {.began = second,
                 .taken = milliseconds(1),
                 .error = Error(ErrorKind::denied, "no"),
                 .next_due = due + std::chrono::hours(24)});
  CHECK(state().last_success == kStart);
  CHECK(state().last_failure == second);
  CHECK(state().last_run->began == second);
  CHECK(state().last_run->exit_code == 1);
  CHECK(state().failures == 1);
  CHECK(state().last_error == "no");
  CHECK(state().size->uncompressed_bytes == 9);  // of the last success
  CHECK(state().next_due == due);                // and overdue
  states.finish("backup", db("crm"), "s3",
                {.began = second, .error = Error(ErrorKind::conflict, "refused")});
  CHECK(state().last_run->exit_code == 3);
  CHECK(state().runs == std::array<uint64_t, 3>{1, 1, 1});
}

TEST_CASE("What never succeeded was due when it first failed, where there is a schedule") {
  for (const bool has_schedule : {false, true}) {
    RunStates states;
    RunRecord record{.began = kStart, .error = Error(ErrorKind::failed, "no")};
    if (has_schedule) record.next_due = kStart + std::chrono::hours(24);
    states.finish("backup", db("crm"), "", record);
    record.began += std::chrono::minutes(5);
    states.finish("backup", db("crm"), "", record);
    CHECK(states.all()[0].next_due == (has_schedule ? std::optional(kStart) : std::nullopt));
  }
}

TEST_CASE("A backup that the store had is a success, and no run of this process") {
  RunStates states;
  states.succeed("backup", db("crm"), "", kStart, kStart + std::chrono::hours(24));
  const RunState state = states.all().at(0);
  CHECK(state.last_success == kStart);
  CHECK(state.next_due == kStart + std::chrono::hours(24));
  CHECK_FALSE(state.last_run);
  CHECK(state.runs == std::array<uint64_t, 3>{0, 0, 0});
}

TEST_CASE("How far a run is can be seen while it goes on") {
  RunStates states;
  ProgressCount progress;
  states.begin("backup", db("crm"), "", kStart, &progress);
  progress.bytes = 7;
  progress.total = 100;
  CHECK(states.all()[0].running->bytes == 7);
  CHECK(states.all()[0].running->estimate == 100);
  progress.bytes = 8;
  CHECK(states.all()[0].running->bytes == 8);
  states.finish("backup", db("crm"), "", {.began = kStart});
  CHECK_FALSE(states.all()[0].running);
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
  ProgressCount progress;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&states, &progress, i] {
      const Group group = db(std::string(1, static_cast<char>('a' + i)));
      for (int n = 0; n < 200; ++n) {
        states.fail("backup", group, "", Error(ErrorKind::failed, "no"));
        states.begin("backup", group, "", kStart, &progress);
        ++progress.bytes;
        states.finish("backup", group, "", {.began = kStart});
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
