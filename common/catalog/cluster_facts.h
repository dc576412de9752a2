// The facts that only a base backup has: which server's data it is, and which write-ahead log it
// needs. They are part of its manifest.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/catalog/wal.h"

namespace pgbackup {

/// A tablespace outside the data directory, with a stream of its own that is named by its OID.
struct TablespaceFacts {
  uint32_t oid = 0;
  std::string location;  ///< an absolute path on the server
  uint64_t bytes = 0;    ///< about, as the server estimated them before
};

struct ClusterFacts {
  Lsn start;  ///< recovery begins here
  Lsn end;    ///< before this position the data is not consistent
  Timeline timeline = 0;
  uint64_t segment_bytes = kDefaultSegmentBytes;
  bool from_standby = false;
  /// How far the server's clock, which commits are dated by, was ahead of the one that dates the
  /// backup; negative: behind.
  std::chrono::seconds clock_ahead{0};
  std::vector<TablespaceFacts> tablespaces{};
};

}  // namespace pgbackup
