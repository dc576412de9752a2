// The base backups in a store that can be restored.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/base/utc_time.h"
#include "common/catalog/catalog.h"
#include "common/catalog/manifest.h"
#include "common/catalog/recovery_window.h"
#include "common/codec/age.h"
#include "common/store/store.h"

namespace pgbackup {

/// A base backup that can be restored as far as its manifest and the listing tell.
struct FoundBase {
  Backup backup;
  Manifest manifest;
  const AgeKeys* keys = nullptr;  ///< open what is encrypted; nullptr: nothing does
};

/// Calls `visit` with each base backup that read_base_backups() returns, newest first, until that
/// returns false. Each costs a request.
void visit_base_backups(Store& store, UtcTime now, Log& log,
                        const std::function<bool(FoundBase)>& visit);

/// Returns the base backups, newest first, `most` of them at the most; each costs a request. Leaves
/// out what is incomplete, dated in the future or damaged; a damaged one is logged.
[[nodiscard]] std::vector<FoundBase> read_base_backups(Store& store, UtcTime now, size_t most,
                                                       Log& log);

/// Returns the base backups for a restore of `id`, or `latest`, as read_base_backups() does. One
/// that is dated in the future is logged, and left out unless `id` names it.
[[nodiscard]] std::vector<FoundBase> read_base_backups_of(Store& store, UtcTime now,
                                                          std::string_view id, Log& log);

/// Returns what recovery_window.h works with.
[[nodiscard]] BaseBackup base_of(const Manifest& manifest);

}  // namespace pgbackup
