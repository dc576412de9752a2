// Where streaming starts, decided from what the store holds and what the server is. Pure.
#pragma once

#include <vector>

#include "common/catalog/wal.h"
#include "common/catalog/wal_listing.h"

namespace pgbackup {

/// Where a server stands.
struct ServerPosition {
  Timeline timeline = 0;
  Lsn position;                           ///< where its durable WAL ends
  std::vector<TimelineSwitch> history{};  ///< of `timeline`, oldest first
  uint64_t segment_bytes = kDefaultSegmentBytes;
};

struct WalStart {
  Timeline timeline = 0;
  Lsn position;           ///< the start of a segment
  Lsn stored;             ///< the store holds what lies between `position` and here
  bool is_first = false;  ///< the store holds nothing that this server's WAL follows
};

/// Returns where to start, so that what is stored goes on without a gap: on the newest timeline of
/// the server's history of which something is stored, at the segment in which that ends. Where
/// nothing is stored, at the segment in which the server is.
[[nodiscard]] WalStart find_start(const ServerWal& stored, const ServerPosition& server);

/// Returns where to start so that the stream fills the first hole behind `kept`, from which on the
/// server keeps its WAL for the slot: a run of its own may have stored later segments. Returns
/// `start` where there is no hole before.
[[nodiscard]] WalStart fill_hole(const ServerWal& stored, const ServerPosition& server,
                                 const WalStart& start, Lsn kept);

/// Returns the start of the segment in which the server is.
[[nodiscard]] WalStart start_here(const ServerPosition& server);

}  // namespace pgbackup
