#include "backup/restore/choose_backup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "backup/restore/at_time.h"
#include "backup/restore/stored_dump.h"
#include "common/base/error.h"
#include "common/catalog/damage.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

using Visit = std::function<void(const Destination&)>;

/// Calls `visit` for each destination, and warns of those that fail. Throws when all do.
void ask_all(const Destinations& destinations, Log& log, const Visit& visit) {
  const std::vector<DestinationFailure> failures = for_each_destination(destinations, visit);
  if (failures.size() == destinations.size()) throw join_failures(failures);
  for (const auto& [destination, error] : failures) {
    LogFields fields = {{"destination", destination}, {"cause", error.message()}};
    if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
    log.warn("a destination cannot be listed, so its backups do not count", fields);
  }
}

std::string wanted(const RestoreRequest& request) {
  const Group group = request.group();
  if (request.id == "latest") {
    return fmt::format("backup of '{}'{}{}", group.name(), request.at.empty() ? "" : " until ",
                       request.at);
  }
  if (!group.is_named()) return fmt::format("backup '{}'", request.id);
  return fmt::format("complete backup '{}' of '{}'", request.id, group.name());
}

/// Warns of what cannot be read, as ask_all() does.
std::vector<Backup> read_backups(Store& store, const Adoption& adoption, Log& log) {
  Catalog catalog = read_catalog(store, adoption);
  if (catalog.unread) {
    log.warn("backups that cannot be listed do not count", {{"cause", catalog.unread->message()}});
  }
  return std::move(catalog.backups);
}

/// Returns all backups that may be the requested one. Those of older systems are anywhere, ours
/// below the database's prefix.
std::vector<Backup> candidates(Store& store, const RestoreRequest& request,
                               const Adoption& adoption, Log& log) {
  const bool is_ours = adoption.layouts.empty() || parse_backup_id(request.id);
  return is_ours ? read_catalog(store, request.group()) : read_backups(store, adoption, log);
}

bool is_wanted(const Backup& backup, const RestoreRequest& request) {
  const Group group = request.group();
  if (!request.at.empty() && backup.time > parse_at_time(request.at)) return false;
  return backup.complete && (request.id == "latest" || request.id == backup.id) &&
         (backup.group == group || (!group.is_named() && !backup.is_ours()));
}

/// Says what is wrong with a backup.
struct Flaws {
  std::string damage{};      ///< why it cannot be restored, including a damaged manifest
  std::string distrust{};    ///< why it is not believed, see Inspection
  std::string backdating{};  ///< why it may not be of its date
  bool counts = true;        ///< counts as a backup of its date; so does a run of many days
};

/// Returns the flaws of `backup`, or nullopt when it has been deleted since the listing.
std::optional<Flaws> flaws_of(Store& store, const Backup& backup) {
  try {
    Inspection seen = inspect_backup(store, backup);
    const bool counts =
        seen.damage.empty() && seen.distrust.empty() && (seen.backdating.empty() || seen.was_slow);
    return Flaws{std::move(seen.damage), std::move(seen.distrust), std::move(seen.backdating),
                 counts};
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::not_found) return std::nullopt;
    if (error.kind() == ErrorKind::corrupt)
      return Flaws{.damage = error.message(), .counts = false};
    if (error.kind() == ErrorKind::canceled || error.kind() == ErrorKind::transient) throw;
    // Whoever may write into the store could claim a format that nobody knows.
    if (std::string distrust = distrust_of_manifest(store, backup); !distrust.empty()) {
      return Flaws{.distrust = std::move(distrust), .counts = false};
    }
    // Without the manifest the listing must do.
    if (std::string known = damage_of(backup); !known.empty()) {
      return Flaws{.damage = std::move(known), .counts = false};
    }
    throw;
  }
}

/// Returns `s3://bucket/app/20261120T031500Z-9f3a1c2b is damaged: app.dump.zst is missing`.
std::string damage_text(const FoundBackup& found, const std::string& damage) {
  return fmt::format("{} is damaged: {}",
                     found.destination->store().location(found.backup.folder()), damage);
}

