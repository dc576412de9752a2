#include "prune/page/model.h"

#include <string>
#include <vector>

#include "tests/support/page_fixture.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

TEST_CASE_METHOD(PageFixture, "A recent backup is good, and says when the next one is due") {
  add(due("app", hours(2), hours(22)));
  const PageGroup app = group("app");
  CHECK(app.verdict.state == GroupState::good);
  CHECK(app.verdict.sentence == "Backed up 2h ago; the next one is due in 22h.");
  CHECK(app.last_success == now - hours(2));
  CHECK(app.due == now + hours(22));
  CHECK(app.count == 1);
  REQUIRE(app.backups.size() == 1);
  CHECK(app.backups[0].reasons == "younger than 30d");
  CHECK(app.backups[0].taken == minutes(1));
}

TEST_CASE_METHOD(PageFixture, "A backup is late when it is overdue by more than the grace") {
  add(due("app", hours(25), -hours(1)));
  CHECK(state("app") == "good");
  clock.advance(hours(2));
  CHECK(state("app") == "late");
  CHECK(group("app").verdict.sentence == "The next backup was due 3h ago, and there is none.");
}

TEST_CASE_METHOD(PageFixture, "Without a schedule the gaps tell what is late") {
  for (const int age : {9, 10, 11, 12}) add("app", days(age));
  CHECK(state("app") == "late");
  add("once", days(20));
  CHECK(state("once") == "good");
  CHECK(group("once").verdict.sentence == "Backed up 20d ago.");
}

TEST_CASE_METHOD(PageFixture, "A database of which a run made no backup is failing") {
  add(due("crm", hours(26), -hours(2)));
  Manifest of_app = due("app", hours(2), hours(22));
  of_app.groups = {db("crm"), db("app")};
  add(of_app);
  CHECK(state("crm") == "failing");
  CHECK(state("app") == "good");
  CHECK(group("crm").verdict.sentence ==
        "The run of 2026-11-20 10:00 made backups of other databases, and none of this one.");
}

TEST_CASE_METHOD(PageFixture, "A run that may go on has not failed yet") {
  add(due("crm", hours(25), -hours(1)));
  Manifest of_app = due("app", minutes(30), hours(22));
  of_app.groups = {db("app"), db("crm")};
  add(of_app);
  CHECK(state("crm") == "good");
  // Another of its backups still grows, hours later.
  Manifest old = due("app", hours(5), hours(19));
  old.groups = {db("app"), db("crm")};
  add(old);
  add_object(fmt::format("shop/{}/shop.dump.zst", old.id), minutes(1));
  store.objects.erase(backup_folder(of_app.group, of_app.id) + "/manifest.json");
  CHECK(state("crm") == "good");
}

TEST_CASE_METHOD(PageFixture, "A database that a run left out says why") {
  Manifest of_app = due("app", hours(2), hours(22));
  of_app.left_out = {{"old", "it permits no connections"}};
  add(of_app);
  CHECK(state("old") == "never backed up");
  CHECK(group("old").verdict.sentence ==
        "The run of 2026-11-20 10:00 left it out: it permits no connections.");
  add(due("old", days(3), -days(2)));
  CHECK(state("old") == "failing");
}

TEST_CASE_METHOD(PageFixture, "A retry that made the backup ends the failure") {
  Manifest of_app = due("app", hours(4), hours(20));
  of_app.groups = {db("app"), db("crm")};
  add(of_app);
  CHECK(state("crm") == "never backed up");
  add(due("crm", hours(3), hours(20)));
  CHECK(state("crm") == "good");
}

TEST_CASE_METHOD(PageFixture, "A database that later runs do not know has ended") {
  Manifest last = due("gone", days(9), -days(8));
  last.groups = {db("app"), db("gone")};
  add(last);
  add(due("app", hours(2), hours(22)));
  CHECK(state("gone") == "ended");
  Manifest other = due("other", days(10), -days(9));
  other.system_identifier = "2";
  add(other);
  CHECK(state("other") == "late");
}

