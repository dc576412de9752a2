#include <nlohmann/json.hpp>

#include "prune/report.h"
#include "tests/fake_clock.h"
#include "tests/faulty_store.h"
#include "tests/memory_store.h"
#include "tests/test.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

const UtcTime kNow = *parse_iso("2026-11-20T12:00:00Z");

Step step(Action action, const std::string& group, seconds age, uint64_t bytes,
          std::vector<std::string> reasons) {
  Step made{action, {}, std::move(reasons)};
  made.backup.group = group;
  made.backup.time = kNow - age;
  made.backup.id = format_basic(kNow - age) + "-0a1b2c3d";
  made.backup.bytes = bytes;
  return made;
}

Step unfinished(const std::string& key) {
  Step made = step(Action::sweep, "app", seconds(60), 0, {"silent"});
  made.write = UnfinishedWrite{key, "upload-1", kNow};
  return made;
}

TEST_CASE("A table has a line per step with action, id, time, age, size and reasons") {
  const std::vector<Step> steps = {
      step(Action::remove, "app", seconds(40 * 86400 + 7), 1610612736, {"age is 30d or more"}),
      step(Action::keep, "app", seconds(5 * 3600 + 59 * 60), 512, {"one", "two"}),
      unfinished("app/x"), step(Action::keep, "app", seconds(-90), 0, {"dated in the future"})};
  CHECK(format_group_table(steps, kNow) ==
        "app\n"
        "  action  id                         time                     age        size  reasons\n"
        "  remove  20261011T115953Z-0a1b2c3d  2026-10-11T11:59:53Z     40d     1.5 GiB  age is 30d "
        "or more\n"
        "  keep    20261120T060100Z-0a1b2c3d  2026-11-20T06:01:00Z      5h       512 B  one; two\n"
        "  sweep   20261120T115900Z-0a1b2c3d  2026-11-20T11:59:00Z      1m           ?  silent\n"
        "  keep    20261120T120130Z-0a1b2c3d  2026-11-20T12:01:30Z     -1m         0 B  dated in "
        "the future\n");
}

TEST_CASE("A group's name cannot command the terminal") {
  const std::vector<Step> steps = {step(Action::keep,
                                        "a\x1b[2J\n\x7f"
                                        "b\xc3\xa4",
                                        seconds(1), 1, {"why"})};
  CHECK(format_group_table(steps, kNow).starts_with("a?[2J??b\xc3\xa4\n"));
}

TEST_CASE("Sizes are printed in the largest unit that they fill") {
  struct Row {
    uint64_t bytes;
    const char* wanted;
  };
  for (const Row& row : std::vector<Row>{{0, "(0 B)"},
                                         {1023, "(1023 B)"},
                                         {1024, "(1.0 KiB)"},
                                         {1048575, "(1.0 MiB)"},
                                         {uint64_t{3} << 40U, "(3.0 TiB)"},
                                         {UINT64_MAX, "(16384.0 PiB)"}}) {
    Plan plan{kNow, {step(Action::remove, "app", seconds(1), row.bytes, {"r"})}, {}};
    CAPTURE(row.bytes);
    CHECK(format_plan_summary(plan).find(row.wanted) != std::string::npos);
  }
}

TEST_CASE("A JSON line holds action, group, id, key, time and reasons, in this order") {
  const FakeClock clock;
  MemoryStore store(clock);
  const StoreTarget target = target_of("", store);
  const std::string id = "20261120T115900Z-0a1b2c3d";
  CHECK(format_json_line(step(Action::remove, "app", seconds(60), 1, {"old", "older"}), target) ==
        R"({"action":"remove","group":"app","id":"20261120T115900Z-0a1b2c3d","key":")" +
            store.full_key("app/" + id + "/manifest.json") +
            R"(","time":"2026-11-20T11:59:00Z","reasons":["old","older"]})"
            "\n");
}

TEST_CASE("A line of one of several targets ends with its name") {
  const FakeClock clock;
  MemoryStore store(clock);
  const StoreTarget target = target_of(kS3Target, store);
  const std::string line =
      format_json_line(step(Action::remove, "app", seconds(60), 1, {"old"}), target);
  CHECK(line.ends_with("\"reasons\":[\"old\"],\"from\":\"s3\"}\n"));
  CHECK(format_heading(target) == "s3: " + store.location("") + "\n\n");
}

TEST_CASE("The key is that of the manifest, the folder or the unfinished object") {
  const FakeClock clock;
  MemoryStore store(clock);
  const StoreTarget target = target_of("", store);
  const auto key = [&](const Step& of) {
    return nlohmann::json::parse(format_json_line(of, target)).at("key").get<std::string>();
  };
  const std::string folder = "=C3=A4=2F/20261120T115900Z-0a1b2c3d/";
  const auto of = [](Action action) { return step(action, "\xc3\xa4/", seconds(60), 1, {"r"}); };
  CHECK(key(of(Action::keep)) == store.full_key(folder + "manifest.json"));
  CHECK(key(of(Action::remove)) == store.full_key(folder + "manifest.json"));
  CHECK(key(of(Action::sweep)) == store.full_key(folder));
  CHECK(key(unfinished("app/x/y")) == store.full_key("app/x/y"));
}

TEST_CASE("A name that is not UTF-8 or holds quotes still gives one line of JSON") {
  const FakeClock clock;
  MemoryStore store(clock);
  const StoreTarget target = target_of("", store);
  for (const auto* group : {"\xff", "a\"b", "a\nb", "\xc3\xa4", "\xc3", "a\\", "\x01"}) {
    CAPTURE(group);
    const std::string line =
        format_json_line(step(Action::keep, group, seconds(1), 1, {"r"}), target);
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(nlohmann::json::accept(line));
  }
}

TEST_CASE("Summaries count what is planned and what was done") {
  Plan plan{kNow, {}, {}};
  CHECK(format_plan_summary(plan) == "keep 0 backups, remove 0 (0 B), sweep 0 leftovers (0 B)");
  plan.steps = {step(Action::keep, "app", seconds(1), 999, {"r"}),
                step(Action::remove, "app", seconds(1), 1024, {"r"}),
                step(Action::remove, "b", seconds(1), 1024, {"r"}),
                step(Action::sweep, "b", seconds(1), 7, {"r"})};
  CHECK(format_plan_summary(plan) == "keep 1 backup, remove 2 (2.0 KiB), sweep 1 leftover (7 B)");
  CHECK(format_outcome({.removed = 1, .swept = 2, .freed_bytes = 1536}) ==
        "removed 1 backup, swept 2 leftovers, freed 1.5 KiB");
}

}  // namespace
}  // namespace pgbackup
