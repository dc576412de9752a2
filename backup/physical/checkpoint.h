// The checkpoint that a base backup begins with, as a proof: the stored WAL has the same record
// only if it was written by the same server in the same history. Names and positions prove nothing:
// a server that was set back, or another copy of it, writes other WAL under the same names.
// https://github.com/postgres/postgres/blob/REL_17_STABLE/src/include/catalog/pg_control.h
// https://github.com/postgres/postgres/blob/REL_17_STABLE/src/include/access/xlogrecord.h
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backup/physical/wal_reader.h"
#include "common/catalog/wal.h"

namespace pgbackup {

struct Checkpoint {
  Lsn position;  ///< of its record
  Timeline timeline = 0;
  std::string copy;  ///< what the control file holds of the record, and what follows there
};

/// Reads the checkpoint out of a control file of PostgreSQL 13 to 19, which check_control_file()
/// has taken.
[[nodiscard]] Checkpoint checkpoint_of(std::string_view control_file);

/// Throws `conflict` unless the store holds the record of the checkpoint at its position, and what
/// WalReader::fetch() throws. Proves nothing where `reader` cannot read what is stored there.
void require_checkpoint(WalReader& reader, const Checkpoint& checkpoint, uint64_t segment_bytes);

}  // namespace pgbackup
