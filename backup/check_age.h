// What `check` finds out about encryption: whether age encrypts for the recipients, and whether the
// identities at hand, where there are any, open the newest backups.
#pragma once

#include <string>
#include <vector>

#include "backup/age_options.h"
#include "common/service/backups_check.h"
#include "common/service/finding.h"
#include "common/store/store.h"

namespace pgbackup {

/// Tries the program, and reads the identities into `options`. Finds nothing where there are
/// neither recipients nor identities.
[[nodiscard]] Findings check_age(AgeOptions& options);

/// Opens the newest backup of each of the `groups` that is encrypted. Finds nothing where there are
/// no `keys`.
[[nodiscard]] Findings check_opening(Store& store, const std::string& area,
                                     const std::vector<GroupBackups>& groups, const AgeKeys* keys);

}  // namespace pgbackup
