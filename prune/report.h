// A plan and its outcome as text: tables for people, one JSON object per line for programs.
#pragma once

#include <span>
#include <string>

#include "common/store/destinations.h"
#include "prune/execute.h"
#include "prune/plan.h"

namespace pgbackup {

/// `s3: s3://bucket/prefix/`, above the tables of one of several destinations.
[[nodiscard]] std::string format_heading(const Destination& destination);

/// The steps of one group of `plan`: its name, a heading, a line per step, and why it is frozen.
[[nodiscard]] std::string format_group_table(std::span<const Step> steps, const Plan& plan);

/// `{"action","group","id","key","time","bytes","reasons"}` and a newline. The key is that of the
/// manifest; of an older system's backup its own; of a folder that is swept with a slash at its
/// end; of an unfinished write the object's. Where there are several destinations, `"from"` says
/// which it is.
[[nodiscard]] std::string format_json_line(const Step& step, const Plan& plan,
                                           const Destination& destination);

/// `keep 3 backups, remove 2 (1.5 GiB), sweep 1 leftover (0 B)`
[[nodiscard]] std::string format_plan_summary(const Plan& plan);
/// `removed 2 backups, swept 1 leftover, freed 1.5 GiB`
[[nodiscard]] std::string format_outcome(const Outcome& outcome);

}  // namespace pgbackup
