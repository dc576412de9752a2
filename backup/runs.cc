#include "backup/runs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "backup/physical/base_backup_job.h"
#include "backup/postgres/replication.h"
#include "backup/restore/choose_backup.h"
#include "common/base/due.h"
#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/units.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

/// Counts backups in a row without an answer until the destination is taken to be unavailable; one
/// may have failed by itself.
constexpr int kMostUnanswered = 2;

/// Ignores a smaller difference: two clocks that are both right may differ so much.
constexpr std::chrono::seconds kLeastDifference{2};

}  // namespace

BackupRuns::BackupRuns(const BackupConfig& config, const Environment& environment, Clock& clock,
                       Log& log, const std::stop_token& stop)
    : config_(config), environment_(environment), clock_(clock), log_(log), stop_(stop) {}

template <class Body>
decltype(auto) BackupRuns::prepare(const Body& body) {
  RunRecord record{.began = clock_.now()};
  try {
    return body();
  } catch (...) {
    record.error = current_failure();
    record.next_due = due_after(record.began);
    states_.finish_all(kBackupJob, record);
    throw;
  }
}

bool BackupRuns::once() {
  is_once_ = true;
  patience_ = config_.db_retry_time;
  const std::vector<std::string>& names = config_.databases.names;
  static_cast<void>(wait_for_server(Group::database(names.empty() ? "" : names.front())));
  if (config_.if_due) {
    const Schedule& schedule = config_.timing.schedule;
    const std::optional<UtcTime> oldest = newest();
    if (!oldest || !is_of_present_period(*oldest, schedule, clock_.now())) {
      run();
      return true;
    }
    log_.info("no backup is due", {{"next", format_iso(schedule.next(clock_.now()))}});
    return false;
  }
  const Start start = prepare([this] { return find_start(); });
  // The next one is due when the schedule says so, if the user has told it.
  make(start.goal, start.work,
       config_.timing.is_set ? std::optional(config_.timing.schedule) : std::nullopt);
  return true;
}

std::optional<UtcTime> BackupRuns::newest() {
  const NewestStarts starts = prepare([this] {
    const Destinations destinations = open_destinations(config_.store, clock_, log_, stop_);
    const UtcTime now = store_time(destinations);
    const std::vector<Group> groups = find_goal(destinations, now).groups_and_lost();
    states_.keep_only(kBackupJob, groups);
    return newest_starts(destinations, groups, now, log_);
  });
  for (const auto& [place, started] : starts) {
    if (!started) continue;
    const UtcTime here = *started - ahead_;
    states_.succeed(kBackupJob, place.first, place.second, here, due_after(here));
  }
  const std::optional<UtcTime> newest = furthest_behind(starts);
  return newest ? std::optional(*newest - ahead_) : std::nullopt;
}

void BackupRuns::run() {
  // A clock that was set back must not make the successes of this run count for nothing.
  const bool is_for_all = is_asked_.exchange(false) || counted_from_ > clock_.now();
  if (is_for_all) counted_from_ = clock_.now();
  run_id_.clear();
  const Start start = prepare([this] { return find_start(); });
  left_out_since_ = start.work.oldest_left_out;
  states_.keep_only(kBackupJob, start.goal.groups_and_lost());
  make(start.goal, start.work, config_.timing.schedule);
  counted_from_ = clock_.now();  // the next run is for all again
}

BackupRuns::Start BackupRuns::find_start() {
  Start start{.destinations = open_destinations(config_.store, clock_, log_, stop_),
              .goal = {},
              .work = {}};
  const UtcTime now = store_time(start.destinations);
  start.goal = find_goal(start.destinations, now);
  start.work = select(start.goal, start.destinations, now);
  return start;
}

std::vector<Group> BackupRuns::Goal::groups_and_lost() const {
  std::vector<Group> all = groups;
  for (const auto& [group, error] : lost) all.push_back(group);
  return all;
}

