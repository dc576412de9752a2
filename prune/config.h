// The settings of pg-prune: its rows of the option table, and what is wrong with their values
// together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/options.h"
#include "common/catalog/adoption.h"
#include "common/service/program.h"
#include "common/service/schedule_config.h"
#include "common/store/store_config.h"
#include "prune/plan.h"

namespace pgbackup {

struct PruneConfig {
  StoreConfig store;
  AdoptionConfig adoption;
  ServiceConfig service{.health_socket = "pg-prune"};
  Rules rules{.retention = {}, .sweep_after = std::chrono::days(7)};
  /// Its zone is also that of calendar periods and of stamps without a zone.
  ScheduleConfig timing{.interval = std::chrono::hours(1)};
  std::string max_remove = "50%";  ///< PRUNE_MAX_REMOVE as text
  bool dry_run = false;
  bool json = false;
};

/// Points into `config`, which must outlive it.
[[nodiscard]] CommandLine prune_command_line(PruneConfig& config);

/// Completes `config` after parsing, and adds to the problems of `parsed` what is missing or
/// contradictory, one sentence each.
void check_prune_config(PruneConfig& config, ParsedOptions& parsed);

/// The settings that decide, one per line, defaults included.
[[nodiscard]] std::string format_rules(const PruneConfig& config);

/// Several rules are set, and one of them has a name that sounds like an upper limit: what to say.
[[nodiscard]] std::optional<std::string> rules_warning(const ParsedOptions& parsed);

}  // namespace pgbackup
