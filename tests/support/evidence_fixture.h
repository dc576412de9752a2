// Groups of backups in a memory store, and what pg-prune's guards say of them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "prune/evidence.h"
#include "prune/job.h"
#include "tests/support/captured_output.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/prune_fixture.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/unfinished.h"

namespace pgbackup {

class EvidenceFixture {
 public:
  const UtcTime now = *parse_iso("2026-11-20T12:00:00Z");
  FakeClock clock{now};
  MemoryStore store{clock};
  FaultyStore seen{store};
  TestLog log{clock};
  Rules rules{.retention = {.max_age = std::chrono::days(3)}, .sweep_after = std::chrono::days(7)};
  Adoption adoption{.layouts = parse_layouts("all"), .database = {}};
  std::vector<std::string> opened;

  EvidenceFixture() {
    seen.before = [this](std::string_view call, std::string_view key) {
      if (call == "open") opened.emplace_back(key);
    };
  }

  /// As pg-backup made it when `age` was 0, on a server with the identifier 1.
  [[nodiscard]] Manifest manifest(const std::string& group, std::chrono::seconds age) const {
    Manifest made = PruneFixture::manifest_of(group, format_basic(now - age) + "-00000000");
    made.started = now - age;
    made.system_identifier = "1";
    made.groups = {db(group)};
    made.streams.front().uncompressed_bytes = 1000;
    made.dump.tables = 10;
    return made;
  }
  void add_object(const std::string& key, std::chrono::seconds age,
                  const std::string& bytes = "data") {
    store.objects[key] = {bytes, now - age};
  }
  /// Returns its key.
  std::string add(const Manifest& made) {
    const std::string folder = backup_folder(made.group, made.id);
    add_object(folder + "/" + data_name(made.group), now - made.started);
    add_object(folder + "/manifest.json", now - made.started, format_manifest(made));
    return folder + "/manifest.json";
  }
  std::string add(const std::string& group, std::chrono::seconds age) {
    return add(manifest(group, age));
  }
  /// `count` daily ones, the newest of `newest` ago. Returns their keys, newest first.
  std::vector<std::string> add_daily(const std::string& group, int count,
                                     std::chrono::seconds newest = std::chrono::hours(1)) {
    std::vector<std::string> keys;
    for (int i = 0; i < count; ++i) keys.push_back(add(group, newest + std::chrono::days(i)));
    return keys;
  }
  /// Its data is silent for long enough to be swept.
  void add_leftover(const std::string& group) {
    const Manifest made = manifest(group, std::chrono::days(20));
    add_object(backup_folder(made.group, made.id) + "/" + data_name(made.group),
               std::chrono::days(20));
  }

  [[nodiscard]] Plan plan() {
    return make_plan(read_catalog(store, adoption).backups, unfinished_of(store), rules, now);
  }
  [[nodiscard]] Plan guarded() {
    Plan made = plan();
    guard_plan(seen, made, log.log(), {});
    return made;
  }
  /// `group: sentence` of each objection.
  std::vector<std::string> objections() {
    std::vector<std::string> text;
    for (const Objection& objection : guarded().objections) {
      text.push_back(objection.group.name() + ": " + objection.sentence);
    }
    return text;
  }
  /// Of this group as it is: nothing, or the only objection's first words.
  std::string objection(size_t words = 3) {
    const std::vector<std::string> all = objections();
    REQUIRE(all.size() <= 1);
    if (all.empty()) return "";
    size_t end = all[0].find(": ") + 1;
    while (words-- > 0) end = all[0].find(' ', end + 1);
    const size_t begin = all[0].find(": ") + 2;
    return all[0].substr(begin, end - begin);
  }
  void run() {
    CapturedOutput out;
    prune_once(only(seen), {.rules = rules, .adoption = adoption, .out = out.file()}, clock,
               log.log(), {});
  }
};

inline size_t count_actions(const Plan& plan, Action action) {
  return static_cast<size_t>(
      std::count_if(plan.steps.begin(), plan.steps.end(),
                    [&](const Step& step) { return step.action == action; }));
}

}  // namespace pgbackup
