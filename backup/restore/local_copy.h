// `restore --jobs`: a dump as a file, which pg_restore needs to read at several places at once. The
// only restore that takes room on a disk. The file has no name, so that nothing is left of it.
#pragma once

#include <cstdint>

#include "backup/restore/stored_dump.h"
#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/base/options.h"

namespace pgbackup {

class LocalCopy {
 public:
  /// Copies all of `dump`, checked, into the directory that TMPDIR of `environment` names, or /tmp.
  /// Logs how much room that takes and there is. Throws `failed` when it does not suffice, and as
  /// StoredDump::copy() does.
  LocalCopy(StoredDump& dump, const Environment& environment, Clock& clock, Log& log);

  [[nodiscard]] int fd() const { return file_.get(); }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  Fd file_;
  uint64_t bytes_ = 0;
};

}  // namespace pgbackup