/// Returns the time of the stores, and notes how far it is ahead of this machine's.
UtcTime BackupRuns::store_time(const Destinations& destinations) {
  const UtcTime time = time_of(destinations, clock_);
  ahead_ = time - clock_.now();
  // Replies give whole seconds and take a while: that is no difference.
  if (std::chrono::abs(ahead_) <= kLeastDifference) ahead_ = std::chrono::seconds(0);
  return clock_.now() + ahead_;
}

BackupRuns::Goal BackupRuns::find_goal(const Destinations& destinations, UtcTime now) {
  if (config_.method == BackupMethod::physical) {
    return {.groups = {Group::cluster()}, .left_out = {}, .lost = {}};
  }
  FoundDatabases found = find_databases(config_.databases, config_.pg, log_, stop_);
  Goal goal{.groups = {}, .left_out = std::move(found.left_out), .lost = {}};
  for (std::string& name : found.names) goal.groups.push_back(Group::database(std::move(name)));
  if (config_.globals()) goal.groups.push_back(Group::globals());
  goal.lost = find_lost(goal.left_out, destinations, now);
  return goal;
}

std::map<Group, Error> BackupRuns::find_lost(const std::vector<LeftOut>& left_out,
                                             const Destinations& destinations, UtcTime now) {
  std::map<Group, Error> lost;
  for (const LeftOut& item : left_out) {
    const Group group = Group::database(item.database);
    try {
      const NewestStarts starts = newest_starts(destinations, {group}, now, log_);
      if (!std::any_of(starts.begin(), starts.end(),
                       [](const auto& start) { return start.second.has_value(); })) {
        continue;
      }
      lost.emplace(group,
                   Error(ErrorKind::failed,
                         fmt::format("backup of {}: there are older ones, but it is left out now: "
                                     "{}",
                                     item.database, item.reason),
                         "make it possible again, or name it in EXCLUDE_DATABASES to end its "
                         "backups"));
    } catch (...) {
      const Error error = current_failure();
      lost.emplace(group,
                   Error(error.kind(),
                         fmt::format("backup of {}: it is left out ({}), and whether there are "
                                     "older ones is not known: {}",
                                     item.database, item.reason, error.message()),
                         error.hint()));
    }
  }
  return lost;
}

/// Selects the work of a run. What is lost was made nowhere, so it is always a part of the work.
RunWork BackupRuns::select(const Goal& goal, const Destinations& destinations, UtcTime now) {
  return find_pending(
      states_, goal.groups_and_lost(), destinations,
      {.schedule = config_.timing.schedule, .now = now - ahead_, .counted_from = counted_from_});
}

void BackupRuns::make(const Goal& goal, const RunWork& work,
                      const std::optional<Schedule>& schedule) {
  ShiftedClock clock(clock_, ahead_);
  const UtcTime started = clock.now();
  const RunInfo run{.id = make_backup_id(started),
                    .started = started,
                    .groups = goal.groups,
                    .left_out = goal.left_out};
  const std::unique_ptr<GroupBackup> job = make_job(run, schedule, clock);
  run_id_ = run.id;
  run_groups_.clear();
  for (const GroupWork& item : work.groups) run_groups_.push_back(item.group);
  failures_.clear();
  unanswered_.clear();
  totals_ = {};
  const auto begun = clock_.steady();
  if (work.groups.size() != 1) {
    log_.info("making backups", {{"run", run.id}, {"backups", work.groups.size()}});
  }
  for (const GroupWork& item : work.groups) {
    const auto lost = goal.lost.find(item.group);
    std::optional<Error> error;
    if (lost == goal.lost.end()) {
      error = back_up_patiently(*job, item, started);
    } else {
      error = lost->second;
      note(item, {.holders = {}, .failures = {}, .error = error}, {.began = started - ahead_});
    }
    if (!error) continue;
    if (work.groups.size() != 1) log_failure(run.id, item.group, *error);
    failures_.emplace_back(item.group, *error);
  }
  const auto taken = std::chrono::duration_cast<std::chrono::seconds>(clock_.steady() - begun);
  log_.info("run finished", {{"run", run.id},
                             {"result", failures_.empty() ? "success" : "failure"},
                             {"backups", work.groups.size() - failures_.size()},
                             {"failed", failures_.size()},
                             {"bytes", LogBytes{totals_.stored_bytes}},
                             {"uncompressed_bytes", LogBytes{totals_.uncompressed_bytes}},
                             {"seconds", taken.count()}});
  throw_failures(work.groups.size());
}

