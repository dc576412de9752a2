// The settings of a thread's own, for a job beside the one that makes backups, which changes its
// own when a secret was rotated.
#pragma once

#include <span>
#include <stop_token>
#include <string>

#include "backup/config.h"
#include "common/base/log.h"
#include "common/base/options.h"

namespace pgbackup {

class OwnSettings {
 public:
  /// Parses what main() has parsed. `counter`, which may be null, counts requests. Must be called
  /// before there are threads. Throws `usage`.
  OwnSettings(std::span<const std::string> arguments, const Environment& environment,
              RequestCounter* counter);
  OwnSettings(const OwnSettings&) = delete;
  OwnSettings& operator=(const OwnSettings&) = delete;
  ~OwnSettings() = default;

  [[nodiscard]] const BackupConfig& config() const { return config_; }
  /// Reads again what may have been rotated since, and logs what had to be kept. From then on a
  /// `stop` ends the programs that the settings start.
  void refresh(Log& log, const std::stop_token& stop);

 private:
  Environment environment_;
  BackupConfig config_;
  CommandLine command_;  ///< refers to config_
  ParsedOptions parsed_;
};

}  // namespace pgbackup
