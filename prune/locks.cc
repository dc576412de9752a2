#include "prune/locks.h"

#include <utility>

#include "common/catalog/manifest.h"

namespace pgbackup {
namespace {

constexpr const char* kContext = "cannot tell whether a backup is locked";
constexpr const char* kNeedsRight =
    "pg-prune must be able to read manifests; in a bucket it needs s3:GetObject (deploy/iam)";

/// Returns `error` with the kind that decides what becomes of the backup: `corrupt` is reserved for
/// the manifest's own contents.
Error reading_failure(Store& store, const std::string& key, const Error& error) {
  if (error.kind() == ErrorKind::corrupt) {  // the reply is corrupt, not the manifest
    return {ErrorKind::failed, error.message(), error.hint()};
  }
  if (error.kind() != ErrorKind::denied) return error;
  // S3 replies 403 instead of 404 to those who may not list the whole bucket.
  if (!is_listed(store, key)) return {ErrorKind::not_found, error.message()};
  return {ErrorKind::denied, error.message(), kNeedsRight};
}

LockReading read_lock(Store& store, const Backup& backup) {
  const std::string key = backup.commit_key();
  std::string manifest;
  try {
    manifest = read_small_object(store, key);
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::transient) throw error;
    return {.failure =
                reading_failure(store, key, error).within(store.location(key)).within(kContext)};
  }
  try {
    return {.locked_until = parse_lock(manifest)};
  } catch (...) {
    return {.failure = current_error().within(store.location(key)).within(kContext)};
  }
}

bool is_asked(const Step& step) { return step.action == Action::remove && step.backup->is_ours(); }

void keep(Step& step, Reason reason) {
  step.action = Action::keep;
  step.reasons = reason;
}

void apply_lock(Step& step, const LockReading& reading, UtcTime now) {
  if (reading.locked_until && *reading.locked_until > now) {
    keep(step, Reason::locked);
    step.locked_until = reading.locked_until;
  }
  if (!reading.failure) return;
  if (reading.failure->kind() == ErrorKind::corrupt) {
    step.reasons.add(Reason::bad_manifest);
    return;
  }
  const bool is_gone = reading.failure->kind() == ErrorKind::not_found;
  keep(step, is_gone ? Reason::gone : Reason::unreadable);
}

}  // namespace

std::vector<LockReading> read_locks(Store& store, const Plan& plan, Log& log,
                                    const std::stop_token& stop) {
  std::vector<LockReading> readings;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    if (!is_asked(plan.steps[i])) continue;
    if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
    LockReading reading = read_lock(store, *plan.steps[i].backup);
    if (reading.failure) {
      log.warn("whether a backup is locked is not known",
               {{"database", plan.steps[i].backup->group.name()},
                {"run", plan.steps[i].backup->id},
                {"cause", reading.failure->message()}});
    }
    if (!reading.locked_until && !reading.failure) continue;
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
