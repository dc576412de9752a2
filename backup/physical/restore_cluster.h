// `pg-backup restore --cluster` from the stores to the data directory: finds what is stored, has
// choose_base.h decide and cluster_restore.h do it.
#pragma once

#include <string>

#include "backup/physical/base_backups.h"
#include "backup/physical/cluster_request.h"
#include "backup/physical/cluster_restore.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/cluster_facts.h"
#include "common/store/destinations.h"
#include "common/store/store.h"

namespace pgbackup {

/// Restores the base backup `id`, or `latest`, from the first destination that has what the request
/// needs. Throws what choose_base() and ClusterRestore::run() throw, and the errors of all
/// destinations when none has it.
[[nodiscard]] ClusterReport restore_cluster(const Destinations& destinations,
                                            const ClusterRequest& request, const std::string& id,
                                            Clock& clock, Log& log);

/// Returns how a server recovers by the WAL that a base backup itself needs, and by no more.
[[nodiscard]] RecoveryRequest recovery_of_base(const ClusterFacts& facts);

/// Restores a base backup from `store` alone, with the WAL that it itself needs beside it, so that
/// a server there recovers as recovery_of_base() says. Throws what choose_base() and
/// ClusterRestore::run() throw.
ClusterReport restore_base(Store& store, const FoundBase& base, const ClusterTarget& target,
                           Clock& clock, Log& log);

}  // namespace pgbackup