/// Returns whether another database of the server accepts connections, so that only the one does
/// not.
bool BackupRuns::is_server_there() {
  try {
    static_cast<void>(connect_maintenance(config_.pg, stop_));
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled) throw;
    return false;
  }
}

/// Waits until PostgreSQL can be connected to, as far as there is patience. Returns whether it
/// could not be before and can be now.
bool BackupRuns::wait_for_server(const Group& group) {
  constexpr std::chrono::seconds kLongestPause{15};
  const auto deadline = clock_.steady() + patience_;
  bool has_waited = false;
  for (std::chrono::seconds pause{1}; patience_.count() > 0;
       pause = std::min(2 * pause, kLongestPause)) {
    const bool has_name = group.kind() == GroupKind::database;
    try {
      static_cast<void>(has_name ? PgConnection(config_.pg.with_database(group.name()), stop_)
                                 : connect_maintenance(config_.pg, stop_));
      return has_waited;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::transient || (has_name && is_server_there())) return false;
      patience_ = std::max(deadline - clock_.steady(), patience_.zero());
      const auto left = std::chrono::ceil<std::chrono::seconds>(patience_);
      LogFields fields = {{"cause", short_line(error.message())},
                          {"retried_for", format_duration(left)}};
      if (has_name) fields.emplace_back("database", group.name());
      log_.warn("PostgreSQL cannot be reached", fields);
      clock_.sleep(std::min(pause, left), stop_);
      has_waited = true;
    }
  }
  return false;
}

/// Makes a backup, and once more when PostgreSQL was unavailable and is back. Notes how it went,
/// also when the program is stopped.
std::optional<Error> BackupRuns::back_up_patiently(GroupBackup& job, const GroupWork& item,
                                                   UtcTime started) {
  RunRecord record{.began = started - ahead_};
  const auto begun = clock_.steady();
  BackupOutcome outcome;
  const auto note_end = [&] {
    record.taken = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
    note(item, outcome, record);
  };
  try {
    outcome = back_up(job, item);
    const bool may_pass = outcome.error && outcome.error->kind() == ErrorKind::transient;
    if (may_pass && wait_for_server(item.group)) outcome = back_up(job, item);
  } catch (...) {
    outcome.error = current_error();
    note_end();
    throw;
  }
  note_end();
  return outcome.error;
}

std::unique_ptr<GroupBackup> BackupRuns::make_job(const RunInfo& run,
                                                  const std::optional<Schedule>& schedule,
                                                  Clock& clock) {
  if (config_.method == BackupMethod::logical) {
    return std::make_unique<BackupJob>(BackupJobConfig{.pg = config_.pg,
                                                       .bindir = config_.bindir,
                                                       .dump = config_.dump,
                                                       .schedule = schedule,
                                                       .jitter = config_.timing.jitter,
                                                       .progress = &progress_},
                                       environment_, run, clock, log_, stop_);
  }
  const PhysicalOptions& options = config_.physical;
  return std::make_unique<BaseBackupJob>(
      BaseBackupConfig{
          .pg = [this] { return config_.pg.with_database(""); },
          .checkpoint = options.checkpoint,
          .max_rate = options.max_rate,
          .packing = config_.dump.packing,
          .effort = config_.dump.effort,
          .wal_stream = !options.wal_stream ? WalStreaming::off
                        : is_once_          ? WalStreaming::here
                                            : WalStreaming::elsewhere,
          .flush_interval = options.flush_interval,
          .open = [this] { return open_destinations(config_.store, clock_, log_, stop_); },
          .states = &states_,
          .schedule = schedule,
          .jitter = config_.timing.jitter,
          .progress = &progress_},
      run, clock, log_, stop_);
}

