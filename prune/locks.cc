#include "prune/locks.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/catalog/key_grammar.h"
#include "common/catalog/manifest.h"

namespace pgbackup {
namespace {

constexpr const char* kContext = "cannot tell whether a backup is locked";
constexpr const char* kNeedsRight =
    "pg-prune must be able to read manifests; in a bucket it needs s3:GetObject (deploy/iam)";

bool is_listed(Store& store, const std::string& key) {
  bool found = false;
  store.list(key, [&](const ObjectInfo& object) { found = found || object.key == key; });
  return found;
}

/// The kind decides what becomes of the backup: `corrupt` is left to what the manifest says.
Error reading_failure(Store& store, const std::string& key, const Error& error) {
  if (error.kind() == ErrorKind::corrupt) {  // of the reply, not of the manifest
    return {ErrorKind::failed, error.message(), error.hint()};
  }
  if (error.kind() != ErrorKind::denied) return error;
  // S3 says 403 for 404 to those who may not list the whole bucket.
  if (!is_listed(store, key)) return {ErrorKind::not_found, error.message()};
  return {ErrorKind::denied, error.message(), kNeedsRight};
}

/// The ids of a group's backups that are held now.
std::set<std::string> read_holds(Store& store, const std::string& group) {
  std::set<std::string> held;
  store.list(encode_group(group) + "/", [&](const ObjectInfo& object) {
    std::optional<BackupKey> key = parse_key(object.key);
    if (key && key->file == kHoldName) held.insert(std::move(key->id));
  });
  return held;
}

LockReading read_lock(Store& store, const Backup& backup) {
  const std::string key = backup.commit_key();
  std::string manifest;
  try {
    manifest = read_small_object(store, key);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled || error.kind() == ErrorKind::transient) throw;
    return {.failure =
                reading_failure(store, key, error).within(store.location(key)).within(kContext)};
  }
  try {
    return {.locked_until = parse_lock(manifest)};
  } catch (const Error& error) {
    return {.failure = error.within(store.location(key)).within(kContext)};
  }
}

bool is_asked(const Step& step) { return step.action == Action::remove && step.backup->is_ours(); }

void keep(Step& step, Reason reason) {
  step.action = Action::keep;
  step.reasons = reason;
}

void apply_lock(Step& step, const LockReading& reading, UtcTime now) {
  if (reading.is_held) keep(step, Reason::held);
  if (reading.locked_until && *reading.locked_until > now) {
    keep(step, Reason::locked);
    step.locked_until = reading.locked_until;
  }
  if (!reading.failure) return;
  if (reading.failure->kind() == ErrorKind::corrupt) {
    step.reasons.add(Reason::damaged);
    return;
  }
  const bool is_gone = reading.failure->kind() == ErrorKind::not_found;
  keep(step, is_gone ? Reason::gone : Reason::unreadable);
}

}  // namespace

std::vector<LockReading> read_locks(Store& store, const Plan& plan, Log& log,
                                    const std::stop_token& stop) {
  std::vector<LockReading> readings;
  const std::string* group = nullptr;
  std::set<std::string> held;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (!is_asked(plan.steps[i])) continue;
    if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
    const Backup& backup = *plan.steps[i].backup;
    if (group == nullptr || *group != backup.group) held = read_holds(store, backup.group);
    group = &backup.group;
    LockReading reading = read_lock(store, backup);
    reading.is_held = held.contains(backup.id);
    if (reading.failure) log.warn(reading.failure->message());
    if (!reading.locked_until && !reading.is_held && !reading.failure) continue;
    reading.step = i;
    readings.push_back(std::move(reading));
  }
  return readings;
}

void apply_locks(Plan& plan, std::span<const LockReading> readings) {
  for (const LockReading& reading : readings) {
    apply_lock(plan.steps[reading.step], reading, plan.now);
  }
}

std::vector<Error> lock_failures(std::span<const LockReading> readings) {
  std::vector<Error> failures;
  for (const LockReading& reading : readings) {
    if (!reading.failure) continue;
    const ErrorKind kind = reading.failure->kind();
    if (kind != ErrorKind::corrupt && kind != ErrorKind::not_found) {
      failures.push_back(*reading.failure);
    }
  }
  return failures;
}

}  // namespace pgbackup
