#include "common/service/backups_check.h"

#include <fmt/format.h>

#include <string>
#include <vector>

#include "common/catalog/key_grammar.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::hours;

class Fixture {
 public:
  FakeClock clock;
  MemoryStore store{clock};
  BackupsWish wish{.area = "store"};

  /// Stores a backup that began `age` ago. The next is due a day later.
  std::string add(const std::string& database, hours age, bool has_data = true) {
    const UtcTime began = clock.now() - age;
    const std::string id = fmt::format("{}-0000000{}", format_basic(began), ++number_);
    Manifest manifest = make_manifest(db(database), id);
    manifest.started = began;
    manifest.finished = began;
    if (has_due) manifest.next_due = began + hours(24);
    const std::string folder = backup_folder(db(database), id);
    if (has_data) {
      store.objects[folder + "/" + data_name(db(database))] = {.bytes = "data", .modified = began};
    }
    store.objects[folder + "/manifest.json"] = {.bytes = format_manifest(manifest),
                                                .modified = began};
    return id;
  }

  std::vector<std::string> said() {
    std::vector<std::string> lines;
    for (const Finding& finding :
         judge_backups(read_newest(store, {}, clock.now()), wish, clock.now())) {
      lines.push_back(fmt::format("{} {}: {}", finding_level_name(finding.level), finding.subject,
                                  finding.sentence));
      CHECK(finding.advice.empty() == (finding.level == FindingLevel::ok));
      CHECK_FALSE(finding.is_fatal);
    }
    return lines;
  }

  bool has_due = true;

 private:
  int number_ = 0;
};

using Lines = std::vector<std::string>;

TEST_CASE_METHOD(Fixture, "The newest backup of each group is told with its age") {
  add("app", hours(30));
  const std::string id = add("app", hours(5));
  const std::string due = format_iso(clock.now() + hours(19));
  const Lines lines = said();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with(
      fmt::format("ok backups of app: the newest, {}, is 5h old and has ", id)));
  CHECK(lines[0].ends_with("; the next is due at " + due));
}

TEST_CASE_METHOD(Fixture, "A wanted group without a backup is told, and a further group is not") {
  add("app", hours(5));
  add("other", hours(500));
  wish.groups = {db("app"), db("shop")};
  const Lines lines = said();
  REQUIRE(lines.size() == 2);
  CHECK(lines[1] == "attention backups of shop: there is none yet");
}

TEST_CASE_METHOD(Fixture, "An overdue backup is told once the grace is over") {
  const std::string id = add("app", hours(27));
  CHECK(said() == Lines{fmt::format("attention backups of app: the newest, {}, is 1d old, and the "
                                    "next was due at {}",
                                    id, format_iso(clock.now() - hours(3)))});
  store.objects.clear();
  add("app", hours(25));
  CHECK(said().at(0).starts_with("ok "));
}

TEST_CASE_METHOD(Fixture, "Where no manifest tells when the next is due, the schedule does") {
  has_due = false;
  add("app", hours(27));
  CHECK(said().at(0).starts_with("ok "));
  wish.schedule = Schedule::every(hours(24));
  CHECK(said().at(0).starts_with("attention "));
}

TEST_CASE_METHOD(Fixture, "A damaged backup is told, be it the newest or not") {
  const std::string old = add("app", hours(20), false);
  const std::string id = add("app", hours(5));
  Lines lines = said();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == fmt::format("attention backups of app: damaged: {}", old));
  CHECK(lines[1].starts_with("ok "));
  store.objects.erase(backup_folder(db("app"), id) + "/" + data_name(db("app")));
  lines = said();
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].starts_with(
      fmt::format("attention backups of app: the newest, {}, is damaged: ", id)));
}

TEST_CASE_METHOD(Fixture, "A manifest that cannot be read is told, and what is dated ahead") {
  const std::string id = add("app", hours(5));
  store.objects[backup_folder(db("app"), id) + "/manifest.json"].bytes = "{\"format\": 99}";
  add("app", -hours(5));
  const Lines lines = said();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] ==
        "attention backups of app: 1 of its backups are dated in the future: a clock was wrong");
  CHECK(lines[1].starts_with(
      fmt::format("attention backups of app: the newest, {}, cannot be read: ", id)));
}

TEST_CASE_METHOD(Fixture, "What a run has not completed is no backup") {
  const std::string id = add("app", hours(5));
  store.objects.erase(backup_folder(db("app"), id) + "/manifest.json");
  CHECK(said().empty());
  wish.groups = {db("app")};
  CHECK(said() == Lines{"attention backups of app: there is none yet"});
}

}  // namespace
}  // namespace pgbackup
