// `pg-backup restore --output`: a dump into a file, or to stdout, as pg_dump wrote it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>

#include "backup/restore/stored_dump.h"
#include "common/base/clock.h"
#include "common/base/log.h"

namespace pgbackup {

/// Writes `dump` to the file `output`, which appears when all of it is there, or to stdout for `-`.
/// Returns the number of bytes. Throws `conflict` when the file exists, `not_found` when its
/// directory does not, and as StoredDump::copy() does.
uint64_t write_output(StoredDump& dump, const std::filesystem::path& output, Clock& clock, Log& log,
                      const std::stop_token& stop);

}  // namespace pgbackup
