#include "prune/next_due.h"

#include "tests/support/evidence_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;

class NextDueFixture : public EvidenceFixture {
 public:
  /// A daily backup of a run of all of `databases`.
  std::string add_daily_backup(const std::string& group, std::chrono::seconds age,
                               const std::vector<std::string>& databases) {
    Manifest made = manifest(group, age);
    made.next_due = made.started + days(1);
    made.groups.clear();
    for (const std::string& name : databases) made.groups.push_back(db(name));
    return add(made);
  }
  /// A run that deletes nothing, after the one before.
  PruneSummary look() {
    const Plan made = plan();
    PruneSummary summary = summarize(made, std::nullopt);
    opened.clear();
    find_next_due(seen, made, last, summary);
    last = summary;
    return summary;
  }
  std::optional<UtcTime> due(const std::string& group) {
    const PruneSummary summary = look();
    for (const GroupSummary& one : summary.groups) {
      if (one.group == db(group)) return one.next_due;
    }
    FAIL("there is no such group");
    return std::nullopt;
  }

  PruneSummary last{};
};

TEST_CASE_METHOD(NextDueFixture, "The newest manifest of each group says when the next is due") {
  add_daily_backup("app", days(2), {"app"});
  const std::string app = add_daily_backup("app", hours(5), {"app"});
  const std::string web = add_daily_backup("web", hours(30), {"web"});  // late
  CHECK(due("app") == now + hours(19));
  CHECK(opened == std::vector<std::string>{app, web});
  CHECK(due("web") == now - hours(6));
}

TEST_CASE_METHOD(NextDueFixture, "What was read is not read again until there is a newer backup") {
  add_daily_backup("app", hours(5), {"app"});
  add("none", hours(5));  // made without a schedule
  CHECK(due("app") == now + hours(19));
  CHECK(due("app") == now + hours(19));
  CHECK(opened.empty());
  CHECK_FALSE(due("none"));
  CHECK(opened.empty());
  const std::string newer = add_daily_backup("app", hours(1), {"app"});
  CHECK(due("app") == now + hours(23));
  CHECK(opened == std::vector<std::string>{newer});
}

TEST_CASE_METHOD(NextDueFixture, "No backup of a database that was dropped is due") {
  add_daily_backup("app", days(9), {"app", "web"});
  add_daily_backup("web", days(9), {"app", "web"});
  CHECK(due("app") == now - days(8));  // nothing says that it is gone
  add_daily_backup("web", hours(30), {"web"});
  add_daily_backup("web", hours(6), {"web"});
  CHECK_FALSE(due("app"));
  CHECK(due("web") == now + hours(18));
  CHECK(opened.empty());
}

TEST_CASE_METHOD(NextDueFixture, "Nothing is known where the newest backup does not say it") {
  SECTION("its manifest is no manifest") {
    store.objects[add_daily_backup("app", hours(1), {"app"})].bytes = "{";
  }
  SECTION("it is of an older system") { add_object("backups/app-20261120T100000.dump", hours(2)); }
  SECTION("there is none") { add_leftover("app"); }
  SECTION("its manifest cannot be read") {
    add_daily_backup("app", hours(1), {"app"});
    seen.before = [](std::string_view call, std::string_view /*key*/) {
      if (call == "open") throw Error(ErrorKind::denied, "no");
    };
  }
  for (const GroupSummary& group : look().groups) CHECK_FALSE(group.next_due);
}

TEST_CASE_METHOD(NextDueFixture, "A store that falls silent ends the reading, not the run") {
  add_daily_backup("app", hours(1), {"app"});
  add_daily_backup("web", hours(1), {"web"});
  int calls = 0;
  const auto kind = GENERATE(ErrorKind::transient, ErrorKind::canceled);
  const auto working = seen.before;
  seen.before = [&](std::string_view call, std::string_view /*key*/) {
    if (call != "open") return;
    ++calls;
    throw Error(kind, "no");
  };
  CHECK_FALSE(due("app"));
  CHECK(calls == 1);
  seen.before = working;
  CHECK(due("app") == now + hours(23));
  CHECK(due("web") == now + hours(23));
}

}  // namespace
}  // namespace pgbackup
