// The settings of pg-prune: its rows of the option table, and what is wrong with their values
// together.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/base/options.h"
#include "common/service/program.h"
#include "common/store/store_config.h"
#include "prune/plan.h"

namespace pgbackup {

struct PruneConfig {
  StoreConfig store;
  ServiceConfig service{.health_socket = "pg-prune"};
  Rules rules{.retention = {}, .sweep_after = std::chrono::days(7)};
  std::chrono::seconds interval = std::chrono::hours(1);
  bool dry_run = false;
  bool json = false;
};

/// Points into `config`, which must outlive it.
[[nodiscard]] CommandLine prune_command_line(PruneConfig& config);

/// Appends what is missing or contradictory, one sentence each.
void check_prune_config(const PruneConfig& config, const ParsedOptions& parsed,
                        std::vector<std::string>& problems);

}  // namespace pgbackup
