#include "backup/find.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "common/base/error.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

using Visit = std::function<void(const StoreTarget&)>;

/// Calls `visit` for each target, and warns of those that fail. Throws when all do.
void ask_all(const Targets& targets, Log& log, const Visit& visit) {
  const std::vector<TargetFailure> failures = for_each_target(targets, visit);
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
  if (request.id == "latest") return fmt::format("backup of {}", request.database);
  if (request.database.empty()) return fmt::format("backup {}", request.id);
  return fmt::format("complete backup {} of {}", request.id, request.database);
}

/// All that may be what is asked for. Older systems' lie anywhere, ours in the database's folder.
std::vector<Backup> candidates(Store& store, const RestoreRequest& request,
                               const Adoption& adoption) {
  const bool is_ours = adoption.layouts.empty() || parse_backup_id(request.id);
  return is_ours ? read_catalog(store, request.database) : read_catalog(store, adoption).backups;
}

bool is_wanted(const Backup& backup, const RestoreRequest& request) {
  return backup.complete && (request.id == "latest" || request.id == backup.id) &&
         (backup.group == request.database || (request.database.empty() && !backup.is_ours()));
}

}  // namespace

std::vector<FoundBackup> find_backups(const Targets& targets, const Adoption& adoption, Log& log) {
  std::vector<FoundBackup> found;
  ask_all(targets, log, [&](const StoreTarget& target) {
    for (Backup& backup : read_catalog(target.store(), adoption).backups) {
      if (backup.complete) found.push_back({&target, std::move(backup)});
    }
  });
  std::reverse(found.begin(), found.end());
  std::stable_sort(found.begin(), found.end(), [](const FoundBackup& a, const FoundBackup& b) {
    return is_listed_before(a.backup, b.backup);
  });
  return found;
}

FoundBackup choose_backup(const Targets& targets, const RestoreRequest& request,
                          const Adoption& adoption, Log& log) {
  std::optional<FoundBackup> chosen;
  std::vector<std::string> places;
  ask_all(targets, log, [&](const StoreTarget& target) {
    const std::vector<Backup> backups = candidates(target.store(), request, adoption);
    places.push_back(target.store().location(""));
    for (const Backup& backup : backups) {
      if (!is_wanted(backup, request)) continue;
      // Only a newer one: of the same in two targets, the first target's is taken.
      if (!chosen || is_listed_before(chosen->backup, backup)) {
        chosen = FoundBackup{&target, backup};
      }
    }
  });
  if (chosen) return *chosen;
  throw Error(ErrorKind::not_found,
              fmt::format("there is no {} in {}", wanted(request), fmt::join(places, " or ")),
              "pg-backup list shows what there is; names are taken literally, with case");
}

NewestStarts newest_starts(const Targets& targets, const std::vector<std::string>& groups,
                           Log& log) {
  NewestStarts starts;
  for (const std::string& group : groups) {
    for (const StoreTarget& target : targets) starts[{group, target.name()}] = std::nullopt;
  }
  ask_all(targets, log, [&](const StoreTarget& target) {
    for (const std::string& group : groups) {
      const std::vector<Backup> backups = read_catalog(target.store(), group);
      const Backup* const newest = newest_complete(backups, group);
      if (newest != nullptr) starts[{group, target.name()}] = newest->time;
    }
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
