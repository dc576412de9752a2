// The part of a dump that goes into one target: what is chosen depends on what the target has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backup/postgres/connection.h"
#include "backup/restore/part.h"
#include "backup/restore/request.h"
#include "common/base/fd.h"
#include "common/base/log.h"

namespace pgbackup {

/// Holds a part, whose entries point into the Toc that it was chosen from.
struct TargetPart {
  Part part;
  Fd use_list;  ///< what pg_restore's --use-list reads

  /// Returns how many tables the part makes or fills.
  [[nodiscard]] int64_t tables() const;
};

/// Chooses from `toc` what `request` wants, for a database that is to be created where `target` is
/// nullptr. Logs what is left out. Throws `conflict` when the target holds some of it already
/// (without --clean), or lacks tables that it needs, and as choose_part() does.
[[nodiscard]] TargetPart choose_target_part(const Toc& toc, const RestoreRequest& request,
                                            PgConnection* target, Log& log);

/// Returns one line for each entry of the archive that `request` wants: its kind, name and owner.
[[nodiscard]] std::string format_contents(const Toc& toc, const PartRequest& request);

}  // namespace pgbackup
