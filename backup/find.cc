#include "backup/find.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "common/base/error.h"

namespace pgbackup {
namespace {

using Visit = std::function<void(const StoreTarget&, std::vector<Backup>)>;

/// Calls `visit` for each target that answers, and warns of the others. Throws when none does.
void ask_all(const Targets& targets, std::string_view group, Log& log, const Visit& visit) {
  const std::vector<TargetFailure> failures = for_each_target(
      targets,
      [&](const StoreTarget& target) { visit(target, read_catalog(target.store(), group)); });
  if (failures.size() == targets.size()) throw join_failures(failures);
  for (const auto& [target, error] : failures) {
    LogFields fields;
    if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
    log.warn(fmt::format("{} cannot be asked, so what it holds does not count: {}", target,
                         error.message()),
             fields);
  }
}

std::string wanted(const RestoreRequest& request) {
  return request.id == "latest"
             ? fmt::format("backup of {}", request.database)
             : fmt::format("complete backup {} of {}", request.id, request.database);
}

}  // namespace

std::vector<FoundBackup> find_backups(const Targets& targets, Log& log) {
  std::vector<FoundBackup> found;
  ask_all(targets, "", log, [&](const StoreTarget& target, std::vector<Backup> backups) {
    for (Backup& backup : backups) {
      if (backup.complete) found.push_back({&target, std::move(backup)});
    }
  });
  std::reverse(found.begin(), found.end());
  std::stable_sort(found.begin(), found.end(), [](const FoundBackup& a, const FoundBackup& b) {
    return std::tie(a.backup.group, a.backup.id) < std::tie(b.backup.group, b.backup.id);
  });
  return found;
}

FoundBackup choose_backup(const Targets& targets, const RestoreRequest& request, Log& log) {
  std::optional<FoundBackup> chosen;
  std::vector<std::string> places;
  ask_all(targets, request.database, log,
          [&](const StoreTarget& target, const std::vector<Backup>& backups) {
            places.push_back(target.store().location(""));
            for (const Backup& backup : backups) {
              if (backup.group != request.database || !backup.complete) continue;
              if (request.id != "latest" && request.id != backup.id) continue;
              // Only a newer one: of the same in two targets, the first target's is taken.
              if (!chosen || backup.id > chosen->backup.id) chosen = FoundBackup{&target, backup};
            }
          });
  if (chosen) return *chosen;
  throw Error(ErrorKind::not_found,
              fmt::format("there is no {} in {}", wanted(request), fmt::join(places, " or ")),
              "pg-backup list shows what there is; names are taken literally, with case");
}

NewestStarts newest_starts(const Targets& targets, std::string_view group, Log& log) {
  NewestStarts starts;
  for (const StoreTarget& target : targets) starts[target.name()] = std::nullopt;
  ask_all(targets, group, log, [&](const StoreTarget& target, const std::vector<Backup>& backups) {
    const Backup* const newest = newest_complete(backups, group);
    if (newest != nullptr) starts[target.name()] = newest->time;
  });
  return starts;
}

std::optional<UtcTime> furthest_behind(const NewestStarts& starts) {
  const auto least =
      std::min_element(starts.begin(), starts.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;  // none is less than any time
      });
  return least == starts.end() ? std::nullopt : least->second;
}

}  // namespace pgbackup