TEST_CASE_METHOD(PageFixture, "A backup that lacks what its manifest names is damaged") {
  add_daily("app", 3);
  const std::string key = add("app", days(5));
  store.objects[key.substr(0, key.rfind('/')) + "/app.dump.zst"].bytes = "longer";
  const PageGroup app = group("app");
  CHECK(app.verdict.state == GroupState::damaged);
  CHECK(app.verdict.sentence ==
        "One of 4 backups cannot be restored: app.dump.zst has 6 bytes, the manifest says 4.");
  CHECK(app.backups.back().flaw == "app.dump.zst has 6 bytes, the manifest says 4");
  CHECK(app.last_success == now - hours(1));
}

TEST_CASE_METHOD(PageFixture,
                 "A group that a guard freezes says so, with the sentence of the guard") {
  add_daily("app", 4);
  Manifest small = manifest("app", std::chrono::minutes(5));
  small.dump.tables = 1;
  add(small);
  add("app", days(40));
  const PageGroup app = group("app");
  CHECK(app.verdict.state == GroupState::frozen);
  CHECK(app.verdict.sentence.starts_with("Nothing of it is deleted: the newest backup ("));
  CHECK(app.backups.back().reasons == "frozen");
  CHECK(app.backups.back().fate == Fate::stays);
}

TEST_CASE_METHOD(PageFixture, "A backup whose manifest is damaged cannot be restored") {
  add_daily("app", 2);
  store.objects[add("app", days(5))].bytes = "{";
  const PageGroup app = group("app");
  CHECK(app.verdict.state == GroupState::damaged);
  CHECK(app.verdict.sentence == "One of 3 backups cannot be restored: its manifest is damaged.");
  CHECK(app.backups.back().flaw == "its manifest is damaged");
}

TEST_CASE_METHOD(PageFixture, "What has no complete backup was never backed up") {
  add_leftover("app");
  const PageGroup app = group("app");
  CHECK(app.verdict.state == GroupState::never);
  CHECK_FALSE(app.last_success);
  CHECK(app.notes == std::vector<std::string>{"Interrupted backups have left 1 orphaned object."});
  CHECK(page().destinations.at(0).groups.size() == 1);
}

TEST_CASE_METHOD(PageFixture, "The worst comes first") {
  add(due("a", hours(2), hours(22)));
  add(due("b", days(3), -days(2)));
  add_leftover("c");
  std::vector<std::string> names;
  const Page made = page();
  for (const PageGroup& one : made.destinations.at(0).groups) names.push_back(one.group.name());
  CHECK(names == std::vector<std::string>{"c", "b", "a"});
}

TEST_CASE_METHOD(PageFixture, "Each backup says until when it is kept") {
  rules.retention = {.max_age = days(3), .min_backups = 1};
  for (const int age : {0, 1, 2, 5}) add(due("app", hours(2) + days(age), hours(22) - days(age)));
  const PageGroup app = group("app");
  REQUIRE(app.backups.size() == 4);
  CHECK(app.backups[0].fate == Fate::leaves);
  CHECK(app.backups[0].leaves_at == now - hours(2) + days(3));
  CHECK(app.backups[2].leaves_at == now - hours(2) + days(1));
  CHECK(app.backups[3].fate == Fate::goes_next);
  CHECK(app.backups[3].reasons == "no rule keeps it");
  CHECK(app.leaving == 1);
}

TEST_CASE_METHOD(PageFixture, "Where no new backup comes, the newest one stays") {
  rules.guards.when_stalled = OnDoubt::allow;
  add(due("app", days(3), -days(2)));
  add(due("app", days(4), -days(3)));
  const PageGroup app = group("app");
  CHECK(app.verdict.state == GroupState::late);
  CHECK(app.backups[0].fate == Fate::stays);
  CHECK(app.backups[1].leaves_at == now + days(26));
}

