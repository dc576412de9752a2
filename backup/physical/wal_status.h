// How the streaming of WAL to one destination stands, and whether that is well. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "common/base/utc_time.h"
#include "common/catalog/wal.h"
#include "common/service/job.h"

namespace pgbackup {

struct WalStatus {
  UtcTime begun;                             ///< the program's own start
  std::string destination{};                 ///< its name; "" where there is only one
  std::optional<UtcTime> connected_since{};  ///< nullopt: there is no connection to the server
  Lsn stored{};                              ///< the destination holds all WAL before; 0: unknown
  Lsn server_end{};                          ///< where the server's WAL ended when it last spoke
  Lsn confirmed{};  ///< what the server was told to be stored: it keeps the rest; 0: unknown
  /// When the oldest byte came that is not stored; nullopt: all that came is stored.
  std::optional<UtcTime> waiting_since{};
  /// When the first failure was since something was stored, or all was; connections alone count for
  /// nothing, since a store may answer and yet take nothing.
  std::optional<UtcTime> failing_since{};
  std::string last_error{};            ///< of the last of these failures
  bool is_refused = false;             ///< that one is a refusal, which no later try mends
  std::optional<UtcTime> gap_found{};  ///< when a gap was found that no base backup bridges yet
  std::string gap{};                   ///< the sentence about that gap
};

/// Returns since when something has been wrong, or bytes have waited to be stored; nullopt: all
/// that there is is stored.
[[nodiscard]] std::optional<UtcTime> trouble_since(const WalStatus& status);

/// Judges `status`. Bytes that wait to be stored, and a server that is not connected, are late like
/// everything else that is due every `flush_interval` (late_from()). A gap and a refusal
/// are unwell at once.
[[nodiscard]] Health judge_wal(const WalStatus& status, std::chrono::seconds flush_interval,
                               UtcTime now);

}  // namespace pgbackup
