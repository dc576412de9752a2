#include "common/service/run_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace pgbackup {

RunState& RunStates::at(const Key& key) {
  const auto [found, is_new] = states_.try_emplace(key);
  if (is_new) std::tie(found->second.job, found->second.group, found->second.destination) = key;
  return found->second;
}

void RunStates::succeed(const std::string& job, const Group& group, const std::string& destination,
                        UtcTime started) {
  const std::lock_guard lock(mutex_);
  RunState& state = at({job, group, destination});
  state.last_success = started;
  state.failures = 0;
  state.last_error.clear();
}

void RunStates::fail(const std::string& job, const Group& group, const std::string& destination,
                     const Error& error) {
  const std::lock_guard lock(mutex_);
  RunState& state = at({job, group, destination});
  ++state.failures;
  state.last_error = error.message();
}

void RunStates::keep_only(const std::string& job, const std::vector<Group>& groups) {
  const std::lock_guard lock(mutex_);
  std::erase_if(states_, [&](const auto& item) {
    const RunState& state = item.second;
    return state.job == job && std::find(groups.begin(), groups.end(), state.group) == groups.end();
  });
}

std::optional<UtcTime> RunStates::last_success(const std::string& job, const Group& group,
                                               const std::string& destination) const {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find({job, group, destination});
  return found == states_.end() ? std::nullopt : found->second.last_success;
}

std::vector<RunState> RunStates::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<RunState> states;
  states.reserve(states_.size());
  for (const auto& [key, state] : states_) states.push_back(state);
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
      const std::string& name = state.group.is_named() ? state.group.name() : state.job;
      names.push_back(state.destination.empty() ? name
                                                : fmt::format("{} ({})", name, state.destination));
    }
  }
  if (more > 0) names.push_back(fmt::format("{} more", more));
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace pgbackup
