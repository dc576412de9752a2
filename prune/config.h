// The settings of pg-prune: the rows of its option table, and the checks that need more than one
// row. Reads no environment and no files: common/base/options.h does.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/options.h"
#include "common/base/secret.h"
#include "common/catalog/adoption.h"
#include "common/service/program.h"
#include "common/service/report_config.h"
#include "common/service/schedule_config.h"
#include "common/store/store_config.h"
#include "prune/page/model.h"
#include "prune/plan.h"

namespace pgbackup {

/// Says who may read the status port.
struct AccessConfig {
  std::string user{};
  Secret password{};
  bool is_public = false;
};

struct PruneConfig {
  StoreConfig store;
  AdoptionConfig adoption;
  ServiceConfig service{.health_socket = "pg-prune"};
  ReportConfig reports{.metrics_job = "pg_prune"};
  Rules rules{.retention = {}, .sweep_after = std::chrono::days(7)};
  /// Holds the schedule; the zone in it is also that of calendar periods and of timestamps without
  /// a zone.
  ScheduleConfig timing{.interval = std::chrono::hours(1)};
  std::string max_remove;  ///< PRUNE_MAX_REMOVE as text
  bool dry_run = false;
  bool json = false;
  AccessConfig access{};
};

/// Returns the command line of pg-prune. The result points into `config`, which must outlive it.
[[nodiscard]] CommandLine prune_command_line(PruneConfig& config);

/// Completes `config` after parsing, and adds one sentence to the problems of `parsed` for each
/// setting that is missing or contradictory.
void check_prune_config(PruneConfig& config, ParsedOptions& parsed);

/// Returns the settings that decide what is deleted, defaults included, as the status page shows
/// them.
[[nodiscard]] PageSettings rules_in_force(const PruneConfig& config);

/// Returns the rules_in_force(), one per line.
[[nodiscard]] std::string format_rules(const PruneConfig& config);

/// Returns a warning when several rules are set and the name of one of them sounds like an upper
/// limit.
[[nodiscard]] std::optional<std::string> rules_warning(const ParsedOptions& parsed);

}  // namespace pgbackup
