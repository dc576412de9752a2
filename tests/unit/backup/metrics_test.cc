#include "backup/metrics.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "tests/support/manifests.h"
#include "tests/support/metrics.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr UtcTime kStart{seconds(1795144500)};  // 2026-11-20T03:15:00Z

/// A database that has had a success, a failure and a refusal, and is being backed up.
RunState eventful(const Group& group, const std::string& destination) {
  return {.job = kBackupJob,
          .group = group,
          .destination = destination,
          .last_success = kStart,
          .last_failure = kStart + hours(24),
          .failures = 2,
          .last_error = "no",
          .last_run = LastRun{kStart + hours(24), milliseconds(1500), 1},
          .runs = {5, 1, 1},
          .size = BackupSize{.stored_bytes = 412, .uncompressed_bytes = 1024},
          .stages = StageTimes{.read = seconds(1),
                               .pack = milliseconds(2500),
                               .store = seconds(3),
                               .commit = milliseconds(250)},
          .running = PresentRun{.since = kStart + hours(48), .bytes = 7, .estimate = 70},
          .next_due = kStart + hours(24)};
}

WalStatus streaming(const std::string& destination) {
  return {.begun = kStart,
          .destination = destination,
          .connected_since = kStart,
          .stored = {0x5000000},
          .server_end = {0x5100000},
          .confirmed = {0x4000000},
          .waiting_since = kStart + seconds(10)};
}

TEST_CASE("Every family of pg-backup shows what the states say") {
  RequestCounts requests;
  requests.requests = {{{"PutObject", "2xx"}, 3}, {{"UploadPart", "none"}, 1}};
  requests.retries = {{"throttled", 4}};
  requests.clock_ahead = seconds(900);
  const auto families = backup_metrics({.now = kStart + seconds(17),
                                        .states = {eventful(db("app"), "")},
                                        .wal = {streaming("")},
                                        .program = {{.is_good = true}, requests, kStart}});
  const std::string app = "{database=\"app\"}";
  const auto of_app = [](std::string_view more) {
    return fmt::format("{{database=\"app\",{}}}", more);
  };
  const std::map<std::string, std::string> expected = {
      {"pg_backup_last_run_timestamp" + app, "1795230900"},
      {"pg_backup_last_duration_seconds" + app, "1.5"},
      {"pg_backup_last_exit_code" + app, "1"},
      {"pg_backup_last_bytes" + app, "412"},
      {"pg_backup_last_uncompressed_bytes" + app, "1024"},
      {"pg_backup_last_success_timestamp_seconds" + app, "1795144500"},
      {"pg_backup_last_failure_timestamp_seconds" + app, "1795230900"},
      {"pg_backup_consecutive_failures" + app, "2"},
      {"pg_backup_next_due_timestamp_seconds" + app, "1795230900"},
      {"pg_backup_running" + app, "1"},
      {"pg_backup_running_since_timestamp_seconds" + app, "1795317300"},
      {"pg_backup_running_bytes" + app, "7"},
      {"pg_backup_running_estimated_bytes" + app, "70"},
      {"pg_backup_runs_total" + of_app("result=\"success\""), "5"},
      {"pg_backup_runs_total" + of_app("result=\"failure\""), "1"},
      {"pg_backup_runs_total" + of_app("result=\"refused\""), "1"},
      {"pg_backup_last_stage_seconds" + of_app("stage=\"read\""), "1"},
      {"pg_backup_last_stage_seconds" + of_app("stage=\"pack\""), "2.5"},
      {"pg_backup_last_stage_seconds" + of_app("stage=\"store\""), "3"},
      {"pg_backup_last_stage_seconds" + of_app("stage=\"commit\""), "0.25"},
      {"pg_backup_unlisted_databases", "0"},
      {"pg_backup_wal_connected", "1"},
      {"pg_backup_wal_stored_position_bytes", "83886080"},
      {"pg_backup_wal_lag_bytes", "1048576"},
      {"pg_backup_wal_lag_seconds", "7"},
      {"pg_backup_wal_slot_bytes", "17825792"},
      {"pg_backup_wal_gap", "0"},
      {"pg_backup_healthy", "1"},
      {"process_start_time_seconds", "1795144500"},
      {"pg_backup_s3_clock_difference_seconds", "900"},
      {"pg_backup_build_info{version=\"" PROJECT_VERSION "\"}", "1"},
      {"pg_backup_s3_requests_total{operation=\"PutObject\",status=\"2xx\"}", "3"},
      {"pg_backup_s3_requests_total{operation=\"UploadPart\",status=\"none\"}", "1"},
      {"pg_backup_s3_retries_total{cause=\"throttled\"}", "4"}};
  CHECK(series_of(families) == expected);
  CHECK(bad_names(families, "pg_backup_").empty());
}

