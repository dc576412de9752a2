#include "prune/metrics.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "prune/job.h"
#include "tests/support/manifests.h"
#include "tests/support/metrics.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr UtcTime kStart{seconds(1795144500)};  // 2026-11-20T03:15:00Z

GroupSummary eventful(const Group& group) {
  return {.group = group,
          .backups = 8,
          .bytes = 800,
          .newest = kStart,
          .newest_bytes = 100,
          .next_due = kStart + seconds(3600),
          .damaged = 1,
          .backdated = 2,
          .failed = 2,
          .newest_verified = kStart - seconds(60),
          .last_verified = kStart - seconds(30),
          .held = 3,
          .locked = 4,
          .orphaned = 5,
          .in_progress = 6,
          .unfinished = 7,
          .frozen_by = {kGuards.begin(), kGuards.end()}};
}

PruneSummary summary_of(std::vector<GroupSummary> groups) {
  std::map<Guard, size_t> frozen;
  for (const GroupSummary& group : groups) {
    for (const Guard guard : group.frozen_by) ++frozen[guard];
  }
  return {.listed = kStart + seconds(300),
          .groups = std::move(groups),
          .frozen = std::move(frozen),
          .kept = 8,
          .wal_objects = 20,
          .wal_bytes = 2000,
          .removed = 2,
          .swept = 1,
          .wal_removed = 9,
          .freed_bytes = 300};
}

RunState state_of(const std::string& destination) {
  return {.job = kPruneJob,
          .group = {},
          .destination = destination,
          .last_success = kStart,
          .last_failure = kStart + seconds(60),
          .failures = 1,
          .last_run = LastRun{kStart + seconds(60), milliseconds(250), 3},
          .runs = {4, 0, 1},
          .running = PresentRun{.since = kStart + seconds(90)}};
}

TEST_CASE("Every family of pg-prune shows what its last run found") {
  RequestCounts requests;
  requests.requests = {{{"ListObjectsV2", "2xx"}, 5}};
  requests.clock_ahead = seconds(-7);
  GroupSummary app = eventful(db("app"));
  app.frozen_by = {Guard::stalled, Guard::suspect};
  const auto families = prune_metrics({.states = {state_of("")},
                                       .summaries = {{"", summary_of({app})}},
                                       .program = {{}, requests, kStart - seconds(1)}});
  const std::string of_app = "{database=\"app\"}";
  std::map<std::string, std::string> expected = {
      {"pg_prune_last_run_timestamp", "1795144560"},
      {"pg_prune_last_duration_seconds", "0.25"},
      {"pg_prune_last_exit_code", "3"},
      {"pg_prune_last_success_timestamp_seconds", "1795144500"},
      {"pg_prune_last_failure_timestamp_seconds", "1795144560"},
      {"pg_prune_consecutive_failures", "1"},
      {"pg_prune_running", "1"},
      {"pg_prune_running_since_timestamp_seconds", "1795144590"},
      {"pg_prune_runs_total{result=\"success\"}", "4"},
      {"pg_prune_runs_total{result=\"failure\"}", "0"},
      {"pg_prune_runs_total{result=\"refused\"}", "1"},
      {"pg_prune_frozen{database=\"app\",guard=\"stalled\"}", "1"},
      {"pg_prune_frozen{database=\"app\",guard=\"suspect\"}", "1"},
      {"pg_prune_unlisted_databases", "0"},
      {"pg_prune_newest_backup_timestamp_seconds" + of_app, "1795144500"},
      {"pg_prune_newest_backup_bytes" + of_app, "100"},
      {"pg_prune_next_backup_due_timestamp_seconds" + of_app, "1795148100"},
      {"pg_prune_backups" + of_app, "8"},
      {"pg_prune_backups_bytes" + of_app, "800"},
      {"pg_prune_damaged_backups" + of_app, "1"},
      {"pg_prune_suspect_backups" + of_app, "1"},
      {"pg_prune_backdated_backups" + of_app, "2"},
      {"pg_prune_failed_backups" + of_app, "2"},
      {"pg_prune_newest_verified_backup_timestamp_seconds" + of_app, "1795144440"},
      {"pg_prune_last_verification_timestamp_seconds" + of_app, "1795144470"},
      {"pg_prune_held_backups" + of_app, "3"},
      {"pg_prune_locked_backups" + of_app, "4"},
      {"pg_prune_orphaned_backups" + of_app, "5"},
      {"pg_prune_backups_in_progress" + of_app, "6"},
      {"pg_prune_unfinished_uploads" + of_app, "7"},
      {"pg_prune_last_listing_timestamp_seconds", "1795144800"},
      {"pg_prune_last_run_kept_backups", "8"},
      {"pg_prune_last_run_deleted_backups", "2"},
      {"pg_prune_last_run_swept_objects", "1"},
      {"pg_prune_last_run_deleted_wal_objects", "9"},
      {"pg_prune_last_run_freed_bytes", "300"},
      {"pg_prune_wal_objects", "20"},
      {"pg_prune_wal_bytes", "2000"},
      {"pg_prune_healthy", "0"},
      {"process_start_time_seconds", "1795144499"},
      {"pg_prune_s3_clock_difference_seconds", "-7"},
      {"pg_prune_build_info{version=\"" PROJECT_VERSION "\"}", "1"},
      {"pg_prune_s3_requests_total{operation=\"ListObjectsV2\",status=\"2xx\"}", "5"}};
  for (const Guard guard : kGuards) {
    const bool is_frozen = guard == Guard::stalled || guard == Guard::suspect;
    expected[fmt::format("pg_prune_frozen_databases{{guard=\"{}\"}}", guard_name(guard))] =
        is_frozen ? "1" : "0";
  }
  CHECK(series_of(families) == expected);
  CHECK(bad_names(families, "pg_prune_").empty());
}

