// Reads a stored backup to its end and lets nobody have the bytes but pg_restore, which writes
// nothing anywhere. Needs no server.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>

#include "backup/postgres/client_program.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/catalog.h"
#include "common/catalog/manifest.h"
#include "common/store/store.h"

namespace pgbackup {

/// Holds what a verification works with. What it refers to must outlive the verification.
struct VerifyMeans {
  std::filesystem::path bindir;
  const Environment& environment;  ///< of client programs, without secrets
  Clock& clock;
  Log& log;
  std::stop_token stop;
  const AgeKeys* keys = nullptr;  ///< open what is encrypted; nullptr: nothing does
};

/// Throws `failed` where WAL is missing without which a base backup cannot be restored.
void require_wal(Store& store, const Manifest& manifest, Log& log);

// Both throw `corrupt` for a backup that is bad, any other error for one that could not be read
// now, and return how many bytes were read.

/// Compares size and SHA-256 of every object with the manifest.
uint64_t check_stored(Store& store, const Backup& backup, const Manifest& manifest);
/// Compares as check_stored() does, but not the private part, which is known: open_private() has
/// compared it. Unpacks, and lets pg_restore read an archive to its end. Looks
/// at SQL as a restore would.
uint64_t check_archive(Store& store, const Backup& backup, const Manifest& manifest,
                       const VerifyMeans& means);

}  // namespace pgbackup
