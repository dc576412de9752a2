#include "backup/verify_runs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <span>

#include "backup/verify/time_limit.h"
#include "backup/verify_cluster.h"
#include "backup/verify_restore.h"
#include "common/base/due.h"
#include "common/base/error.h"
#include "common/base/units.h"
#include "common/catalog/backup_name.h"
#include "common/catalog/damage.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/sealed.h"
#include "common/catalog/stored_stream.h"

namespace pgbackup {
namespace {

using Backups = std::span<const Backup>;

/// Returns whether a backup can be verified as far as the listing tells: where signatures are
/// wanted, one without any cannot, such as those from before there were signatures.
bool may_be_verified(const Store& store, const Backup& backup) {
  return !store.signatures().are_wanted() ||
         std::any_of(backup.files.begin(), backup.files.end(),
                     [](const BackupFile& file) { return file.name == kSignatureName; });
}

/// Returns the complete backups that are not dated in the future, by group, then oldest first.
std::vector<Backup> backups_of(Store& store, UtcTime now) {
  std::vector<Backup> backups = read_catalog(store);
  std::erase_if(backups, [&](const Backup& backup) {
    return !backup.complete || is_from_future(backup, now);
  });
  return backups;
}

std::vector<Backups> groups_of(Backups backups) {
  std::vector<Backups> groups;
  while (!backups.empty()) {
    const auto end = std::find_if(backups.begin(), backups.end(), [&](const Backup& backup) {
      return backup.group != backups.front().group;
    });
    const auto count = static_cast<size_t>(end - backups.begin());
    groups.push_back(backups.first(count));
    backups = backups.subspan(count);
  }
  return groups;
}

std::string name_of(const Backup& backup) {
  return format_backup_name({.group = backup.group, .id = backup.id});
}

/// Returns when a backup of the group was verified last, whatever came out; nullopt: never.
std::optional<UtcTime> last_verified(Backups group) {
  std::optional<UtcTime> last;
  for (const Backup& backup : group) {
    if (backup.verifications.empty()) continue;
    last = std::max(last.value_or(UtcTime()), backup.verifications.back().time);
  }
  return last;
}

/// Returns the newest backup that was never verified, else the one that was the longest ago.
const Backup& next_of(Backups group) {
  const auto rank = [](const Backup& backup) {
    return backup.verifications.empty()
               ? std::pair(UtcTime::min(), UtcTime::max() - backup.time)
               : std::pair(backup.verifications.back().time, UtcTime::duration(0));
  };
  return *std::min_element(group.begin(), group.end(),
                           [&](const Backup& a, const Backup& b) { return rank(a) < rank(b); });
}

/// Returns the newest backup of the group that was verified, if the backup is bad.
const Backup* standing_failure(Backups group) {
  for (size_t i = group.size(); i-- > 0;) {
    if (!group[i].verifications.empty()) return group[i].has_failed() ? &group[i] : nullptr;
  }
  return nullptr;
}

/// Returns what may lie beside the backup for everyone to read. Whether it is encrypted is what the
/// listing tells: the manifest may be damaged.
VerificationReport readable(const VerificationReport& report, const Backup& backup,
                            VerifyDepth depth) {
  const bool is_sealed =
      std::any_of(backup.files.begin(), backup.files.end(),
                  [](const BackupFile& file) { return file.name == kSealedName; });
  return is_sealed ? without_private(report, depth) : report;
}

}  // namespace

VerifyRuns::VerifyRuns(const BackupConfig& config, Program& program, RunStates& states)
    : config_(config),
      program_(program),
      states_(states),
      clock_(program.clock),
      log_(program.log),
      stop_(program.stop) {}

/// Calls `work` for each destination, and throws what failed there or in a backup.
void VerifyRuns::for_each(const Work& work) {
  failures_.clear();
  verified_ = 0;
  const Destinations destinations = open_destinations(config_.store, clock_, log_, stop_);
  const UtcTime now = time_of(destinations, clock_);
  for (auto& [destination, error] : for_each_destination(
           destinations, [&](const Destination& destination) { work(destination, now); })) {
    failures_.emplace_back(destination, error);
  }
  throw_failures();
}

void VerifyRuns::once(std::string_view given) {
  bool is_found = false;
  const std::string name = complete_name(given);
  for_each([&](const Destination& destination, UtcTime now) {
    const std::vector<Backup> backups = backups_of(destination.store(), now);
    for (const Backups group : groups_of(backups)) {
      for (const Backup& backup : group) {
        const bool is_newest = &backup == &group.back();
        if (name.empty() ? config_.restore.all || is_newest : name_of(backup) == name) {
          is_found = true;
          verify(destination, backup);
        }
      }
    }
  });
  if (is_found) return;
  // Success would say that what is stored can be restored.
  if (name.empty()) {
    throw Error(ErrorKind::not_found, "there is no complete backup to verify",
                "pg-backup list shows the backups");
  }
  throw unknown_name(name);
}

/// Returns GROUP/ID for what a person wrote; "" for "".
std::string VerifyRuns::complete_name(std::string_view given) {
  if (given.empty()) return "";
  const BackupName name = parse_backup_name(given).value();
  if (name.is_whole()) return format_backup_name(name);
  return format_backup_name(
      complete_backup_name(open_destinations(config_.store, clock_, log_, stop_), name));
}

std::optional<UtcTime> VerifyRuns::newest() {
  bool is_any_without = false;
  std::optional<UtcTime> oldest;
  for_each([&](const Destination& destination, UtcTime now) {
    const std::vector<Backup> backups = backups_of(destination.store(), now);
    for (const Backups group : groups_of(backups)) {
      const std::optional<UtcTime> last = last_verified(group);
      is_any_without = is_any_without || !last;
      if (!last) continue;
      oldest = std::min(oldest.value_or(*last), *last);
      if (standing_failure(group) != nullptr) continue;
      states_.succeed(kVerifyJob, group.front().group, destination.name(), *last, due_after(*last));
    }
  });
  return is_any_without ? std::nullopt : oldest;
}

void VerifyRuns::run() {
  for_each([&](const Destination& destination, UtcTime now) { run_in(destination, now); });
}

void VerifyRuns::run_in(const Destination& destination, UtcTime now) {
  std::vector<Backup> backups = backups_of(destination.store(), now);
  std::erase_if(backups, [&](const Backup& backup) {
    return !may_be_verified(destination.store(), backup) ||
           refused_.contains(destination.store().location(backup.folder()));
  });
  for (const Backups group : groups_of(backups)) {
    const std::optional<UtcTime> last = last_verified(group);
    if (!last || !is_of_present_period(*last, *config_.verify.schedule, now)) {
      wait_for_backups();
      verify(destination, next_of(group));
    } else if (const Backup* const bad = standing_failure(group)) {
      failures_.emplace_back(
          name_of(*bad),
          Error(ErrorKind::corrupt,
                fmt::format("the verification of '{}' has failed, and no newer backup was verified",
                            destination.store().location(bad->folder())),
                "pg-backup list says what was found; make a backup and verify it"));
    }
  }
}

/// Lets backups that are being made go first. What begins later runs beside.
void VerifyRuns::wait_for_backups() {
  constexpr std::chrono::seconds kPause{1};
  const auto is_busy = [&] {
    const std::vector<RunState> states = states_.all();
    return std::any_of(states.begin(), states.end(), [](const RunState& state) {
      return state.job == kBackupJob && state.running.has_value();
    });
  };
  while (is_busy()) {
    clock_.sleep(kPause, stop_);
    if (stop_.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
  }
}

/// Verifies one backup, and notes how it went. What fails here fails alone.
void VerifyRuns::verify(const Destination& destination, const Backup& backup) {
  RunRecord record{.began = clock_.now(), .next_due = due_after(clock_.now())};
  const auto begun = clock_.steady();
  states_.begin(kVerifyJob, backup.group, destination.name(), record.began, nullptr);
  try {
    with_context(fmt::format("verification of {}", name_of(backup)),
                 [&] { verify_noting(destination, backup); });
  } catch (...) {
    record.error = current_error();
  }
  record.taken = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
  states_.finish(kVerifyJob, backup.group, destination.name(), record);
  if (!record.error) return;
  if (record.error->kind() == ErrorKind::canceled) throw Error(*record.error);
  // Nothing is stored beside a backup that is not signed. It must not be the next one for ever.
  if (record.error->kind() == ErrorKind::conflict) {
    refused_.insert(destination.store().location(backup.folder()));
  }
  LogFields fields = {
      {"database", backup.group.name()}, {"run", backup.id}, {"cause", record.error->message()}};
  if (!record.error->hint().empty()) fields.emplace_back("hint", record.error->hint());
  log_.error("the verification failed", fields);
  failures_.emplace_back(name_of(backup), *record.error);
}

/// Stores what was found. Throws it where the backup is bad.
void VerifyRuns::verify_noting(const Destination& destination, const Backup& backup) {
  Store& store = destination.store();
  VerifyDepth depth = config_.verify.depth;
  VerificationReport report{
      .group = backup.group, .id = backup.id, .tool = fmt::format("pg-backup {}", PROJECT_VERSION)};
  log_.info("verifying",
            {{"backup", store.location(backup.folder())}, {"depth", depth_name(depth)}});
  const auto begun = clock_.steady();
  const std::optional<Error> found = check_twice(store, backup, report, depth);
  report.taken = std::chrono::duration_cast<std::chrono::seconds>(clock_.steady() - begun);
  if (!is_listed(store, backup.commit_key())) {
    return log_.info("the backup was deleted meanwhile",
                     {{"database", backup.group.name()}, {"run", backup.id}});
  }
  if (found) report.problem = found->message();
  const UtcTime now = store.own_time().value_or(clock_.now());
  const Verification verification = make_verification(now, depth, !found);
  store.renew_lock();
  store.put(backup.key_of(verification.file),
            format_verification(verification, readable(report, backup, depth)));
  if (found) throw Error(*found);
  ++verified_;
  log_.info("verified", {{"backup", store.location(backup.folder())},
                         {"depth", depth_name(depth)},
                         {"bytes", LogBytes{report.bytes}},
                         {"seconds", report.taken.count()},
                         {"notes", fmt::format("{}", fmt::join(report.notes, "; "))}});
}

/// Returns why the backup is bad; nullopt: it is good. A bad result is looked at once more, since
/// it stands for long. Throws what says nothing of the backup.
std::optional<Error> VerifyRuns::check_twice(Store& store, const Backup& backup,
                                             VerificationReport& report, VerifyDepth& depth) {
  constexpr int kTries = 2;
  for (int tries = 1;; ++tries) {
    try {
      report.notes.clear();
      check(store, backup, report, depth);
      return std::nullopt;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::corrupt) throw;
      if (tries == kTries) return Error(ErrorKind::corrupt, error.message());
      log_.warn("the backup is verified once more", {{"cause", error.message()}});
    }
  }
}

/// Looks at a backup once, for as long as VERIFY_TIMEOUT lets it.
void VerifyRuns::check(Store& store, const Backup& backup, VerificationReport& report,
                       VerifyDepth& depth) {
  TimeLimit limit(config_.verify.timeout, stop_);
  try {
    check_by(store, backup, report, depth, limit.token());
  } catch (...) {
    const Error error = current_error();
    if (!limit.is_over()) throw Error(error);
    throw Error(ErrorKind::failed,
                fmt::format("it was given up after {} (VERIFY_TIMEOUT)",
                            format_duration(config_.verify.timeout)),
                "this says nothing of the backup: raise VERIFY_TIMEOUT, or look whether what the "
                "database's owner wrote ever ends");
  }
}

void VerifyRuns::check_by(Store& store, const Backup& backup, VerificationReport& report,
                          VerifyDepth& depth, const std::stop_token& stop) {
  const VerifyMeans means{.bindir = config_.bindir,
                          .environment = program_.environment,
                          .clock = clock_,
                          .log = log_,
                          .stop = stop,
                          .keys = program_.config.age.for_reading()};
  Manifest manifest = read_manifest(store, backup);
  if (backup.group.kind() == GroupKind::cluster) require_wal(store, manifest, log_);
  if (depth == VerifyDepth::restore && backup.group.kind() == GroupKind::globals) {
    depth = VerifyDepth::archive;
    report.notes.emplace_back("it was not restored: only databases and base backups are");
  }
  std::optional<ClientProgram> server;
  if (depth == VerifyDepth::restore && backup.group.kind() == GroupKind::cluster) {
    if (store.signatures().are_wanted()) {
      depth = VerifyDepth::archive;
      report.notes.emplace_back(
          "it was not restored: BACKUP_VERIFY_KEY is set, and write-ahead logs are not signed");
    } else {
      try {
        server = find_server_of(manifest.server_version, means);
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::usage) throw;
        depth = VerifyDepth::archive;
        report.notes.push_back(fmt::format("it was not restored: {}", error.message()));
      }
    }
  }
  if (depth != VerifyDepth::stored) open_private(store, backup, manifest, means.keys);
  switch (depth) {
    case VerifyDepth::stored:
      report.bytes = check_stored(store, backup, manifest);
      return;
    case VerifyDepth::archive:
      report.bytes = check_archive(store, backup, manifest, means);
      return;
    case VerifyDepth::restore:
      report.notes = server
                         ? check_cluster_restore(
                               store, {.backup = backup, .manifest = manifest, .keys = means.keys},
                               *server, config_, means)
                         : check_restore_of(store, backup, manifest, config_, means);
      report.bytes = manifest.stored_bytes();
      return;
  }
}

std::optional<UtcTime> VerifyRuns::due_after(UtcTime began) const {
  const std::optional<Schedule>& schedule = config_.verify.schedule;
  return schedule ? std::optional(next_due_after(began, *schedule)) : std::nullopt;
}

void VerifyRuns::throw_failures() {
  if (failures_.empty()) return;
  if (failures_.size() == 1) throw Error(failures_.front().second);
  std::vector<std::string> names;
  for (const auto& [name, error] : failures_) names.push_back(name);
  constexpr size_t kMostNames = 10;
  if (names.size() > kMostNames) names.resize(kMostNames);
  throw Error(
      ErrorKind::failed,
      fmt::format("{} verifications failed, {} succeeded: {}; the first: {}", failures_.size(),
                  verified_, fmt::join(names, ", "), failures_.front().second.message()),
      failures_.front().second.hint());
}

}  // namespace pgbackup
