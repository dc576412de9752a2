// What both programs show of themselves: how the runs of their jobs went, and what they asked of
// the store. Pure.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/group.h"
#include "common/http/request_counter.h"
#include "common/service/metrics.h"
#include "common/service/run_state.h"

namespace pgbackup {

/// Returns the time as metrics have it: seconds since 1970.
[[nodiscard]] double metric_time(UtcTime time);

/// Returns the labels of a group in a destination, each only where there is one: a group without a
/// name, and the only destination, have none.
[[nodiscard]] MetricLabels place_labels(const Group& group, std::string_view destination);

/// Drops the states of all groups but the first kMostMetricGroups. Returns how many groups that
/// are.
[[nodiscard]] size_t limit_groups(std::vector<RunState>& states);

/// Returns the family `{prefix}unlisted_databases`, about groups without series of their own.
[[nodiscard]] MetricFamily unlisted_family(std::string_view prefix, size_t count);

/// Returns what `states`, those of one job, say. Each name begins with `prefix`.
[[nodiscard]] std::vector<MetricFamily> run_metrics(std::string_view prefix,
                                                    std::span<const RunState> states);

/// Returns what belongs to the program itself: whether it is well, its version, its requests.
[[nodiscard]] std::vector<MetricFamily> program_metrics(std::string_view prefix, bool is_well,
                                                        const RequestCounts& counts);

}  // namespace pgbackup
