// What `pg-backup restore --cluster` is told: its flags, and the checks on them. Restores nothing:
// restore_cluster.h does.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "backup/physical/choose_base.h"
#include "backup/physical/recovery.h"
#include "backup/physical/restore_target.h"
#include "common/base/options.h"
#include "common/codec/age.h"

namespace pgbackup {

enum class WalWay {
  copy,   ///< the WAL is copied beside the data
  fetch,  ///< the server calls `pg-backup wal-fetch`
};

/// Holds the flags of `pg-backup restore --cluster` as they are given, and what they mean.
struct ClusterRequest {
  bool cluster = false;
  std::filesystem::path target_dir = "/pgdata";
  std::string target_time{};
  std::string target_lsn{};
  std::string target_xid{};
  std::string target_name{};
  bool target_immediate = false;
  std::string target_timeline = "latest";
  TargetAction action = TargetAction::promote;
  bool standby = false;
  WalWay wal = WalWay::copy;
  std::string restore_command{};  ///< of the restored server, in place of ours
  std::string tablespaces{};      ///< OLD=NEW, separated by commas

  // Set by check_cluster_request().
  RecoveryTarget target{};
  std::optional<Timeline> timeline{};
  std::vector<TablespaceMapping> mappings{};

  /// Opens what is encrypted; nullptr: nothing does. Set by the caller of restore_cluster().
  const AgeKeys* keys = nullptr;
};

/// Returns the rows of the option table, which point into `request`.
[[nodiscard]] std::vector<Option> cluster_restore_options(ClusterRequest& request);

/// Returns the flags of `request` that are given, without --cluster.
[[nodiscard]] std::vector<std::string> cluster_flags(const ClusterRequest& request);

/// Completes `request` after parsing and appends one sentence to `problems` for each mistake.
void check_cluster_request(ClusterRequest& request, std::vector<std::string>& problems);

}  // namespace pgbackup
