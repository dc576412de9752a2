// `pg-backup restore`: which backup, or all of a run, or a file, and where to. How one is restored
// is in backup/restore.
#pragma once

#include "backup/program.h"

namespace pgbackup {

void restore_verb(Program& program);

}  // namespace pgbackup
