#include "common/store/destinations.h"

#include <algorithm>

namespace pgbackup {
namespace {

std::string named(const std::string& target, const std::string& text) {
  return target.empty() ? text : target + ": " + text;
}

void append(std::string& text, std::string_view separator, const std::string& more) {
  if (!text.empty()) text += separator;
  text += more;
}

}  // namespace

Store& Destination::store() const {
  if (const Error* const error = std::get_if<Error>(&store_)) throw Error(*error);
  return *std::get<std::unique_ptr<Store>>(store_);
}

SomeDestinations all_of(const Destinations& targets) {
  SomeDestinations all;
  for (const Destination& target : targets) all.push_back(&target);
  return all;
}

std::vector<DestinationFailure> for_each_destination(
    const Destinations& targets, const std::function<void(const Destination&)>& work) {
  std::vector<DestinationFailure> failures;
  for (const Destination& target : targets) {
    try {
      work(target);
    } catch (...) {
      failures.push_back({target.name(), current_failure()});
    }
  }
  return failures;
}

Error join_failures(const std::vector<DestinationFailure>& failures) {
  const auto worst =
      std::find_if(failures.begin(), failures.end(), [](const DestinationFailure& failure) {
        return failure.error.kind() != ErrorKind::conflict;
      });
  std::string message;
  std::string hint;
  for (const auto& [target, error] : failures) {
    append(message, "; ", named(target, error.message()));
    if (error.hint().empty()) continue;
    append(hint, "; ", failures.size() > 1 ? named(target, error.hint()) : error.hint());
  }
  return {worst == failures.end() ? ErrorKind::conflict : worst->error.kind(), message, hint};
}

UtcTime time_of(const Destinations& targets, const Clock& clock) {
  for (const Destination& target : targets) {
    if (!target.is_open()) continue;
    if (const std::optional<UtcTime> time = target.store().own_time()) return *time;
  }
  return clock.now();
}

std::string locations(const SomeDestinations& targets, std::string_view key) {
  std::string text;
  for (const Destination* const target : targets) {
    if (target->is_open()) append(text, ", ", target->store().location(key));
  }
  return text;
}

}  // namespace pgbackup
