#include "prune/plan.h"

#include <algorithm>

#include "tests/support/prune_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
constexpr auto kDay = PruneFixture::kDay;

/// `action group/id` of each step, in order.
std::vector<std::string> lines(const Plan& plan) {
  std::vector<std::string> text;
  for (const Step& step : plan.steps) {
    text.push_back(fmt::format("{} {}/{}{}", action_name(step.action), step.backup->group.name(),
                               step.backup->id, step.write ? " write" : ""));
  }
  return text;
}

TEST_CASE_METHOD(PruneFixture, "Each group is judged by itself, by name and then oldest first") {
  for (const auto* group : {"app2", "app", "app-2"}) {
    add_backup(group, 50 * kDay);
    add_backup(group, 40 * kDay);
  }
  add_backup("app", 1 * kDay);
  const std::string old = id(50 * kDay);
  const std::string young = id(40 * kDay);
  CHECK(lines(plan()) == std::vector<std::string>{"remove app/" + old, "remove app/" + young,
                                                  "keep app/" + id(1 * kDay), "remove app-2/" + old,
                                                  "keep app-2/" + young, "remove app2/" + old,
                                                  "keep app2/" + young});
}

TEST_CASE_METHOD(PruneFixture, "A folder without a manifest is no backup: it never counts") {
  add_backup("app", 40 * kDay);
  add_folder("app", 2 * kDay, 1 * kDay);
  const Plan made = plan();
  CHECK(lines(made) == std::vector<std::string>{"keep app/" + id(40 * kDay)});
  REQUIRE(made.in_progress.size() == 1);
  CHECK(made.in_progress[0]->id == id(2 * kDay));
}

TEST_CASE_METHOD(PruneFixture,
                 "A folder without a manifest is swept by its silence, not its begin") {
  struct Row {
    seconds began;
    seconds silent;
    bool swept;
  };
  add_backup("app", 1 * kDay);
  const std::vector<Row> rows = {
      {8 * kDay, 7 * kDay, true},
      {7 * kDay, 7 * kDay, true},
      {300 * kDay, 7 * kDay, true},
      {-1 * kDay, 7 * kDay, true},
      {29 * kDay, 7 * kDay - seconds(1), false},
      {10 * kDay, seconds(0), false},
      {10 * kDay, -1 * kDay, false},  // the store's clock went back
      {hours(2), hours(2), false},
      // Too old for the policy: an hour of silence is enough, but not less.
      {30 * kDay, hours(1), true},
      {40 * kDay, 6 * kDay, true},
      {30 * kDay - seconds(1), hours(1), false},
      {30 * kDay, hours(1) - seconds(1), false},
      {300 * kDay, minutes(5), false},
      {300 * kDay, -1 * kDay, false},
  };
  unsigned random = 0;
  for (const Row& row : rows) add_folder("app", row.began, row.silent, ++random);
  const Plan made = plan();
  random = 0;
  for (const Row& row : rows) {
    const std::string name = id(row.began, ++random);
    CAPTURE(name, row.silent);
    const auto is_it = [&](const Step& step) {
      return step.backup->id == name && step.action == Action::sweep;
    };
    CHECK(std::any_of(made.steps.begin(), made.steps.end(), is_it) == row.swept);
  }
}

TEST_CASE_METHOD(PruneFixture, "What the floor would keep is not swept for its age alone") {
  add_folder("alone", 40 * kDay, hours(2));
  add_folder("newest", 40 * kDay, hours(2));
  add_backup("newest", 50 * kDay);
  add_folder("floor", 40 * kDay, hours(2));
  add_backup("floor", 1 * kDay);
  rules.retention.min_backups = 2;
  CHECK(plan().in_progress.size() == 3);
  add_backup("floor", 2 * kDay);
  CHECK(plan().in_progress.size() == 2);
}

TEST_CASE_METHOD(PruneFixture, "A silence of 0 s sweeps at once, when the user says so") {
  add_folder("app", seconds(1), seconds(0));
  CHECK(plan().steps.empty());
  rules.sweep_after = seconds(0);
  CHECK(lines(plan()) == std::vector<std::string>{"sweep app/" + id(seconds(1))});
}

TEST_CASE_METHOD(PruneFixture, "Parts that still arrive keep their folder alive") {
  const std::string name = add_folder("app", 40 * kDay, 20 * kDay);
  add_backup("app", 1 * kDay);
  const std::string key = name + "/app.dump.zst.0001";
  const auto plan_with = [&](seconds newest, const std::string& of) {
    return make_plan(read_catalog(store),
                     {{of, "upload-1", now - 50 * kDay}, {of, "u", now - newest}}, rules, now);
  };
  CHECK(plan_with(minutes(5), key).in_progress.size() == 1);
  CHECK(plan_with(hours(1), key).in_progress.empty());
  CHECK(plan_with(minutes(5), "app/" + id(39 * kDay) + "/app.dump.zst").in_progress.empty());
}

TEST_CASE_METHOD(PruneFixture, "Unfinished writes are swept by their silence, if the key is ours") {
  const std::string ours = backup_folder(db("app"), id(90 * kDay)) + "/";
  const auto swept = [&](const std::string& key, seconds silent) {
    return lines(make_plan({}, {{key, "u", now - silent}}, rules, now)).size() == 1;
  };
  for (const auto* name : {"app.dump.zst", "app.dump.zst.0001", "manifest.json", "SHA256SUMS",
                           "video.mp4", "app2.dump.zst"}) {
    CAPTURE(name);
    CHECK(swept(ours + name, 7 * kDay));
    CHECK_FALSE(swept(ours + name, 7 * kDay - seconds(1)));
    CHECK_FALSE(swept(ours + name, -1 * kDay));
  }
  for (const auto& key : {std::string("video.mp4"), "x/" + ours + "app.dump.zst",
                          std::string("app/20260101T000000Z/app.dump.zst"), ours, std::string(),
                          std::string("app/latest")}) {
    CAPTURE(key);
    CHECK_FALSE(swept(key, 90 * kDay));
  }
}

TEST_CASE_METHOD(PruneFixture, "A folder and an unfinished write in it are two steps") {
  const std::string name = add_folder("app", 20 * kDay, 20 * kDay);
  const UnfinishedWrite write{name + "/app.dump.zst.0001", "u", now - 19 * kDay};
  CHECK(lines(make_plan(read_catalog(store), {write}, rules, now)) ==
        std::vector<std::string>{"sweep app/" + id(20 * kDay) + " write",
                                 "sweep app/" + id(20 * kDay)});
}

TEST_CASE("An empty store gives an empty plan") {
  const Rules rules{.retention = {.max_age = seconds(1), .min_backups = 1},
                    .sweep_after = seconds(0)};
  CHECK(make_plan({}, {}, rules, UtcTime()).steps.empty());
}

}  // namespace
}  // namespace pgbackup
