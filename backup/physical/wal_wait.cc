#include "backup/physical/wal_wait.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/error.h"
#include "common/base/units.h"
#include "common/catalog/wal_listing.h"

namespace pgbackup {
namespace {

constexpr std::chrono::milliseconds kPause{500};

/// Returns up to where the segment at `from` is stored, by a listing of this segment alone.
Lsn reached_in(Store& store, const NeededWal& range, Lsn from) {
  const WalSegment segment = segment_at(range.timeline, from, range.segment_bytes);
  const StoredSegment stored =
      list_wal_file(store, range.system_id, segment_name(segment, range.segment_bytes));
  return Lsn{start_of(segment, range.segment_bytes).value + stored.reach(range.segment_bytes)};
}

}  // namespace

void wait_for_wal(Store& store, const NeededWal& range, Clock& clock, const std::stop_token& stop,
                  const std::function<void()>& check) {
  WalListing listing = list_wal(store, range.system_id);
  Lsn reached =
      stored_until(listing[range.system_id], range.timeline, range.begin, range.segment_bytes);
  listing.clear();
  auto give_up = clock.steady() + range.patience;
  while (reached < range.end) {
    check();
    const Lsn now = reached_in(store, range, reached);
    if (now > reached) {
      reached = now;
      give_up = clock.steady() + range.patience;
      continue;
    }
    if (clock.steady() >= give_up) {
      throw Error(
          ErrorKind::failed,
          fmt::format("{} is not in the store {} after the base backup: it needs the WAL from {} "
                      "to {}",
                      segment_name(segment_at(range.timeline, reached, range.segment_bytes),
                                   range.segment_bytes),
                      format_duration(range.patience), format_lsn(range.begin),
                      format_lsn(range.end)),
          "look at what stores the WAL: the log of `pg-backup serve`, or archive_command and the "
          "server's log");
    }
    clock.sleep(kPause, stop);
    if (stop.stop_requested()) throw Error(ErrorKind::canceled, "stopped");
  }
}

}  // namespace pgbackup
