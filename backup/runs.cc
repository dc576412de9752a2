#include "backup/runs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "backup/find.h"
#include "common/base/error.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

/// One may have failed for itself. After so many in a row the target is taken to be away.
constexpr int kMostUnanswered = 2;

/// Of two clocks that are both right.
constexpr std::chrono::seconds kLeastDifference{2};

}  // namespace

BackupRuns::BackupRuns(const BackupConfig& config, const Environment& environment, Clock& clock,
                       Log& log, const std::stop_token& stop)
    : config_(config), environment_(environment), clock_(clock), log_(log), stop_(stop) {}

void BackupRuns::once() {
  const std::vector<std::string> groups = find_groups();
  const Targets targets = open_targets(config_.store, clock_, log_, stop_);
  const UtcTime now = store_time(targets);
  const RunWork work = missing_.select(groups, targets, config_.timing.schedule, now);
  // The next one is due when the schedule says so, if the user has told it.
  make(groups, work, config_.timing.is_set ? std::optional(config_.timing.schedule) : std::nullopt);
}

std::optional<UtcTime> BackupRuns::newest() {
  const Targets targets = open_targets(config_.store, clock_, log_, stop_);
  const UtcTime now = store_time(targets);
  const NewestStarts starts = newest_starts(targets, find_groups(), now, log_);
  for (const auto& [place, started] : starts) {
    if (started) missing_.note(place.first, place.second, *started);
  }
  const std::optional<UtcTime> newest = furthest_behind(starts);
  return newest ? std::optional(*newest - ahead_) : std::nullopt;
}

void BackupRuns::run() {
  if (is_asked_.exchange(false)) missing_.clear();
  const std::vector<std::string> groups = find_groups();
  const Targets targets = open_targets(config_.store, clock_, log_, stop_);
  const UtcTime now = store_time(targets);
  const RunWork work = missing_.select(groups, targets, config_.timing.schedule, now);
  left_out_since_ = work.oldest_left_out;
  make(groups, work, config_.timing.schedule);
  missing_.clear();
}

std::vector<std::string> BackupRuns::find_groups() {
  std::vector<std::string> groups = find_databases(config_.databases, config_.pg, log_, stop_);
  if (config_.globals()) groups.emplace_back(kGlobalsGroup);
  return groups;
}

/// What time it is there, and notes how far that is from here.
UtcTime BackupRuns::store_time(const Targets& targets) {
  const UtcTime time = time_of(targets, clock_);
  ahead_ = time - clock_.now();
  // Replies tell whole seconds and take a while: that is no difference.
  if (std::chrono::abs(ahead_) <= kLeastDifference) ahead_ = std::chrono::seconds(0);
  return clock_.now() + ahead_;
}

void BackupRuns::make(const std::vector<std::string>& groups, const RunWork& work,
                      const std::optional<Schedule>& schedule) {
  ShiftedClock clock(clock_, ahead_);
  const UtcTime started = clock.now();
  const RunInfo run{.id = make_backup_id(started), .started = started, .groups = groups};
  BackupJob job({.pg = config_.pg,
                 .bindir = config_.bindir,
                 .dump = config_.dump,
                 .schedule = schedule,
                 .jitter = config_.timing.jitter},
                environment_, run, clock, log_, stop_);
  failures_.clear();
  unanswered_.clear();
  const bool is_alone = work.groups.size() == 1;
  if (!is_alone) {
    log_.info(fmt::format("making {} backups", work.groups.size()), {{"id", run.id}});
  }
  for (const GroupWork& item : work.groups) {
    const std::optional<Error> error = back_up(job, item, started);
    if (!error) continue;
    if (is_alone) throw Error(*error);
    log_failure(*error);
    failures_.emplace_back(item.group, *error);
  }
  if (!is_alone) finish(work.groups.size());
}

/// Returns why not every target has it.
std::optional<Error> BackupRuns::back_up(BackupJob& job, const GroupWork& item, UtcTime started) {
  SomeTargets present = item.targets;
  std::erase_if(present, [&](const StoreTarget* target) {
    return unanswered_[target->name()] >= kMostUnanswered;
  });
  BackupJob::Outcome outcome;
  if (!present.empty()) outcome = job.back_up(item.group, present);
  for (const std::string& target : outcome.holders) {
    missing_.note(item.group, target, started);
    unanswered_[target] = 0;
  }
  for (const auto& [target, error] : outcome.failures) {
    if (error.kind() == ErrorKind::transient) ++unanswered_[target];
  }
  if (!outcome.error && present.size() < item.targets.size()) {
    outcome.error = Error(ErrorKind::transient,
                          fmt::format("backup of {}: not tried where the store did not answer the "
                                      "backups before",
                                      item.group));
  }
  return outcome.error;
}

void BackupRuns::log_failure(const Error& error) {
  LogFields fields;
  if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
  log_.error(error.message(), fields);
}

void BackupRuns::finish(size_t wanted) {
  if (failures_.empty()) return log_.info(fmt::format("made all {} backups", wanted));
  std::vector<std::string> names;
  for (const auto& [group, error] : failures_) names.push_back(group);
  throw Error(ErrorKind::failed,
              fmt::format("{} of {} backups failed: {}; the first: {}", failures_.size(), wanted,
                          fmt::join(names, ", "), failures_.front().second.message()),
              failures_.front().second.hint());
}

}  // namespace pgbackup
