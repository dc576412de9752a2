// What every verb of pg-backup works with.
#pragma once

#include <span>
#include <stop_token>
#include <string>

#include "backup/config.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/http/request_counter.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Refers to what main() owns.
struct Program {
  BackupConfig& config;
  const Environment& environment;
  Clock& clock;
  Log& log;
  std::stop_token stop;
  std::span<const std::string> arguments;  ///< of the command line
  RequestCounter& requests;
  UtcTime started;  ///< when the process began

  /// Opens the destinations, for each piece of work, so that a directory that was unavailable at
  /// start is found later.
  [[nodiscard]] Destinations open() const {
    return open_destinations(config.store, clock, log, stop);
  }
};

}  // namespace pgbackup
