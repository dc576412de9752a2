// Reads what decides about the write-ahead logs: what is stored of them, and the manifests of all
// base backups. Decides nothing: wal_prune.h does.
#pragma once

#include <stop_token>
#include <vector>

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/store/store.h"
#include "prune/plan.h"

namespace pgbackup {

/// Sets plan.wal_input where a base backup or, by `catalog`, a log is stored. Returns the errors
/// because of which a part cannot be known, so that nothing of the logs is deleted. Throws
/// `canceled`, and `transient` when the store does not answer.
[[nodiscard]] std::vector<Error> read_wal(Store& store, const Catalog& catalog, Plan& plan,
                                          Log& log, const std::stop_token& stop);

}  // namespace pgbackup