TEST_CASE("Before its first run pg-prune says that it knows nothing, and nothing wrong") {
  const std::map<std::string, std::string> expected = {
      {"pg_prune_unlisted_databases", "0"},
      {"pg_prune_healthy", "1"},
      {"process_start_time_seconds", "1795144500"},
      {"pg_prune_build_info{version=\"" PROJECT_VERSION "\"}", "1"}};
  CHECK(series_of(prune_metrics({.program = {{.is_good = true}, {}, kStart}})) == expected);
}

TEST_CASE("A group without a database, and one without a complete backup, have what there is") {
  const auto series =
      series_of(prune_metrics({.summaries = {{"s3", summary_of({{.group = {}, .backups = 1}})}}}));
  CHECK(series.at("pg_prune_backups{destination=\"s3\"}") == "1");
  CHECK_FALSE(series.contains("pg_prune_newest_backup_timestamp_seconds{destination=\"s3\"}"));
}

/// The most that there can be of everything, but for `groups` groups.
PruneFacts most(size_t groups) {
  PruneFacts facts;
  for (const auto* const destination : {"dir", "s3"}) {
    RunState state = state_of(destination);
    state.size = BackupSize{};
    state.stages = StageTimes{};
    state.running->estimate = 1;
    state.next_due = kStart;
    facts.states.push_back(state);
    std::vector<GroupSummary> all;
    for (size_t i = 0; i < groups; ++i) all.push_back(eventful(db(fmt::format("db{:05}", i))));
    facts.summaries[destination] = summary_of(std::move(all));
    facts.summaries[destination].unlisted = 7;
  }
  for (int operation = 0; operation < 14; ++operation) {
    for (const std::string_view status : {"none", "1xx", "2xx", "3xx", "4xx", "5xx"}) {
      facts.program.requests.requests[{fmt::format("Operation{}", operation), status}] = 1;
    }
  }
  for (const int status : {0, 200, 400, 500, 503}) {
    facts.program.requests.retries[retry_cause(status)] = 1;
  }
  facts.program.requests.clock_ahead = seconds(1);
  return facts;
}

TEST_CASE("However many groups a bucket has, the series are bounded as the documentation says") {
  const size_t of_program = count_series(prune_metrics(most(0)));
  CHECK(of_program <= 170);
  CHECK(count_series(prune_metrics(most(1))) - of_program == size_t{2} * 27);
  CHECK(count_series(prune_metrics(most(kMostMetricGroups))) <= 54'170);
  CHECK(series_of(prune_metrics(most(1))).at("pg_prune_unlisted_databases") == "7");
}

TEST_CASE("Every metric of pg-prune is documented", "[readme]") {
  std::ifstream file(std::string(SOURCE_DIR) + "/docs/monitoring.md", std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const PruneFacts all = most(1);
  for (const MetricFamily& family : prune_metrics(
           {.states = {state_of("")}, .summaries = all.summaries, .program = all.program})) {
    CAPTURE(family.name);
    const bool is_documented = !family.samples.empty();
    if (is_documented) CHECK(contains(page, "`" + family.name + "`"));
  }
  for (const Guard guard : kGuards) {
    CHECK(contains(page, fmt::format("`{}`", guard_name(guard))));
  }
}

}  // namespace
}  // namespace pgbackup
