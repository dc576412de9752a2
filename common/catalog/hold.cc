#include "common/catalog/hold.h"

#include <fmt/format.h>

#include <functional>
#include <string>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/catalog/backup_name.h"
#include "common/catalog/key_grammar.h"
#include "common/store/store.h"

namespace pgbackup {
namespace {

/// Returns the directory of the backup that `name` means.
std::string folder_of(const Destinations& destinations, std::string_view name) {
  const BackupName one = complete_backup_name(destinations, parse_backup_name(name).value());
  return backup_folder(one.group, one.id);
}

/// Calls `act` for each destination with the backup's directory. Succeeds when one of them returns
/// true.
void in_any_target(const Destinations& destinations, std::string_view name,
                   const std::string& missing,
                   const std::function<bool(const Destination&, const std::string&)>& act) {
  const std::string folder = folder_of(destinations, name);
  bool is_found = false;
  const std::vector<DestinationFailure> failures =
      for_each_destination(destinations, [&](const Destination& destination) {
        if (act(destination, folder)) is_found = true;
      });
  if (!failures.empty()) throw join_failures(failures);
  if (!is_found) {
    throw Error(ErrorKind::not_found, missing, "pg-backup list shows the backups and their holds");
  }
}

/// Calls `act` for each destination in which the backup is held, at least one.
void in_held_targets(const Destinations& destinations, std::string_view name,
                     const std::function<void(const Destination&, const std::string&)>& act) {
  const std::string missing = fmt::format("'{}' is not held", printable(name));
  in_any_target(destinations, name, missing,
                [&](const Destination& destination, const std::string& folder) {
                  if (!is_listed(destination.store(), fmt::format("{}/{}", folder, kHoldName)))
                    return false;
                  act(destination, folder);
                  return true;
                });
}

LogFields fields_of(const Destination& destination, const std::string& folder) {
  const size_t slash = folder.rfind('/');
  return {{"backup", destination.store().location(folder)},
          {"database", decode_group(folder.substr(0, slash)).value_or(Group()).name()},
          {"run", folder.substr(slash + 1)}};
}

}  // namespace

void hold_backup(const Destinations& destinations, std::string_view name, const Clock& clock,
                 Log& log) {
  const std::string missing = fmt::format("there is no complete backup '{}'", printable(name));
  in_any_target(
      destinations, name, missing, [&](const Destination& destination, const std::string& folder) {
        Store& store = destination.store();
        const std::string manifest = fmt::format("{}/{}", folder, kManifestName);
        if (!is_listed(store, manifest)) return false;
        const std::string key = fmt::format("{}/{}", folder, kHoldName);
        if (is_listed(store, key)) {
          log.info("held already", fields_of(destination, folder));
          return true;
        }
        store.put(key, fmt::format("held since {}\n", format_iso(clock.now())));
        // pg-prune looks for holds right before it deletes a manifest.
        if (!is_listed(store, manifest)) return false;
        log.info("held: pg-prune keeps it until it is released", fields_of(destination, folder));
        return true;
      });
}

void release_backup(const Destinations& destinations, std::string_view name, Log& log) {
  in_held_targets(
      destinations, name, [&](const Destination& destination, const std::string& folder) {
        // All versions of the hold are deleted, where the store is configured so.
        const std::vector<std::string> keys = {fmt::format("{}/{}", folder, kHoldName)};
        const std::vector<RemovalFailure> failures = destination.store().remove_all(keys);
        if (!failures.empty()) throw Error(failures.front().error);
        log.info("released: the retention rules apply to it again", fields_of(destination, folder));
      });
}

void preview_release(const Destinations& destinations, std::string_view name, Log& log) {
  in_held_targets(destinations, name,
                  [&](const Destination& destination, const std::string& folder) {
                    log.info("dry run: it would be released", fields_of(destination, folder));
                  });
}

}  // namespace pgbackup
