// What `pg-backup restore` says before it touches anything.
#pragma once

#include <string>

#include "backup/postgres/connection.h"
#include "backup/restore/request.h"
#include "common/base/utc_time.h"
#include "common/catalog/catalog.h"

namespace pgbackup {

/// Returns `127.0.0.1:5432 as postgres`: where `server` is connected to, by the settings `config`.
[[nodiscard]] std::string describe_server(PgConnection& server, const PgConfig& config);

enum class Novelty { is_new, exists, is_replaced };

/// Returns `will restore app of 2026-11-20T03:15:00Z (3h old) into the new database app_copy on
/// ...`.
[[nodiscard]] std::string announce(const Backup& backup, const RestoreRequest& request,
                                   Novelty novelty, const std::string& server, UtcTime now);

}  // namespace pgbackup
