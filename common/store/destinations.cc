#include "common/store/destinations.h"

#include <algorithm>

namespace pgbackup {
namespace {

std::string named(const std::string& destination, const std::string& text) {
  return destination.empty() ? text : destination + ": " + text;
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

SomeDestinations all_of(const Destinations& destinations) {
  SomeDestinations all;
  for (const Destination& destination : destinations) all.push_back(&destination);
  return all;
}

std::vector<DestinationFailure> for_each_destination(
    const Destinations& destinations, const std::function<void(const Destination&)>& work) {
  std::vector<DestinationFailure> failures;
  for (const Destination& destination : destinations) {
    try {
      work(destination);
    } catch (...) {
      failures.push_back({destination.name(), current_failure()});
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
  for (const auto& [destination, error] : failures) {
    append(message, "; ", named(destination, error.message()));
    if (error.hint().empty()) continue;
    append(hint, "; ", failures.size() > 1 ? named(destination, error.hint()) : error.hint());
  }
  return {worst == failures.end() ? ErrorKind::conflict : worst->error.kind(), message, hint};
}

UtcTime time_of(const Destinations& destinations, const Clock& clock) {
  for (const Destination& destination : destinations) {
    if (!destination.is_open()) continue;
    if (const std::optional<UtcTime> time = destination.store().own_time()) return *time;
  }
  return clock.now();
}

std::string locations(const SomeDestinations& destinations, std::string_view key) {
  std::string text;
  for (const Destination* const destination : destinations) {
    if (destination->is_open()) append(text, ", ", destination->store().location(key));
  }
  return text;
}

}  // namespace pgbackup
