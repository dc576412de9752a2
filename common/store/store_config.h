// The settings that name the destinations, shared by both programs, and the stores that they
// describe.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/store/destinations.h"
#include "common/store/s3/store.h"
#include "common/store/signatures.h"

namespace pgbackup {

struct StoreConfig {
  std::filesystem::path backup_dir;
  S3Config s3;
  std::chrono::seconds retry_time = std::chrono::minutes(15);
  std::optional<std::chrono::seconds> first_contact{};  ///< see S3Config
  Environment environment = process_environment();      ///< where AWS_* credentials are looked for
  std::string only;  ///< `s3` or `dir`: this destination alone; empty: all that are set
  /// Holds the prefix below `backup_dir`, empty or with a slash at its end. check_store_config()
  /// sets it where the prefix comes as DB_BACKUP_PREFIX, which was one of directories, too.
  std::string dir_prefix{};
  SignatureConfig signatures{};
};

/// Returns rows of the option table. The rows point into `config`, which must outlive them.
[[nodiscard]] std::vector<Option> store_options(StoreConfig& config);

/// Returns further rows for the program that writes.
[[nodiscard]] std::vector<Option> upload_options(StoreConfig& config);

/// Returns the rows that limit the rate of writing and reading.
[[nodiscard]] std::vector<Option> rate_options(StoreConfig& config);

/// Returns further rows for the program that deletes.
[[nodiscard]] std::vector<Option> removal_options(StoreConfig& config);

/// Takes s3:// and the like apart, and appends what is missing or contradictory, one sentence each.
/// Drops earlier problems with the bucket's settings when only the directory is asked for.
void check_store_config(StoreConfig& config, const ParsedOptions& parsed,
                        std::vector<std::string>& problems);

/// Returns the region to begin with; an empty string stands for that of the endpoint's name, else
/// the default. AWS_REGION comes after the name: ECS and EKS put it into every container, whatever
/// the bucket's provider.
[[nodiscard]] std::string configured_region(const StoreConfig& config);

/// Returns the settings of the bucket for an S3Client, with copies of the keys or the source of
/// credentials. `clock` must outlive the result.
[[nodiscard]] S3Config s3_config(const StoreConfig& config, Clock& clock);

/// Returns the names of the destinations that the settings name, in the order in which
/// open_destinations() opens them: one empty name where there is only one.
[[nodiscard]] std::vector<std::string> destination_names(const StoreConfig& config);

/// Opens each destination by itself. `config` must have passed check_store_config(). Throws when no
/// destination can be opened. After a stop, the stores may be used only to clean up.
[[nodiscard]] Destinations open_destinations(const StoreConfig& config, Clock& clock, Log& log,
                                             const std::stop_token& stop);

}  // namespace pgbackup
