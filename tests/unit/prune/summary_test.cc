#include "prune/summary.h"

#include "common/service/metrics.h"
#include "prune/evidence.h"
#include "prune/locks.h"
#include "tests/support/evidence_fixture.h"
#include "tests/support/prune_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
constexpr auto kDay = PruneFixture::kDay;

/// The summary of one group.
GroupSummary of(const PruneSummary& summary, const Group& group) {
  for (const GroupSummary& one : summary.groups) {
    if (one.group == group) return one;
  }
  FAIL("there is no such group");
  return {};
}

TEST_CASE_METHOD(PruneFixture, "A summary says of each group what stays and what was found") {
  add_backup("app", 40 * kDay);  // goes
  add_backup("app", 2 * kDay);
  const std::string newest = add_backup("app", 1 * kDay);
  add_object(newest + "/more", 1 * kDay, "more");
  add_folder("app", hours(2), hours(1));    // may be in progress
  add_folder("app", 20 * kDay, 20 * kDay);  // goes
  add_backup("web", 3 * kDay);
  Plan made = plan();
  const PruneSummary summary = summarize(made, Outcome{.removed = 1, .swept = 1, .freed_bytes = 9});
  REQUIRE(summary.groups.size() == 2);
  const GroupSummary app = of(summary, db("app"));
  CHECK(app.backups == 2);
  CHECK(app.newest == now - 1 * kDay);
  CHECK(app.newest_bytes > 4);
  CHECK(app.bytes == 2 * app.newest_bytes - 4);
  CHECK(app.in_progress == 1);
  CHECK(app.orphaned == 0);
  CHECK(app.damaged + app.backdated + app.held + app.locked + app.unfinished == 0);
  CHECK(of(summary, db("web")).newest == now - 3 * kDay);
  CHECK(summary.kept == 3);
  CHECK(summary.removed == 1);
  CHECK(summary.swept == 1);
  CHECK(summary.freed_bytes == 9);

  const PruneSummary dry = summarize(made, std::nullopt);
  CHECK(of(dry, db("app")).backups == 3);
  CHECK(of(dry, db("app")).orphaned == 1);
  CHECK(dry.removed + dry.swept + dry.freed_bytes == 0);
}

TEST_CASE_METHOD(
    PruneFixture,
    "Held and damaged backups are counted, and neither damaged nor future ones are the newest") {
  add_backup("app", 5 * kDay);
  add_object(add_backup("app", 4 * kDay) + "/hold", hours(1), "{}");
  const std::string damaged = add_backup("app", 2 * kDay);
  std::filesystem::remove(folder.path() / damaged / data_name(db("app")));
  add_backup("app", -3 * kDay);  // by a clock that was wrong
  const GroupSummary app = of(summarize(plan(), Outcome{}), db("app"));
  CHECK(app.backups == 4);
  CHECK(app.held == 1);
  CHECK(app.damaged == 1);
  CHECK(app.newest == now - 4 * kDay);
}

TEST_CASE_METHOD(PruneFixture, "A group that has only what is in progress has no newest backup") {
  add_folder("app", hours(2), hours(1));
  const GroupSummary app = of(summarize(plan(), Outcome{}), db("app"));
  CHECK(app.backups == 0);
  CHECK(app.in_progress == 1);
  CHECK_FALSE(app.newest);
}

TEST_CASE_METHOD(EvidenceFixture, "A frozen group says by which guards, and keeps its orphans") {
  add_daily("app", 10, std::chrono::days(5));  // backups have stalled
  Manifest late = manifest("app", std::chrono::days(4));
  late.next_due = now - std::chrono::days(3);
  add(late);
  add_leftover("app");
  const PruneSummary summary = summarize(guarded(), Outcome{});
  const GroupSummary app = of(summary, db("app"));
  CHECK(app.frozen_by == std::vector<Guard>{Guard::stalled});
  CHECK(app.backups == 11);
  CHECK(app.orphaned == 1);
  CHECK(of(summary, db("app")).newest == now - std::chrono::days(4));
}

TEST_CASE_METHOD(EvidenceFixture,
                 "Uploads that were begun and not ended are counted until they go") {
  add("app", hours(1));
  const std::string folder = backup_folder(db("app"), format_basic(now - hours(3)) + "-00000001");
  const std::vector<UnfinishedWrite> writes = {
      {.key = folder + "/" + data_name(db("app")), .id = "1", .newest = now - hours(2)},
      {.key = backup_folder(db("app"), format_basic(now - std::chrono::days(9)) + "-00000002") +
              "/" + data_name(db("app")),
       .id = "2",
       .newest = now - std::chrono::days(8)}};
  const Plan made = make_plan(read_catalog(store), writes, rules, now);
  CHECK(of(summarize(made, Outcome{}), db("app")).unfinished == 1);
  CHECK(of(summarize(made, std::nullopt), db("app")).unfinished == 2);
}

TEST_CASE("Of very many groups the first have a summary of their own, and the others are counted") {
  std::vector<Backup> backups;
  for (size_t i = 0; i < kMostMetricGroups + 3; ++i) {
    Backup& backup = backups.emplace_back();
    backup.group = db(fmt::format("db{:05}", i));
    backup.id = "20261120T031500Z-00000000";
    backup.complete = true;
  }
  const Rules rules{.retention = {.keep_last = 1}};
  Plan made = make_plan(std::move(backups), {}, rules, *parse_iso("2026-11-20T12:00:00Z"));
  made.objections = {{db("db00000"), Guard::stalled, "why"},
                     {db("db01002"), Guard::stalled, "why"},
                     {db("db01002"), Guard::stalled, "and why"}};
  const PruneSummary summary = summarize(made, std::nullopt);
  CHECK(summary.frozen == std::map<Guard, size_t>{{Guard::stalled, 2}});
  CHECK(summary.groups.size() == kMostMetricGroups);
  CHECK(summary.groups.back().group == db("db00999"));
  CHECK(summary.unlisted == 3);
  CHECK(summary.kept == kMostMetricGroups + 3);
}

TEST_CASE("The last summary of each destination is kept") {
  PruneSummaries summaries;
  CHECK(summaries.all().empty());
  summaries.note("s3", {.kept = 1});
  summaries.note("dir", {.kept = 2});
  summaries.note("s3", {.kept = 3});
  CHECK(summaries.all().size() == 2);
  CHECK(summaries.all().at("s3").kept == 3);
  CHECK(summaries.all().at("dir").kept == 2);
}

}  // namespace
}  // namespace pgbackup
