// A plan and its outcome as text: tables for people, one JSON object per line for programs.
#pragma once

#include <span>
#include <string>

#include "common/store/destinations.h"
#include "prune/execute.h"
#include "prune/plan.h"

namespace pgbackup {

/// Returns a heading such as `s3: s3://bucket/prefix/`, for the tables of one of several
/// destinations.
[[nodiscard]] std::string format_heading(const Destination& destination);

/// Returns the table for `steps`, those of one group of `plan`: the group's name, a heading, a line
/// per step, and why the group is frozen.
[[nodiscard]] std::string format_group_table(std::span<const Step> steps, const Plan& plan);

/// Returns `{"action","group","id","key","time","bytes","reasons"}` and a newline; "action" is
/// `keep`, `remove` or `sweep`. The key is that of the manifest; for a backup of an older system,
/// that of its file; for a backup without a manifest, its prefix with a slash at the end; for an
/// unfinished write, that of the object. Where there are several destinations, `"from"` names the
/// destination.
[[nodiscard]] std::string format_json_line(const Step& step, const Plan& plan,
                                           const Destination& destination);

/// Returns `keep 3 backups, delete 2 (1.5 GiB), sweep 1 orphaned object (0 B)`.
[[nodiscard]] std::string format_plan_summary(const Plan& plan);
/// Returns `deleted 2 backups, swept 1 orphaned object, freed 1.5 GiB`.
[[nodiscard]] std::string format_outcome(const Outcome& outcome);

}  // namespace pgbackup
