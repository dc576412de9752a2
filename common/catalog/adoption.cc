#include "common/catalog/adoption.h"

#include "common/base/error.h"

namespace pgbackup {

std::vector<Option> adoption_options(AdoptionConfig& config) {
  return {
      {.name = "ADOPT_LAYOUTS",
       .target = &config.layouts,
       .help = "Backups of older systems that count as well: all, or a comma list of backup-time, "
               "db-time-hash, db-folder, date-folders (README, Old backups).",
       .default_note = "none"},
      {.name = "ADOPT_DATABASE",
       .target = &config.adoption.database,
       .help = "The database of adopted backups whose names say none."},
  };
}

void check_adoption(AdoptionConfig& config, std::vector<std::string>& problems) {
  try {
    config.adoption.layouts = parse_layouts(config.layouts);
  } catch (const Error& error) {
    problems.push_back(std::string("ADOPT_LAYOUTS: ") + error.message());
  }
}

}  // namespace pgbackup
