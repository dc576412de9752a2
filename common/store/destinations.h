// The destinations that hold backups when there is more than one. Each has a name and fails by
// itself: the others still do what one cannot.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/store/store.h"

namespace pgbackup {

inline constexpr const char* kDirDestination = "dir";
inline constexpr const char* kS3Destination = "s3";

class Destination {
 public:
  Destination(std::string name, std::unique_ptr<Store> store)
      : name_(std::move(name)), store_(std::move(store)) {}
  /// Stands for a destination that could not be opened, and keeps the error.
  Destination(std::string name, Error error) : name_(std::move(name)), store_(std::move(error)) {}

  /// Returns `s3` or `dir`; an empty string where there is only one destination.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_open() const {
    return std::holds_alternative<std::unique_ptr<Store>>(store_);
  }
  /// Returns the store. Throws the error of opening when there is none.
  [[nodiscard]] Store& store() const;

 private:
  std::string name_;
  std::variant<std::unique_ptr<Store>, Error> store_;
};

/// Holds at least one destination, in the order in which they are preferred.
using Destinations = std::vector<Destination>;

/// Holds some of the destinations.
using SomeDestinations = std::vector<const Destination*>;

[[nodiscard]] SomeDestinations all_of(const Destinations& destinations);

struct DestinationFailure {
  std::string destination;  ///< the name of the destination
  Error error;
};

/// Calls `work` for each destination, whatever happened to the one before, and returns the
/// failures. Throws `canceled` at once.
[[nodiscard]] std::vector<DestinationFailure> for_each_destination(
    const Destinations& destinations, const std::function<void(const Destination&)>& work);

/// Joins all failures (at least one) to one Error: `dir: ...; s3: ...`. Its kind is that of the
/// first failure that is more than a refusal, so that exit code 1 comes before 3.
[[nodiscard]] Error join_failures(const std::vector<DestinationFailure>& failures);

/// Returns the time by which backups are dated and looked for: that of the store which has a clock
/// of its own and tells it, else this machine's. Throws `canceled` only.
[[nodiscard]] UtcTime time_of(const Destinations& destinations, const Clock& clock);

/// Returns the locations of `key` in the destinations that could be opened, for messages:
/// `/backups/app, s3://bucket/app`.
[[nodiscard]] std::string locations(const SomeDestinations& destinations, std::string_view key);

}  // namespace pgbackup
