// What restore_command calls: brings one file of the write-ahead log from the first destination
// that holds it, and reads ahead.
// https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-PITR-RECOVERY
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "common/base/log.h"
#include "common/codec/age.h"
#include "common/store/destinations.h"

namespace pgbackup {

struct WalFetch {
  std::string name{};             ///< as PostgreSQL asks for it
  std::filesystem::path path{};   ///< where it goes; what is there is replaced
  std::string system_id{};        ///< empty: that of the data directory
  const AgeKeys* keys = nullptr;  ///< open what is encrypted; nullptr: nothing does
};

/// Makes the destinations. Called once for each thread, and by that thread.
using OpenDestinations = std::function<Destinations()>;

/// Returns true when the file is at its path, complete and durable, and false when every
/// destination has answered that it does not hold the file: only then may a recovery end here.
/// Anything else is thrown, and the path is left alone.
///
/// A segment that is stored in pieces comes filled up with zeros, when no destination holds the
/// whole one. Where one is missing and later ones of its timeline are stored, the recovery of a
/// standby may go on by other means, and that of any other server must not: `failed` is thrown.
///
/// After a segment, the next ones are brought into a directory within pg_wal, if the path is in
/// there. What goes wrong with those is left to the call that asks for them.
[[nodiscard]] bool fetch_wal(WalFetch fetch, const OpenDestinations& open, Log& log);

}  // namespace pgbackup
