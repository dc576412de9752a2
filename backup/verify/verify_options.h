// What `pg-backup verify` and VERIFY_SCHEDULE are told: the settings, and the checks on them.
// Verifies nothing.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/options.h"
#include "common/base/schedule.h"
#include "common/base/secret.h"
#include "common/catalog/verification.h"

namespace pgbackup {

struct VerifyOptions {
  VerifyDepth depth = VerifyDepth::archive;
  std::string cron{};                                     ///< value of VERIFY_SCHEDULE
  Secret url{};                                           ///< value of VERIFY_URL
  std::filesystem::path directory = "/tmp";               ///< where a server of our own is made
  std::chrono::seconds timeout = std::chrono::hours(24);  ///< for one backup
  bool stored = false;  ///< --stored, and so on: in place of `depth`
  bool archive = false;
  bool restore = false;

  // check_verify_options() sets this, and completes `depth`:
  std::optional<Schedule> schedule{};
};

/// Returns the rows of the option table, which point into `options`.
[[nodiscard]] std::vector<Option> verify_rows(VerifyOptions& options);
/// Returns the flags of the verb.
[[nodiscard]] std::vector<Option> verify_flags(VerifyOptions& options);

/// Completes `options`, and appends one sentence to `problems` for each mistake. `zone` is the time
/// zone of the process, UTC where empty.
void check_verify_options(VerifyOptions& options, std::string_view zone,
                          std::vector<std::string>& problems);

}  // namespace pgbackup