/// Makes a backup in the destinations that answer.
BackupOutcome BackupRuns::back_up(GroupBackup& job, const GroupWork& item) {
  SomeDestinations present = item.destinations;
  std::erase_if(present, [&](const Destination* destination) {
    return unanswered_[destination->name()] >= kMostUnanswered;
  });
  BackupOutcome outcome;
  begin(item);
  if (!present.empty()) outcome = job.back_up(item.group, present);
  if (!outcome.error && present.size() < item.destinations.size()) {
    outcome.error = Error(ErrorKind::transient,
                          fmt::format("backup of {}: not tried where the store did not answer the "
                                      "previous backups",
                                      item.group.name()));
  }
  for (const BackupHolder& holder : outcome.holders) unanswered_[holder.destination] = 0;
  for (const auto& [destination, error] : outcome.failures) {
    if (error.kind() == ErrorKind::transient) ++unanswered_[destination];
  }
  return outcome;
}

/// Returns when the next backup is due by the schedule; nullopt where the user has told none.
std::optional<UtcTime> BackupRuns::due_after(UtcTime started) const {
  if (is_once_ && !config_.timing.is_set) return std::nullopt;
  return next_due_after(started, config_.timing.schedule) + config_.timing.jitter;
}

void BackupRuns::begin(const GroupWork& item) {
  progress_.bytes = 0;
  progress_.total = 0;
  for (const Destination* const destination : item.destinations) {
    states_.begin(kBackupJob, item.group, destination->name(), clock_.now(), &progress_);
  }
}

LogFields BackupRuns::about_run() const {
  if (run_id_.empty()) return {};
  LogFields fields = {{"run", run_id_}};
  if (run_groups_.size() == 1) {
    fields.insert(fields.begin(), {"database", run_groups_.front().name()});
  }
  return fields;
}

/// Notes how it went in each destination. A dump that failed is a failure in all of them.
void BackupRuns::note(const GroupWork& item, const BackupOutcome& outcome, RunRecord record) {
  record.next_due = due_after(record.began);
  for (const Destination* const destination : item.destinations) {
    const std::string& name = destination->name();
    const auto is_here = [&](const auto& one) { return one.destination == name; };
    const auto holder = std::find_if(outcome.holders.begin(), outcome.holders.end(), is_here);
    const auto failure = std::find_if(outcome.failures.begin(), outcome.failures.end(), is_here);
    record.error.reset();
    if (holder != outcome.holders.end()) {
      record.size = holder->size;
      totals_.stored_bytes += holder->size.stored_bytes;
      totals_.uncompressed_bytes += holder->size.uncompressed_bytes;
      record.stages = outcome.stages;
    } else {
      record.error = failure == outcome.failures.end() ? outcome.error : failure->error;
    }
    states_.finish(kBackupJob, item.group, name, record);
  }
}

void BackupRuns::log_failure(const std::string& run, const Group& group, const Error& error) {
  LogFields fields = {{"database", group.name()}, {"run", run}, {"cause", error.message()}};
  if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
  log_.error("no backup was made", fields);
}

void BackupRuns::throw_failures(size_t wanted) {
  if (failures_.empty()) return;
  if (wanted == 1) throw Error(failures_.front().second);
  std::vector<std::string> names;
  for (const auto& [group, error] : failures_) names.push_back(group.name());
  throw Error(ErrorKind::failed,
              fmt::format("{} of {} backups failed: {}; the first: {}", failures_.size(), wanted,
                          fmt::join(names, ", "), failures_.front().second.message()),
              failures_.front().second.hint());
}

}  // namespace pgbackup
