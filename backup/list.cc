#include "backup/list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "backup/progress.h"
#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/units.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

std::vector<std::string> notes(const ListedBackup& listed) {
  if (!listed.manifest) return {listed.problem};
  return listed.manifest->warnings;
}

ListedBackup describe(const StoreTarget& target, Backup backup) {
  ListedBackup listed{.backup = std::move(backup),
                      .manifest = {},
                      .problem = {},
                      .key = {},
                      .target = target.name()};
  Store& store = target.store();
  const std::string data = dump_file_name(listed.backup.group);
  listed.key = store.full_key(listed.backup.key_of(data));
  try {
    listed.manifest = read_manifest(store, listed.backup);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled || error.kind() == ErrorKind::transient) throw;
    listed.problem = error.message();
  }
  return listed;
}

}  // namespace

Listing list_backups(const Targets& targets) {
  std::vector<ListedBackup> listed;
  std::vector<TargetFailure> failures = for_each_target(targets, [&](const StoreTarget& target) {
    std::vector<ListedBackup> here;
    for (Backup& backup : read_catalog(target.store())) {
      if (backup.complete) here.push_back(describe(target, std::move(backup)));
    }
    std::move(here.begin(), here.end(), std::back_inserter(listed));
  });
  std::stable_sort(listed.begin(), listed.end(), [](const ListedBackup& a, const ListedBackup& b) {
    return std::tie(a.backup.group, a.backup.id) < std::tie(b.backup.group, b.backup.id);
  });
  return {std::move(listed), std::move(failures)};
}

std::string format_backup_table(const std::vector<ListedBackup>& backups) {
  if (backups.empty()) return "no backups yet\n";
  size_t width = std::string_view("DATABASE").size();
  for (const ListedBackup& listed : backups) width = std::max(width, listed.backup.group.size());
  const bool has_targets = !backups.front().target.empty();
  const auto column = [&](std::string_view target) {
    return has_targets ? fmt::format("  {:<4}", target) : std::string();
  };
  std::string table = fmt::format("{:<{}}  {:<25}  {:<20}  {:>10}{}  NOTE\n", "DATABASE", width,
                                  "ID", "TIME", "SIZE", column("FROM"));
  for (const ListedBackup& listed : backups) {
    const Backup& backup = listed.backup;
    std::string line = fmt::format("{:<{}}  {:<25}  {:<20}  {:>10}{}  {}", printable(backup.group),
                                   width, backup.id, format_iso(backup.time),
                                   format_bytes(backup.bytes), column(listed.target),
                                   printable(fmt::format("{}", fmt::join(notes(listed), "; "))));
    line.erase(line.find_last_not_of(' ') + 1);
    table += line + "\n";
  }
  return table;
}

std::string format_backup_json(const std::vector<ListedBackup>& backups) {
  std::string lines;
  for (const ListedBackup& listed : backups) {
    const Backup& backup = listed.backup;
    nlohmann::ordered_json line = {{"group", backup.group},
                                   {"id", backup.id},
                                   {"time", format_iso(backup.time)},
                                   {"kind", listed.manifest ? listed.manifest->kind : "dump"},
                                   {"bytes", backup.bytes},
                                   {"key", listed.key}};
    if (!listed.target.empty()) line["from"] = listed.target;
    const std::vector<std::string> warnings = notes(listed);
    if (!warnings.empty()) line["warnings"] = warnings;
    lines += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace pgbackup
