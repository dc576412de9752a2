#include "prune/report.h"

#include <deque>
#include <nlohmann/json.hpp>

#include "prune/reason_text.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

const UtcTime kNow = *parse_iso("2026-11-20T12:00:00Z");

/// Steps, and what they point into.
class ReportFixture {
 public:
  FakeClock clock;
  MemoryStore store{clock};
  Destination destination = destination_of("", store);
  Plan plan{.now = kNow,
            .rules = {.retention = {.max_age = std::chrono::days(30), .keep_last = 3},
                      .sweep_after = std::chrono::days(7)},
            .listing = nullptr};

  Step step(Action action, const std::string& group, seconds age, uint64_t bytes,
            Reasons reasons = {}) {
    Backup& backup = backups_.emplace_back();
    backup.group = db(group);
    backup.time = kNow - age;
    backup.id = format_basic(kNow - age) + "-0a1b2c3d";
    backup.bytes = bytes;
    return {.action = action, .reasons = reasons, .backup = &backup};
  }
  Step old_step(Action action, const std::string& group, const std::string& key) {
    Step made = step(action, group, seconds(60), 1);
    backups_.back().layout = Layout::backup_time;
    backups_.back().id = key;
    return made;
  }
  Step unfinished(const std::string& key) {
    Step made = step(Action::sweep, "app", seconds(60), 0, Reason::unfinished);
    made.write = &writes_.emplace_back(UnfinishedWrite{key, "upload-1", kNow});
    return made;
  }
  [[nodiscard]] std::string table(const std::vector<Step>& steps) const {
    return format_group_table(steps, plan);
  }
  [[nodiscard]] std::string json(const Step& step) const {
    return format_json_line(step, plan, destination);
  }
  [[nodiscard]] std::string key(const Step& step) const {
    return nlohmann::json::parse(json(step)).at("key").get<std::string>();
  }

 private:
  std::deque<Backup> backups_;
  std::deque<UnfinishedWrite> writes_;
};

TEST_CASE_METHOD(ReportFixture,
                 "A table has a line per step with action, id, time, age, size and reasons") {
  Reasons two = Reason::last;
  two.add(Reason::within);
  CHECK(
      table({step(Action::remove, "app", seconds(40 * 86400 + 7), 1610612736),
             step(Action::keep, "app", seconds(5 * 3600 + 59 * 60), 512, two), unfinished("app/x"),
             step(Action::keep, "app", seconds(-90), 0, Reason::future)}) ==
      "app\n"
      "  action  id                         time                     age        size  reasons\n"
      "  delete  20261011T115953Z-0a1b2c3d  2026-10-11T11:59:53Z     40d     1.5 GiB  no rule "
      "keeps it\n"
      "  keep    20261120T060100Z-0a1b2c3d  2026-11-20T06:01:00Z      5h       512 B  younger than "
      "30d; among the last 3\n"
      "  sweep   20261120T115900Z-0a1b2c3d  2026-11-20T11:59:00Z      1m           ?  "
      "unfinished write: no data received for 7d\n"
      "  keep    20261120T120130Z-0a1b2c3d  2026-11-20T12:01:30Z     -1m         0 B  dated in "
      "the future: kept, but never counted\n");
}

TEST_CASE_METHOD(ReportFixture, "A table is as wide as its longest id") {
  const std::string long_key = "app-2021-11-01T20:51:55-0123456789abcdef.pg-dump";
  const std::string text =
      table({old_step(Action::keep, "app", long_key), step(Action::keep, "app", seconds(60), 1)});
  CHECK(text.find("  keep    " + long_key + "  2026-") != std::string::npos);
  CHECK(text.find("-0a1b2c3d" + std::string(long_key.size() - 25, ' ') + "  2026-") !=
        std::string::npos);
}

TEST_CASE_METHOD(ReportFixture, "A frozen group says why, in its table and in each line of JSON") {
  plan.objections = {{db("ap"), Guard::newest, "not its."},
                     {db("app"), Guard::newest, "one."},
                     {db("app"), Guard::stalled, "two."},
                     {db("web"), Guard::newest, "nor this."}};
  const Step frozen = step(Action::keep, "app", seconds(1), 1, Reason::frozen);
  const Step kept = step(Action::keep, "app", seconds(1), 1, Reason::last);
  const std::string text = table({frozen, kept});
  CHECK(text.ends_with("  among the last 3\n  frozen: one.\n  frozen: two.\n"));
  CHECK(json(frozen).find(R"("reasons":["frozen","one.","two."]})") != std::string::npos);
  CHECK(json(kept).find(R"("reasons":["among the last 3"]})") != std::string::npos);
}