TEST_CASE("What is not known has no series, and counts begin with 0") {
  const auto series = series_of(
      backup_metrics({.now = kStart,
                      .states = {{.job = kBackupJob, .group = db("new"), .destination = {}}},
                      .program = {{}, {}, kStart}}));
  const std::map<std::string, std::string> expected = {
      {"pg_backup_consecutive_failures{database=\"new\"}", "0"},
      {"pg_backup_running{database=\"new\"}", "0"},
      {"pg_backup_runs_total{database=\"new\",result=\"success\"}", "0"},
      {"pg_backup_runs_total{database=\"new\",result=\"failure\"}", "0"},
      {"pg_backup_runs_total{database=\"new\",result=\"refused\"}", "0"},
      {"pg_backup_unlisted_databases", "0"},
      {"pg_backup_healthy", "0"},
      {"process_start_time_seconds", "1795144500"},
      {"pg_backup_build_info{version=\"" PROJECT_VERSION "\"}", "1"}};
  CHECK(series == expected);
}

TEST_CASE("After a start the newest backup of the store stands for the last run") {
  const auto series = series_of(backup_metrics(
      {.now = kStart,
       .states = {
           {.job = kBackupJob, .group = db("app"), .destination = {}, .last_success = kStart}}}));
  CHECK(series.at("pg_backup_last_run_timestamp{database=\"app\"}") == "1795144500");
  CHECK(series.at("pg_backup_last_exit_code{database=\"app\"}") == "0");
  CHECK_FALSE(series.contains("pg_backup_last_duration_seconds{database=\"app\"}"));
}

TEST_CASE("Several destinations are told apart, and the group of a server has its own name") {
  const auto series = series_of(backup_metrics(
      {.now = kStart,
       .states = {eventful(Group::cluster(), "dir"), eventful(Group::cluster(), "s3"),
                  eventful(Group::globals(), "s3")},
       .wal = {streaming("dir"), streaming("s3")}}));
  for (const auto* const name : {"pg_backup_last_bytes{database=\"_cluster\",destination=\"dir\"}",
                                 "pg_backup_last_bytes{database=\"_cluster\",destination=\"s3\"}",
                                 "pg_backup_last_bytes{database=\"_globals\",destination=\"s3\"}",
                                 "pg_backup_wal_lag_bytes{destination=\"dir\"}",
                                 "pg_backup_wal_lag_bytes{destination=\"s3\"}"}) {
    CHECK(series.contains(name));
  }
}

TEST_CASE("Verifications have metrics of their own, and are no backups") {
  RunState verified = eventful(db("app"), "");
  verified.job = kVerifyJob;
  const std::map<std::string, std::string> expected = {
      {"pg_backup_verification_last_success_timestamp_seconds{database=\"app\"}", "1795144500"},
      {"pg_backup_verification_last_failure_timestamp_seconds{database=\"app\"}", "1795230900"},
      {"pg_backup_verification_consecutive_failures{database=\"app\"}", "2"},
      {"pg_backup_verification_next_due_timestamp_seconds{database=\"app\"}", "1795230900"},
      {"pg_backup_unlisted_databases", "0"},
      {"pg_backup_healthy", "0"},
      {"process_start_time_seconds", "0"},
      {"pg_backup_build_info{version=\"" PROJECT_VERSION "\"}", "1"}};
  CHECK(series_of(backup_metrics({.now = kStart, .states = {verified}})) == expected);
}

TEST_CASE("Streams of WAL and other jobs are no backups") {
  const auto series = series_of(backup_metrics(
      {.now = kStart,
       .states = {{.job = "WAL streaming", .group = Group::cluster(), .destination = {}}}}));
  CHECK_FALSE(series.contains("pg_backup_running{database=\"_cluster\"}"));
}

