// The moment in which a backup begins to exist, and the way back when that fails.
#pragma once

#include <vector>

#include "common/base/log.h"
#include "common/catalog/manifest.h"
#include "common/store/store.h"

namespace pgbackup {

/// Writes the manifest beside `objects`, which are in the store. When that fails, manifest and
/// objects are removed again as far as the store answers, and the error is thrown.
void commit_backup(Store& store, const Manifest& manifest, const std::vector<StoredObject>& objects,
                   Log& log);

}  // namespace pgbackup
