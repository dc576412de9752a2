// The places that hold backups when there is more than one. Each has a name and fails for itself:
// what one cannot do, the others still do.
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
  /// One that could not be opened.
  Destination(std::string name, Error error) : name_(std::move(name)), store_(std::move(error)) {}

  /// `s3` or `dir`; empty where there is only one, which nobody needs to be told.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_open() const {
    return std::holds_alternative<std::unique_ptr<Store>>(store_);
  }
  /// Throws why it could not be opened.
  [[nodiscard]] Store& store() const;

 private:
  std::string name_;
  std::variant<std::unique_ptr<Store>, Error> store_;
};

/// In the order in which they are preferred; at least one.
using Destinations = std::vector<Destination>;

/// Some of them.
using SomeDestinations = std::vector<const Destination*>;

[[nodiscard]] SomeDestinations all_of(const Destinations& destinations);

struct DestinationFailure {
  std::string destination;  ///< its name
  Error error;
};

/// Calls `work` for each destination, whatever became of the one before. `canceled` ends it at
/// once.
[[nodiscard]] std::vector<DestinationFailure> for_each_destination(
    const Destinations& destinations, const std::function<void(const Destination&)>& work);

/// All of them (at least one) as one Error: `dir: ...; s3: ...`. Its kind is that of the first that
/// is more than a refusal, so that exit code 1 comes before 3.
[[nodiscard]] Error join_failures(const std::vector<DestinationFailure>& failures);

/// The time by which backups are dated and looked for: that of the store which has a clock of its
/// own and tells it, else this machine's. Throws `canceled` only.
[[nodiscard]] UtcTime time_of(const Destinations& destinations, const Clock& clock);

/// Where `key` lies in those that could be opened, for messages: `/backups/app, s3://bucket/app`.
[[nodiscard]] std::string locations(const SomeDestinations& destinations, std::string_view key);

}  // namespace pgbackup
