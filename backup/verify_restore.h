// The deepest verification: restores a dump into a server of our own, or into the one that
// VERIFY_URL names, and compares what is there with what the dump noted. Leaves nothing behind.
#pragma once

#include <string>
#include <vector>

#include "backup/config.h"
#include "backup/verify/read_check.h"
#include "common/catalog/catalog.h"
#include "common/catalog/manifest.h"
#include "common/store/store.h"

namespace pgbackup {

/// Returns what was compared, and what could not be, one sentence each. Throws `corrupt` where the
/// backup is to blame, and any other error where nothing is known of it.
[[nodiscard]] std::vector<std::string> check_restore_of(Store& store, const Backup& backup,
                                                        const Manifest& manifest,
                                                        const BackupConfig& config,
                                                        const VerifyMeans& means);

}  // namespace pgbackup