/// Returns the error for a backup that must not be restored; nullopt for one that may be.
std::optional<Error> refusal(const FoundBackup& found, const Flaws& flaws) {
  if (!flaws.damage.empty()) return damaged(damage_text(found, flaws.damage));
  if (flaws.distrust.empty()) return std::nullopt;
  return not_signed(found.destination->store().location(found.backup.folder()), flaws.distrust);
}

std::string backdating_text(const FoundBackup& found, const std::string& backdating) {
  return fmt::format("{} may not be of its date: {}", found.backup.folder(), backdating);
}

struct Candidates {
  std::vector<FoundBackup> found;  ///< newest first, then in the order of the destinations
  std::string places;              ///< places of the destinations that answered
};

Candidates find_wanted(const Destinations& destinations, const RestoreRequest& request,
                       const Adoption& adoption, Log& log) {
  std::vector<FoundBackup> found;
  std::vector<std::string> places;
  ask_all(destinations, log, [&](const Destination& destination) {
    for (Backup& backup : candidates(destination.store(), request, adoption, log)) {
      if (is_wanted(backup, request)) found.push_back({&destination, std::move(backup)});
    }
    places.push_back(destination.store().location(""));
  });
  std::stable_sort(found.begin(), found.end(), [](const FoundBackup& a, const FoundBackup& b) {
    return is_listed_before(b.backup, a.backup);
  });
  return {std::move(found), fmt::format("{}", fmt::join(places, " or "))};
}

void warn_of(const FoundBackup& found, const std::string& warning, Log& log) {
  log.warn(
      "about the backup",
      {{"database", found.backup.group.name()}, {"run", found.backup.id}, {"warning", warning}});
}

void warn_not_counted(Store& store, const Backup& backup, const Flaws& flaws, Log& log) {
  const auto fields = [&](const std::string& cause) {
    return LogFields{{"backup", store.location(backup.folder())},
                     {"database", backup.group.name()},
                     {"run", backup.id},
                     {"cause", cause}};
  };
  if (!flaws.damage.empty()) {
    log.warn("a backup does not count, as it is damaged", fields(flaws.damage));
  } else if (!flaws.distrust.empty()) {
    log.warn("a backup does not count, as it is not signed", fields(flaws.distrust));
  } else {
    log.warn("a backup does not count, as it is backdated", fields(flaws.backdating));
  }
}

/// Returns when the newest backup of `group` began that is undamaged and of its date. A backup that
/// this program may not read, or does not understand, counts as undamaged.
std::optional<UtcTime> newest_start(Store& store, const Group& group, UtcTime now, Log& log) {
  std::vector<Backup> backups = read_catalog(store, group);
  std::reverse(backups.begin(), backups.end());
  for (const Backup& backup : backups) {
    if (!backup.complete || is_from_future(backup, now)) continue;
    if (backup.has_failed()) {
      log.warn("a backup does not count, as its verification has failed",
               {{"backup", store.location(backup.folder())},
                {"database", backup.group.name()},
                {"run", backup.id}});
      continue;
    }
    try {
      const std::optional<Flaws> flaws = flaws_of(store, backup);
      if (!flaws) continue;
      if (!flaws->counts) {
        warn_not_counted(store, backup, *flaws, log);
        continue;
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::denied && error.kind() != ErrorKind::failed) throw;
    }
    return std::min(backup.time, now);
  }
  return std::nullopt;
}

}  // namespace

std::vector<FoundBackup> find_backups(const Destinations& destinations, const Adoption& adoption,
                                      const Clock& clock, Log& log) {
  std::vector<FoundBackup> found;
  ask_all(destinations, log, [&](const Destination& destination) {
    for (Backup& backup : read_backups(destination.store(), adoption, log)) {
      if (backup.complete) found.push_back({&destination, std::move(backup)});
    }
  });
  const UtcTime now = time_of(destinations, clock);
  for (FoundBackup& one : found) one.is_future = is_from_future(one.backup, now);
  std::reverse(found.begin(), found.end());
  std::stable_sort(found.begin(), found.end(), [](const FoundBackup& a, const FoundBackup& b) {
    return a.is_future != b.is_future ? a.is_future : is_listed_before(a.backup, b.backup);
  });
  return found;
}

