#include "common/service/run_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/base/printable.h"

namespace pgbackup {

namespace {

void mark_succeeded(RunState& state, UtcTime began, std::optional<UtcTime> next_due) {
  state.last_success = began;
  state.failures = 0;
  state.last_error.clear();
  if (next_due) state.next_due = next_due;
}

void mark_failed(RunState& state, const Error& error) {
  ++state.failures;
  state.last_error = error.message();
}

RunResult result_of(const std::optional<Error>& error) {
  if (!error) return RunResult::success;
  return error->kind() == ErrorKind::conflict ? RunResult::refused : RunResult::failure;
}

}  // namespace

std::string work_name(const Work& work, const std::string& job) {
  const std::string name = work.group.is_named() ? printable(work.group.name()) : job;
  return work.destination.empty() ? name : fmt::format("{} ({})", name, work.destination);
}

RunState& RunStates::at(const Key& key) {
  const auto [found, is_new] = entries_.try_emplace(key);
  RunState& state = found->second.state;
  if (is_new) std::tie(state.job, state.group, state.destination) = key;
  return state;
}

void RunStates::succeed(const std::string& job, const Group& group, const std::string& destination,
                        UtcTime started, std::optional<UtcTime> next_due) {
  const std::lock_guard lock(mutex_);
  mark_succeeded(at({job, group, destination}), started, next_due);
}

void RunStates::fail(const std::string& job, const Group& group, const std::string& destination,
                     const Error& error) {
  const std::lock_guard lock(mutex_);
  mark_failed(at({job, group, destination}), error);
}

void RunStates::begin(const std::string& job, const Group& group, const std::string& destination,
                      UtcTime now, const ProgressCount* progress) {
  const std::lock_guard lock(mutex_);
  const Key key{job, group, destination};
  at(key).running = PresentRun{.since = now};
  entries_.at(key).progress = progress;
}

void RunStates::finish(const std::string& job, const Group& group, const std::string& destination,
                       const RunRecord& record) {
  const std::lock_guard lock(mutex_);
  RunState& state = at({job, group, destination});
  state.running.reset();
  state.last_run = LastRun{.began = record.began,
                           .taken = record.taken,
                           .exit_code = record.error ? exit_code(record.error->kind()) : 0};
  ++state.runs.at(static_cast<size_t>(result_of(record.error)));
  if (record.error) {
    mark_failed(state, *record.error);
    state.last_failure = record.began;
    if (record.next_due && !state.next_due) state.next_due = record.began;  // it was due then
    return;
  }
  mark_succeeded(state, record.began, record.next_due);
  state.size = record.size;
  state.stages = record.stages;
}

void RunStates::finish_all(const std::string& job, const RunRecord& record) {
  std::vector<RunState> known = all();
  std::erase_if(known, [&](const RunState& state) { return state.job != job; });
  if (known.empty()) return finish(job, {}, "", record);
  for (const RunState& state : known) finish(job, state.group, state.destination, record);
}

void RunStates::keep_only(const std::string& job, const std::vector<Group>& groups) {
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const auto& item) {
    const RunState& state = item.second.state;
    return state.job == job && std::find(groups.begin(), groups.end(), state.group) == groups.end();
  });
}

std::optional<UtcTime> RunStates::last_success(const std::string& job, const Group& group,
                                               const std::string& destination) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find({job, group, destination});
  return found == entries_.end() ? std::nullopt : found->second.state.last_success;
}

std::vector<RunState> RunStates::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<RunState> states;
  states.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) {
    RunState& state = states.emplace_back(entry.state);
    if (!state.running || entry.progress == nullptr) continue;
    state.running->bytes = entry.progress->bytes;
    state.running->estimate = entry.progress->total;
  }
  return states;
}

std::string describe_failing(const std::vector<RunState>& states) {
  constexpr size_t kMostNames = 3;
  std::vector<std::string> names;
  size_t more = 0;
  for (const RunState& state : states) {
    if (state.failures == 0) continue;
    if (names.size() == kMostNames) {
      ++more;
    } else {
      names.push_back(work_name({state.group, state.destination}, state.job));
    }
  }
  if (more > 0) names.push_back(fmt::format("{} more", more));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace pgbackup
