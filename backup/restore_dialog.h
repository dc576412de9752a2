// `pg-backup restore` without a database on a terminal: shows what there is and asks.
#pragma once

#include <stop_token>

#include "backup/config.h"
#include "common/store/store.h"

namespace pgbackup {

/// Completes `request` from the answers: which backup, into which database. Throws `canceled`.
[[nodiscard]] RestoreRequest ask_what_to_restore(Store& store, const PgConfig& pg,
                                                 RestoreRequest request,
                                                 const std::stop_token& stop);

}  // namespace pgbackup