TEST_CASE("A stream without a connection says since when, and no positions that it does not know") {
  WalStatus status{.begun = kStart};
  auto series = series_of(backup_metrics({.now = kStart + seconds(90), .wal = {status}}));
  CHECK(series.at("pg_backup_wal_connected") == "0");
  CHECK(series.at("pg_backup_wal_lag_seconds") == "90");
  CHECK_FALSE(series.contains("pg_backup_wal_stored_position_bytes"));
  CHECK_FALSE(series.contains("pg_backup_wal_lag_bytes"));
  CHECK_FALSE(series.contains("pg_backup_wal_slot_bytes"));
  status = streaming("");
  status.waiting_since.reset();
  status.stored = status.confirmed = {0x6000000};  // more than the server has said so far
  status.gap_found = kStart;
  series = series_of(backup_metrics({.now = kStart - seconds(5), .wal = {status}}));
  CHECK(series.at("pg_backup_wal_lag_seconds") == "0");
  CHECK(series.at("pg_backup_wal_lag_bytes") == "0");
  CHECK(series.at("pg_backup_wal_slot_bytes") == "0");
  CHECK(series.at("pg_backup_wal_gap") == "1");
}

TEST_CASE("A server of hostile names gets its series, and the text stays one that can be read") {
  const std::vector<std::string> names = {
      "a\"} 1\npg_backup_healthy 0", "\\", "\xFF\xFE", "\n", "{}", " "};
  std::vector<RunState> states;
  for (const std::string& name : names) states.push_back(eventful(db(name), ""));
  const std::string text = format_metrics(backup_metrics({.now = kStart, .states = states}));
  CHECK(contains(text, "{database=\"a\\\"} 1\\npg_backup_healthy 0\"}"));
  size_t lines = 0;
  for (size_t at = text.find("\npg_backup_healthy"); at != std::string::npos;
       at = text.find("\npg_backup_healthy", at + 1)) {
    ++lines;
  }
  CHECK(lines == 1);
}

/// The most that there can be of everything, but for `groups` groups.
BackupFacts most(size_t groups) {
  BackupFacts facts{.now = kStart, .program = {{.is_good = true}, {}, kStart}};
  for (size_t i = 0; i < groups; ++i) {
    for (const auto* const destination : {"dir", "s3"}) {
      facts.states.push_back(eventful(db(fmt::format("db{:05}", i)), destination));
      facts.states.push_back(facts.states.back());
      facts.states.back().job = kVerifyJob;
    }
  }
  facts.wal = {streaming("dir"), streaming("s3")};
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

TEST_CASE("However many databases there are, the series are bounded as the documentation says") {
  const size_t of_program = count_series(backup_metrics(most(0)));
  CHECK(of_program <= 170);
  CHECK(count_series(backup_metrics(most(1))) - of_program == size_t{2} * 24);
  const auto families = backup_metrics(most(kMostMetricGroups + 7));
  CHECK(count_series(families) == of_program + kMostMetricGroups * 2 * 24);
  const auto series = series_of(families);
  CHECK(series.at("pg_backup_unlisted_databases") == "7");
  CHECK(series.contains("pg_backup_running{database=\"db00999\",destination=\"s3\"}"));
  CHECK_FALSE(series.contains("pg_backup_running{database=\"db01000\",destination=\"dir\"}"));
  CHECK(series_of(backup_metrics(most(kMostMetricGroups))).at("pg_backup_unlisted_databases") ==
        "0");
}

TEST_CASE("What is handed over after a run says how the run was, by another name", "[readme]") {
  const auto series = series_of(backup_metrics(
      {.now = kStart, .program = {{.is_good = true, .is_of_run = true}, {}, kStart}}));
  CHECK(series.at("pg_backup_last_run_succeeded") == "1");
  CHECK_FALSE(series.contains("process_start_time_seconds"));  // it would clash
  CHECK_FALSE(series.contains("pg_backup_healthy"));
  std::ifstream file(std::string(SOURCE_DIR) + "/docs/notifications.md", std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  CHECK(contains(page, "`pg_backup_last_run_succeeded`"));
}

TEST_CASE("Every metric of pg-backup is documented with its meaning", "[readme]") {
  std::ifstream file(std::string(SOURCE_DIR) + "/docs/monitoring.md", std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const MetricFamily& family : backup_metrics(most(1))) {
    CAPTURE(family.name);
    CHECK(contains(page, "| `" + family.name + "` | "));
  }
}

}  // namespace
}  // namespace pgbackup