void refuse_damaged(const FoundBackup& found, Log& log) {
  const std::optional<Flaws> flaws = flaws_of(found.destination->store(), found.backup);
  if (!flaws) {
    throw Error(ErrorKind::not_found,
                fmt::format("{} was deleted after the listing",
                            found.destination->store().location(found.backup.folder())));
  }
  if (std::optional<Error> error = refusal(found, *flaws)) throw Error(*std::move(error));
  if (!flaws->backdating.empty()) warn_of(found, backdating_text(found, flaws->backdating), log);
}

FoundBackup choose_backup(const Destinations& destinations, const RestoreRequest& request,
                          const Adoption& adoption, const Clock& clock, Log& log) {
  auto [found, places] = find_wanted(destinations, request, adoption, log);
  if (found.empty()) {
    throw Error(ErrorKind::not_found, fmt::format("there is no {} in {}", wanted(request), places),
                "pg-backup list shows what there is; names are taken literally, with case");
  }
  const UtcTime now = time_of(destinations, clock);
  const bool is_latest = request.id == "latest";
  std::optional<Error> reason;
  FoundBackup* failed = nullptr;  // the first one that is named, and that a verification found bad
  for (FoundBackup& one : found) {
    const bool is_future = is_from_future(one.backup, now);
    if (is_future) {
      warn_of(
          one,
          fmt::format("{} is dated in the future (it is {} now){}", one.backup.folder(),
                      format_iso(now), is_latest ? ": it is not the latest; --id restores it" : ""),
          log);
    }
    if (is_future && is_latest) continue;
    const std::optional<Flaws> flaws = flaws_of(one.destination->store(), one.backup);
    if (!flaws) continue;
    if (one.backup.has_failed()) {
      LogFields fields = {{"backup", one.destination->store().location(one.backup.folder())},
                          {"database", one.backup.group.name()},
                          {"run", one.backup.id}};
      if (is_latest) fields.emplace_back("hint", "it is not the latest; --id restores it");
      log.warn("the verification of a backup has failed", fields);
      if (!is_latest && !refusal(one, *flaws) && failed == nullptr) failed = &one;
      continue;
    }
    std::optional<Error> refused = refusal(one, *flaws);
    if (!refused) {
      if (flaws->backdating.empty()) return std::move(one);
      const bool is_passed_over = is_latest && !flaws->counts;
      warn_of(one,
              backdating_text(one, flaws->backdating) +
                  (is_passed_over ? "; it is not the latest, --id restores it" : ""),
              log);
      if (is_passed_over) continue;
      return std::move(one);
    }
    log.warn("passed over", {{"database", one.backup.group.name()},
                             {"run", one.backup.id},
                             {"cause", refused->message()}});
    reason.emplace(*std::move(refused));
  }
  if (failed != nullptr) return std::move(*failed);
  if (reason) throw Error(*std::move(reason));
  throw Error(ErrorKind::not_found,
              fmt::format("there is no {} in {} but what is dated in the future, backdated, or has "
                          "just been deleted, or what a verification found bad",
                          wanted(request), places),
              "set the clock of this machine if it is wrong, or name a backup with --id");
}

NewestStarts newest_starts(const Destinations& destinations, const std::vector<Group>& groups,
                           UtcTime now, Log& log) {
  NewestStarts starts;
  for (const Group& group : groups) {
    for (const Destination& destination : destinations)
      starts[{group, destination.name()}] = std::nullopt;
  }
  ask_all(destinations, log, [&](const Destination& destination) {
    Store& store = destination.store();
    std::vector<Error> failures;  // of groups that cannot be read, such as another user's directory
    for (const Group& group : groups) {
      try {
        starts[{group, destination.name()}] = newest_start(store, group, now, log);
      } catch (...) {
        failures.push_back(current_failure());
        if (failures.back().kind() == ErrorKind::transient) throw;
      }
    }
    if (!failures.empty() && failures.size() == groups.size()) throw Error(failures.front());
    for (const Error& error : failures) {
      log.warn("backups that cannot be listed do not count", {{"cause", error.message()}});
    }
  });
  return starts;
}

std::optional<UtcTime> furthest_behind(const NewestStarts& starts) {
  const auto least =
      std::min_element(starts.begin(), starts.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;  // nullopt is less than any time
      });
  return least == starts.end() ? std::nullopt : least->second;
}

}  // namespace pgbackup
