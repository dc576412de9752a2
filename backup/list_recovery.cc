#include "backup/list_recovery.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "backup/physical/base_backups.h"
#include "common/catalog/recovery_text.h"
#include "common/catalog/stored_log.h"

namespace pgbackup {
namespace {

/// Returns the base backups of one destination, by system identifier.
std::map<std::string, std::vector<BaseBackup>> bases_in(const Destination& destination,
                                                        const std::vector<ListedBackup>& backups) {
  std::map<std::string, std::vector<BaseBackup>> bases;
  for (const ListedBackup& listed : backups) {
    const bool counts = listed.destination == destination.name() && listed.manifest &&
                        listed.damage.empty() && listed.backup.group.kind() == GroupKind::cluster;
    if (!counts) continue;
    bases[listed.manifest->system_identifier].push_back(base_of(*listed.manifest));
  }
  return bases;
}

}  // namespace

RecoveryListing list_recovery(const Destinations& destinations,
                              const std::vector<ListedBackup>& backups, Log& log) {
  RecoveryListing listing;
  listing.failures = for_each_destination(destinations, [&](const Destination& destination) {
    for (const auto& [system_id, bases] : bases_in(destination, backups)) {
      StoredLogs logs = read_stored_logs(destination.store(), system_id, log);
      listing.recovery.push_back(
          {system_id, destination.name(), find_recovery(bases, logs[system_id])});
    }
  });
  return listing;
}

std::string format_recovery_table(const std::vector<ListedRecovery>& listed) {
  std::string text;
  for (const ListedRecovery& one : listed) {
    const std::string where = one.destination.empty() ? "" : " in " + one.destination;
    text += fmt::format("\nserver {}{}\n{}", one.system_identifier, where,
                        format_recovery(one.recovery));
  }
  return text;
}

std::string format_recovery_json(const std::vector<ListedRecovery>& listed) {
  std::string lines;
  for (const ListedRecovery& one : listed) {
    nlohmann::ordered_json line = {{"kind", "wal"}, {"server", one.system_identifier}};
    add_recovery(line, one.recovery);
    if (!one.destination.empty()) line["from"] = one.destination;
    lines += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace pgbackup
