// Reads something small of many backups of one destination, by several threads, each with a store
// of its own: a store is used by one thread. What is read is the caller's.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

#include "common/store/destinations.h"

namespace pgbackup {

/// Sets how many readers there are at the most, each with connections of its own.
inline constexpr size_t kMostReaders = 4;
/// Below this number a further reader costs more than it gains.
inline constexpr size_t kLeastForReader = 16;

/// Opens the destinations anew; called by several threads at once. Where it is not set there is one
/// reader.
using OpenAgain = std::function<Destinations()>;

/// Reads what has the number `i` of a list. Called by several threads at once, once for each
/// number.
using ReadOne = std::function<void(Store& store, size_t i)>;

/// Says where and for how many reads are to be made.
struct ParallelRead {
  const Destination& destination;
  const OpenAgain& open;
  size_t count = 0;    ///< of what is on the list
  size_t unknown = 0;  ///< so many of these cost a request
};

/// Calls `read` for each number below `count`. The first failure ends all, and is thrown; so is
/// `canceled`.
void read_in_parallel(const ParallelRead& what, const std::stop_token& stop, const ReadOne& read);

}  // namespace pgbackup
