#include "backup/metrics.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "common/service/run_metrics.h"

namespace pgbackup {
namespace {

constexpr std::string_view kMetricPrefix = "pg_backup_";

/// Holds the status of a stream as of a time.
struct WalRow {
  const WalStatus& status;
  UtcTime now;
};

/// Returns how many bytes `end` is ahead; nullopt where one of the positions is not known.
std::optional<double> distance(Lsn begin, Lsn end) {
  if (begin == Lsn{} || end == Lsn{}) return std::nullopt;
  return end > begin ? static_cast<double>(end.value - begin.value) : 0.0;
}

constexpr std::array<RowMetric<WalRow>, 6> kWalMetrics = {{
    {"wal_connected", "1 while the stream is connected to the server, else 0.",
     [](const WalRow& row) -> std::optional<double> { return row.status.connected_since ? 1 : 0; }},
    {"wal_stored_position_bytes", "Position (LSN) up to which the WAL is stored.",
     [](const WalRow& row) -> std::optional<double> {
       if (row.status.stored == Lsn{}) return std::nullopt;
       return static_cast<double>(row.status.stored.value);
     }},
    {"wal_lag_bytes", "WAL of the server that is not stored, as of the server's last message.",
     [](const WalRow& row) { return distance(row.status.stored, row.status.server_end); }},
    {"wal_lag_seconds", "How long WAL has waited to be stored, or the stream has failed.",
     [](const WalRow& row) -> std::optional<double> {
       const std::optional<UtcTime> since = trouble_since(row.status);
       if (!since) return 0;
       return static_cast<double>(std::max<UtcTime::rep>((row.now - *since).count(), 0));
     }},
    {"wal_slot_bytes", "WAL that the server keeps for the slot, as of the server's last message.",
     [](const WalRow& row) { return distance(row.status.confirmed, row.status.server_end); }},
    {"wal_gap", "1 while WAL is missing that no newer base backup bridges, else 0.",
     [](const WalRow& row) -> std::optional<double> { return row.status.gap_found ? 1 : 0; }},
}};

constexpr std::array<RowMetric<RunState>, 4> kVerifyMetrics = {{
    {"verification_last_success_timestamp_seconds",
     "When the last verification of a backup began that has found it good.",
     [](const RunState& state) {
       return state.last_success ? std::optional(metric_time(*state.last_success)) : std::nullopt;
     }},
    {"verification_last_failure_timestamp_seconds",
     "When the last verification of this process began that has failed.",
     [](const RunState& state) {
       return state.last_failure ? std::optional(metric_time(*state.last_failure)) : std::nullopt;
     }},
    {"verification_consecutive_failures",
     "Verifications that have failed since the last one that has not.",
     [](const RunState& state) -> std::optional<double> { return state.failures; }},
    {"verification_next_due_timestamp_seconds",
     "When the next verification is due by VERIFY_SCHEDULE.",
     [](const RunState& state) {
       return state.next_due ? std::optional(metric_time(*state.next_due)) : std::nullopt;
     }},
}};

std::vector<MetricFamily> verify_metrics(std::vector<RunState> states) {
  static_cast<void>(limit_groups(states));
  std::vector<LabeledRow<RunState>> labeled;
  labeled.reserve(states.size());
  for (const RunState& state : states) {
    labeled.push_back({place_labels(state.group, state.destination), &state});
  }
  return table_metrics(kMetricPrefix, kVerifyMetrics, labeled);
}

std::vector<MetricFamily> wal_metrics(const std::vector<WalStatus>& wal, UtcTime now) {
  std::vector<WalRow> rows;
  rows.reserve(wal.size());
  std::vector<LabeledRow<WalRow>> labeled;
  for (const WalStatus& status : wal) {
    rows.push_back({status, now});
    labeled.push_back({place_labels({}, status.destination), &rows.back()});
  }
  return table_metrics(kMetricPrefix, kWalMetrics, labeled);
}

}  // namespace

std::vector<MetricFamily> backup_metrics(BackupFacts facts) {
  std::vector<RunState> verified = facts.states;
  std::erase_if(verified, [](const RunState& state) { return state.job != kVerifyJob; });
  std::erase_if(facts.states, [](const RunState& state) { return state.job != kBackupJob; });
  const size_t unlisted = limit_groups(facts.states);
  std::vector<MetricFamily> families = run_metrics(kMetricPrefix, facts.states);
  families.push_back(unlisted_family(kMetricPrefix, unlisted));
  for (std::vector<MetricFamily>& more :
       std::array{verify_metrics(std::move(verified)), wal_metrics(facts.wal, facts.now),
                  program_metrics(kMetricPrefix, facts.program)}) {
    std::move(more.begin(), more.end(), std::back_inserter(families));
  }
  return families;
}

}  // namespace pgbackup
