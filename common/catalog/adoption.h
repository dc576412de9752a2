// Which backups of older systems count beside ours: those that the user chooses, and none by
// default.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/options.h"
#include "common/catalog/old_layouts.h"

namespace pgbackup {

struct Adoption {
  std::set<Layout> layouts;
  std::string database;  ///< the database of those that name none; empty: unknown
};

struct AdoptionConfig {
  std::string layouts;  ///< ADOPT_LAYOUTS as text
  Adoption adoption;
};

/// Returns `2 of the form db-folder, 1 of the form backup-time`.
[[nodiscard]] std::string format_not_adopted(const std::map<Layout, size_t>& counts);

/// Logs how many objects of older systems were found and do not count, by their form: whoever moves
/// here wants to know.
void log_not_adopted(const std::map<Layout, size_t>& counts, Log& log);

/// Returns rows of the option table. The rows point into `config`, which must outlive them.
[[nodiscard]] std::vector<Option> adoption_options(AdoptionConfig& config);

/// Completes `config` after parsing and appends what is wrong, one sentence each.
void check_adoption(AdoptionConfig& config, std::vector<std::string>& problems);

}  // namespace pgbackup
