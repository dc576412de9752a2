// What follows a restore: statistics for the planner, which no dump brings, and a count of rows.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "backup/postgres/connection.h"
#include "backup/restore/target_part.h"
#include "common/base/log.h"

namespace pgbackup {

/// Runs ANALYZE for the tables of `part`, or of the whole database where it is nullptr. Warns of a
/// failure: the data is there. Throws `canceled`.
void analyze(const PgConfig& target, const TargetPart* part, const std::stop_token& stop, Log& log);

/// Returns how many rows have been inserted into the tables of `part`, or of the whole database
/// where it is nullptr, since they were made; nullopt where the server does not tell.
[[nodiscard]] std::optional<int64_t> count_rows(const PgConfig& target, const TargetPart* part,
                                                const std::stop_token& stop);

}  // namespace pgbackup
