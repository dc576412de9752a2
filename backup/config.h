// Everything that pg-backup can be told: one table of options, and the checks that need more than
// one row. Reads no environment itself: common/base/options.h does. docs/configuration.md lists the
// options.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "backup/age_options.h"
#include "backup/dump/dump_options.h"
#include "backup/list.h"
#include "backup/physical/cluster_request.h"
#include "backup/physical/physical_options.h"
#include "backup/postgres/connection.h"
#include "backup/postgres/database_list.h"
#include "backup/restore/request.h"
#include "backup/verify/verify_options.h"
#include "common/base/options.h"
#include "common/catalog/adoption.h"
#include "common/service/program.h"
#include "common/service/report_config.h"
#include "common/service/schedule_config.h"
#include "common/store/store_config.h"

namespace pgbackup {

enum class BackupMethod {
  logical,   ///< pg_dump, database by database
  physical,  ///< base backups of the whole server, and its WAL
};

enum class Globals { with_all, yes, no };

struct BackupConfig {
  ServiceConfig service{.health_socket = "pg-backup"};
  ReportConfig reports{.metrics_job = "pg_backup"};
  StoreConfig store;
  AdoptionConfig adoption;
  PgConfig pg;
  BackupMethod method = BackupMethod::logical;
  PhysicalOptions physical;
  WalFileOptions wal_file;
  Secret database_url;
  PgConfig target;  ///< where restores go, as TARGET_* say; the result of check_target()
  Secret target_url;
  bool uses_database_url = false;  ///< no stronger setting says where to connect
  std::string database_list;       ///< value of DATABASES
  std::string excluded_databases;  ///< value of EXCLUDE_DATABASES
  DatabaseSelection databases;     ///< the result of DB, DATABASES and EXCLUDE_DATABASES
  Globals backup_globals = Globals::with_all;
  std::filesystem::path bindir;
  ScheduleConfig timing{.interval = std::chrono::hours(24)};
  bool if_due = false;  ///< --if-due of `now`: only what has no backup of the present period
  bool may_be_on_root = false;  ///< BACKUP_DIR may be in the root filesystem of a container
  std::chrono::seconds db_retry_time{0};  ///< how long `now` waits for PostgreSQL
  DumpOptions dump;                       ///< encrypts with `age`
  AgeOptions age;
  ListRequest list{};
  bool json = false;
  RestoreRequest restore;
  ClusterRequest cluster;
  VerifyOptions verify;

  /// Returns whether a run takes roles and tablespaces.
  [[nodiscard]] bool globals() const {
    return backup_globals == Globals::yes || (backup_globals == Globals::with_all && databases.all);
  }
};

/// Returns the command line. The result points into `config`, which must outlive it.
[[nodiscard]] CommandLine backup_command_line(BackupConfig& config);

/// Completes `config` after parsing, and adds one sentence to `parsed` for each setting that its
/// verb lacks or that is worth a note.
void check_backup_config(BackupConfig& config, ParsedOptions& parsed,
                         const Environment& environment);

}  // namespace pgbackup