TEST_CASE_METHOD(ReportFixture, "A group's name cannot command the terminal") {
  const std::vector<Step> steps = {step(Action::keep,
                                        "a\x1b[2J\n\x7f"
                                        "b\xc3\xa4",
                                        seconds(1), 1)};
  CHECK(table(steps).starts_with("a?[2J??b\xc3\xa4\n"));
  CHECK(
      table({old_step(Action::keep, "", "backup-\x1b.dump")}).starts_with("(no database named)\n"));
  CHECK(table({old_step(Action::keep, "", "backup-\x1b.dump")}).find('\x1b') == std::string::npos);
}

TEST_CASE_METHOD(ReportFixture, "Sizes are printed in the largest unit that they fill") {
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
    plan.steps = {step(Action::remove, "app", seconds(1), row.bytes)};
    CAPTURE(row.bytes);
    CHECK(format_plan_summary(plan).find(row.wanted) != std::string::npos);
  }
}

TEST_CASE_METHOD(
    ReportFixture,
    "A JSON line holds action, group, id, key, time, bytes and reasons, in this order") {
  const std::string id = "20261120T115900Z-0a1b2c3d";
  CHECK(json(step(Action::remove, "app", seconds(60), 1)) ==
        R"({"action":"remove","group":"app","id":"20261120T115900Z-0a1b2c3d","key":")" +
            store.full_key("app/" + id + "/manifest.json") +
            R"(","time":"2026-11-20T11:59:00Z","bytes":1,"reasons":["no rule keeps it"]})"
            "\n");
}

TEST_CASE_METHOD(ReportFixture, "A line of one of several destinations ends with its name") {
  destination = destination_of(kS3Destination, store);
  const std::string line = json(step(Action::remove, "app", seconds(60), 1));
  CHECK(line.ends_with("\"reasons\":[\"no rule keeps it\"],\"from\":\"s3\"}\n"));
  CHECK(format_heading(destination) == "s3: " + store.location("") + "\n\n");
}

TEST_CASE_METHOD(ReportFixture,
                 "The key is that of the manifest, the older system's file, the folder or the "
                 "unfinished object") {
  const std::string folder = "=C3=A4=2F/20261120T115900Z-0a1b2c3d/";
  const auto of = [&](Action action) { return step(action, "\xc3\xa4/", seconds(60), 1); };
  CHECK(key(of(Action::keep)) == store.full_key(folder + "manifest.json"));
  CHECK(key(of(Action::remove)) == store.full_key(folder + "manifest.json"));
  CHECK(key(of(Action::sweep)) == store.full_key(folder));
  CHECK(key(unfinished("app/x/y")) == store.full_key("app/x/y"));
  for (const Action action : {Action::keep, Action::remove, Action::sweep}) {
    CHECK(key(old_step(action, "app", "app/app_20240115T120000Z.dump")) ==
          store.full_key("app/app_20240115T120000Z.dump"));
  }
}

TEST_CASE_METHOD(ReportFixture,
                 "A name that is not UTF-8 or holds quotes still gives one line of JSON") {
  for (const auto* group : {"\xff", "a\"b", "a\nb", "\xc3\xa4", "\xc3", "a\\", "\x01"}) {
    CAPTURE(group);
    const std::string line = json(step(Action::keep, group, seconds(1), 1));
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(nlohmann::json::accept(line));
  }
}

TEST_CASE_METHOD(ReportFixture, "Summaries count what is planned and what was done") {
  CHECK(format_plan_summary(plan) ==
        "keep 0 backups, delete 0 (0 B), sweep 0 orphaned objects (0 B)");
  plan.steps = {
      step(Action::keep, "app", seconds(1), 999), step(Action::remove, "app", seconds(1), 1024),
      step(Action::remove, "b", seconds(1), 1024), step(Action::sweep, "b", seconds(1), 7)};
  CHECK(format_plan_summary(plan) ==
        "keep 1 backup, delete 2 (2.0 KiB), sweep 1 orphaned object (7 B)");
  CHECK(format_outcome({.removed = 1, .swept = 2, .freed_bytes = 1536}) ==
        "deleted 1 backup, swept 2 orphaned objects, freed 1.5 KiB");
}

TEST_CASE_METHOD(ReportFixture, "Every reason has a text of its own, and none is none") {
  std::set<std::string> texts = {""};
  Step one = step(Action::keep, "app", seconds(1), 1);
  for (size_t i = 0; i < kReasonCount; ++i) {
    one.reasons = static_cast<Reason>(i);
    REQUIRE(reason_texts(one, plan.rules).size() == 1);
    CHECK(texts.insert(reason_line(one, plan.rules)).second);
  }
  one.reasons = {};
  CHECK(texts.insert(reason_line(one, plan.rules)).second);
  one.reasons = Reason::locked;
  one.locked_until = kNow;
  CHECK(reason_line(one, plan.rules) == "locked until 2026-11-20T12:00:00Z");
}

}  // namespace
}  // namespace pgbackup
