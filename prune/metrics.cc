#include "prune/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "common/service/run_metrics.h"
#include "prune/job.h"

namespace pgbackup {
namespace {

constexpr std::string_view kMetricPrefix = "pg_prune_";

using Summaries = std::map<std::string, PruneSummary>;

template <class Number>
std::optional<double> number(Number count) {
  return static_cast<double>(count);
}

bool is_frozen_by(const GroupSummary& group, Guard guard) {
  return std::find(group.frozen_by.begin(), group.frozen_by.end(), guard) != group.frozen_by.end();
}

constexpr std::array<RowMetric<GroupSummary>, 16> kGroupMetrics = {{
    {"newest_backup_timestamp_seconds",
     "When the newest complete backup began that is neither damaged, found bad by a verification, "
     "nor dated in the future.",
     [](const GroupSummary& group) {
       return group.newest ? std::optional(metric_time(*group.newest)) : std::nullopt;
     }},
    {"next_backup_due_timestamp_seconds",
     "When the next backup is due, as the manifest of the newest one says.",
     [](const GroupSummary& group) {
       return group.next_due ? std::optional(metric_time(*group.next_due)) : std::nullopt;
     }},
    {"newest_backup_bytes", "Bytes in the store of that backup.",
     [](const GroupSummary& group) {
       return group.newest ? number(group.newest_bytes) : std::nullopt;
     }},
    {"backups", "Complete backups that the last run kept.",
     [](const GroupSummary& group) { return number(group.backups); }},
    {"backups_bytes", "Bytes in the store of these backups.",
     [](const GroupSummary& group) { return number(group.bytes); }},
    {"damaged_backups", "Backups that lack what their manifest names.",
     [](const GroupSummary& group) { return number(group.damaged); }},
    {"suspect_backups", "1 while the newest backup is suspiciously small, else 0.",
     [](const GroupSummary& group) { return number(is_frozen_by(group, Guard::suspect) ? 1 : 0); }},
    {"backdated_backups", "Backups that were stored long after their date.",
     [](const GroupSummary& group) { return number(group.backdated); }},
    {"failed_backups", "Backups whose last verification has failed.",
     [](const GroupSummary& group) { return number(group.failed); }},
    {"newest_verified_backup_timestamp_seconds",
     "When the newest backup began whose last verification has passed.",
     [](const GroupSummary& group) {
       return group.newest_verified ? std::optional(metric_time(*group.newest_verified))
                                    : std::nullopt;
     }},
    {"last_verification_timestamp_seconds",
     "When a backup that is still there was last verified, and passed.",
     [](const GroupSummary& group) {
       return group.last_verified ? std::optional(metric_time(*group.last_verified)) : std::nullopt;
     }},
    {"held_backups", "Backups with a hold.",
     [](const GroupSummary& group) { return number(group.held); }},
    {"locked_backups", "Backups that no rule keeps, but a lock of the store does.",
     [](const GroupSummary& group) { return number(group.locked); }},
    {"orphaned_backups",
     "Backups without a manifest that the last run left, although they are old.",
     [](const GroupSummary& group) { return number(group.orphaned); }},
    {"backups_in_progress", "Backups without a manifest that their writer may still complete.",
     [](const GroupSummary& group) { return number(group.in_progress); }},
    {"unfinished_uploads", "Uploads that were begun and not ended, and that the last run left.",
     [](const GroupSummary& group) { return number(group.unfinished); }},
}};

constexpr std::array<RowMetric<PruneSummary>, 8> kSummaryMetrics = {{
    {"last_listing_timestamp_seconds",
     "When the store was last listed: what is said of the databases is as of then.",
     [](const PruneSummary& summary) { return std::optional(metric_time(summary.listed)); }},
    {"last_run_kept_backups", "Complete backups that the last run kept.",
     [](const PruneSummary& summary) { return number(summary.kept); }},
    {"last_run_deleted_backups", "Backups that the last run deleted.",
     [](const PruneSummary& summary) { return number(summary.removed); }},
    {"last_run_swept_objects", "Orphaned backups and unfinished uploads that the last run deleted.",
     [](const PruneSummary& summary) { return number(summary.swept); }},
    {"last_run_deleted_wal_objects", "Objects of write-ahead logs that the last run deleted.",
     [](const PruneSummary& summary) { return number(summary.wal_removed); }},
    {"last_run_freed_bytes", "Bytes of everything that the last run deleted.",
     [](const PruneSummary& summary) { return number(summary.freed_bytes); }},
    {"wal_objects", "Objects of write-ahead logs that the last run kept.",
     [](const PruneSummary& summary) { return number(summary.wal_objects); }},
    {"wal_bytes", "Bytes in the store of these objects.",
     [](const PruneSummary& summary) { return number(summary.wal_bytes); }},
}};

std::vector<MetricFamily> group_families(const Summaries& summaries) {
  std::vector<LabeledRow<GroupSummary>> rows;
  for (const auto& [destination, summary] : summaries) {
    for (const GroupSummary& group : summary.groups) {
      rows.push_back({place_labels(group.group, destination), &group});
    }
  }
  return table_metrics(kMetricPrefix, kGroupMetrics, rows);
}

/// Returns which groups are frozen by which guard: a series for each guard that objects.
MetricFamily frozen_family(const Summaries& summaries) {
  MetricFamily family{.name = fmt::format("{}frozen", kMetricPrefix),
                      .help = "1 for each guard because of which nothing is deleted."};
  for (const auto& [destination, summary] : summaries) {
    for (const GroupSummary& group : summary.groups) {
      for (const Guard guard : group.frozen_by) {
        MetricLabels labels = place_labels(group.group, destination);
        labels.emplace_back("guard", guard_name(guard));
        family.samples.push_back({.labels = std::move(labels), .value = 1});
      }
    }
  }
  return family;
}

/// Returns how many groups each guard freezes, 0 included, so that an alert can be tested.
MetricFamily frozen_count_family(const Summaries& summaries) {
  MetricFamily family{.name = fmt::format("{}frozen_databases", kMetricPrefix),
                      .help = "Databases of which nothing is deleted, by guard."};
  for (const auto& [destination, summary] : summaries) {
    for (const Guard guard : kGuards) {
      MetricLabels labels = place_labels({}, destination);
      labels.emplace_back("guard", guard_name(guard));
      const auto found = summary.frozen.find(guard);
      const size_t count = found == summary.frozen.end() ? 0 : found->second;
      family.samples.push_back({.labels = std::move(labels), .value = static_cast<double>(count)});
    }
  }
  return family;
}

std::vector<MetricFamily> summary_families(const Summaries& summaries) {
  std::vector<LabeledRow<PruneSummary>> rows;
  for (const auto& [destination, summary] : summaries) {
    rows.push_back({place_labels({}, destination), &summary});
  }
  return table_metrics(kMetricPrefix, kSummaryMetrics, rows);
}

size_t count_unlisted(const Summaries& summaries) {
  size_t most = 0;
  for (const auto& [destination, summary] : summaries) most = std::max(most, summary.unlisted);
  return most;
}

}  // namespace

std::vector<MetricFamily> prune_metrics(PruneFacts facts) {
  std::erase_if(facts.states, [](const RunState& state) { return state.job != kPruneJob; });
  std::vector<MetricFamily> families = run_metrics(kMetricPrefix, facts.states);
  families.push_back(frozen_family(facts.summaries));
  families.push_back(frozen_count_family(facts.summaries));
  families.push_back(unlisted_family(kMetricPrefix, count_unlisted(facts.summaries)));
  for (std::vector<MetricFamily>& more :
       std::array{group_families(facts.summaries), summary_families(facts.summaries),
                  program_metrics(kMetricPrefix, facts.program)}) {
    std::move(more.begin(), more.end(), std::back_inserter(families));
  }
  return families;
}

}  // namespace pgbackup
