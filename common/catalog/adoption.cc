#include "common/catalog/adoption.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/error.h"

namespace pgbackup {

std::string format_not_adopted(const std::map<Layout, size_t>& counts) {
  std::vector<std::string> seen;
  seen.reserve(counts.size());
  for (const auto& [layout, count] : counts) {
    seen.push_back(fmt::format("{} of the form {}", count, layout_name(layout)));
  }
  return fmt::format("{}", fmt::join(seen, ", "));
}

void log_not_adopted(const std::map<Layout, size_t>& counts, Log& log) {
  if (counts.empty()) return;
  log.info("ignored objects of older systems; set ADOPT_LAYOUTS to adopt them",
           {{"objects", format_not_adopted(counts)}});
}

std::vector<Option> adoption_options(AdoptionConfig& config) {
  return {
      {.name = "ADOPT_LAYOUTS",
       .value = &config.layouts,
       .help = "Backups of older systems that count as well: all, or a comma list of backup-time, "
               "db-time-hash, db-folder, date-folders (docs/migration.md).",
       .default_note = "none"},
      {.name = "ADOPT_DATABASE",
       .value = &config.adoption.database,
       .help = "The database of adopted backups whose names do not tell it."},
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
