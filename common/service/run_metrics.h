// What both programs show of themselves: how the runs of their jobs went, and what they asked of
// the store. Pure.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/group.h"
#include "common/http/request_counter.h"
#include "common/service/metrics.h"
#include "common/service/run_state.h"

namespace pgbackup {

/// Says whether all is well, or was: what a scrape asks, and what is handed over after a run.
struct Verdict {
  bool is_good = false;
  bool is_of_run = false;  ///< of the last run as a whole; else what `health` says now
};

/// Returns the time as metrics have it: seconds since 1970.
[[nodiscard]] double metric_time(UtcTime time);

/// Returns the labels of a group in a destination, each only where there is one: a group without a
/// name, and the only destination, have none.
[[nodiscard]] MetricLabels place_labels(const Group& group, std::string_view destination);

/// Says how one family is read out of a row; nullopt: the row has no such sample.
template <class Row>
struct RowMetric {
  std::string_view name;
  std::string_view help;
  std::optional<double> (*value)(const Row& row);
};

/// Holds what has samples in each family of a table.
template <class Row>
struct LabeledRow {
  MetricLabels labels;
  const Row* row;  ///< must outlive the object
};

/// Returns the gauges of a table, a family for each of `metrics`. Each name begins with `prefix`.
template <class Row, size_t kCount>
[[nodiscard]] std::vector<MetricFamily> table_metrics(
    std::string_view prefix, const std::array<RowMetric<Row>, kCount>& metrics,
    const std::vector<LabeledRow<Row>>& rows) {
  std::vector<MetricFamily> families;
  for (const RowMetric<Row>& metric : metrics) {
    MetricFamily& family = families.emplace_back();
    family.name = std::string(prefix) + std::string(metric.name);
    family.help = metric.help;
    for (const LabeledRow<Row>& one : rows) {
      const std::optional<double> value = metric.value(*one.row);
      if (value) family.samples.push_back({.labels = one.labels, .value = *value});
    }
  }
  return families;
}

/// Drops the states of all groups but the first kMostMetricGroups. Returns how many groups that
/// are.
[[nodiscard]] size_t limit_groups(std::vector<RunState>& states);

/// Returns the family `{prefix}unlisted_databases`, about groups without series of their own.
[[nodiscard]] MetricFamily unlisted_family(std::string_view prefix, size_t count);

/// Returns what `states`, those of one job, say. Each name begins with `prefix`.
[[nodiscard]] std::vector<MetricFamily> run_metrics(std::string_view prefix,
                                                    std::span<const RunState> states);

/// Holds what belongs to the program itself.
struct ProgramFacts {
  Verdict verdict{};
  RequestCounts requests{};
  UtcTime started{};  ///< when the process began
};

/// Returns whether the program is well, its version, its requests and its start. The start is no
/// part of what is handed over after a run: its name, which is the same in every program, would
/// clash with that of the gateway or of node_exporter.
[[nodiscard]] std::vector<MetricFamily> program_metrics(std::string_view prefix,
                                                        const ProgramFacts& facts);

}  // namespace pgbackup