TEST_CASE_METHOD(PageFixture, "Holds, locks and verifications are shown") {
  Manifest locked = due("app", days(2), -days(1));
  locked.locked_until = now + days(60);
  add(locked);
  Manifest over = due("app", days(3), -days(2));
  over.locked_until = now - days(1);
  add(over);
  const std::string held = add(due("app", hours(1), hours(23)));
  const std::string folder = held.substr(0, held.rfind('/'));
  add_object(folder + "/hold", hours(1));
  const Verification passed = make_verification(now - minutes(30), VerifyDepth::restore, true);
  add_object(folder + "/" + passed.file, minutes(30), "{}");
  add_object(folder + "/" + make_verification(now - minutes(45), VerifyDepth::stored, true).file,
             minutes(45), "{}");
  add_object(folder + "/verified-never.json", hours(1), "{}");
  const PageGroup app = group("app");
  CHECK(app.held == 1);
  CHECK(app.locked == 1);
  CHECK(app.verification == passed);
  REQUIRE(app.backups.size() == 3);
  CHECK(app.backups[0].is_held);
  CHECK(app.backups[0].fate == Fate::stays);
  CHECK(app.backups[1].locked_until == now + days(60));
  CHECK(app.backups[1].leaves_at == now + days(60));
  CHECK_FALSE(app.backups[2].locked_until);
  CHECK_FALSE(app.backups[2].verification);
}

TEST_CASE_METHOD(PageFixture, "A backup whose verification has failed is damaged, and no success") {
  add(due("app", days(2), -days(1)));
  const std::string newest = add(due("app", hours(1), hours(23)));
  const Verification failed = make_verification(now - minutes(30), VerifyDepth::archive, false);
  add_object(newest.substr(0, newest.rfind('/')) + "/" + failed.file, minutes(30), "{}");
  const PageGroup app = group("app");
  CHECK(app.verdict.state == GroupState::damaged);
  CHECK(contains(app.verdict.sentence, "its verification of 2026-11-20 11:30"));
  CHECK(app.last_success == now - days(2));
  CHECK_FALSE(app.verification);
}

TEST_CASE_METHOD(PageFixture, "The calendar counts the days of the zone") {
  const ZoneGuard zone("Asia/Kathmandu");  // UTC+05:45
  add(due("app", hours(17), hours(7)));    // 19 Nov 19:00 UTC is 20 Nov there
  add(due("app", hours(19), hours(7)));
  add(due("app", days(59), -days(58)));
  add(due("app", days(61), -days(60)));
  const PageGroup app = group("app");
  CHECK(app.days.back().backups == 1);
  CHECK(app.days[kPageDays - 2].backups == 1);
  CHECK(app.days.front().backups == 1);
  CHECK(app.days.back().day == std::chrono::local_days(std::chrono::year(2026) / 11 / 20));
}

TEST_CASE_METHOD(PageFixture, "Only the newest backups of many are listed, and all are counted") {
  for (int i = 0; i < int{kMostRowsOfGroup} + 5; ++i) add("app", hours(1 + i));
  const PageGroup app = group("app");
  CHECK(app.count == kMostRowsOfGroup + 5);
  CHECK(app.backups.size() == kMostRowsOfGroup);
  CHECK(app.unlisted == 5);
  CHECK(app.backups.front().time == now - hours(1));
}

TEST_CASE_METHOD(PageFixture, "Of too many groups the first ones by name are shown") {
  for (size_t i = 0; i < kMostPageGroups + 3; ++i) {
    add_object(fmt::format("g{:04}/{}-00000000/x.dump", i, format_basic(now)), hours(0));
  }
  const Page made = page();
  CHECK(made.destinations.at(0).groups.size() == kMostPageGroups);
  CHECK(made.destinations.at(0).unlisted == 3);
}

TEST_CASE_METHOD(PageFixture, "A name that is no UTF-8 is one group, whatever manifests call it") {
  const std::string name = "caf\xe9";
  add(due(name, hours(2), hours(22)));
  const auto groups = page().destinations.at(0).groups;
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].verdict.state == GroupState::good);
}

}  // namespace
}  // namespace pgbackup
