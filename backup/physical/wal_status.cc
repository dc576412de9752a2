#include "backup/physical/wal_status.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/due.h"
#include "common/base/printable.h"
#include "common/base/units.h"

namespace pgbackup {

std::optional<UtcTime> trouble_since(const WalStatus& status) {
  std::optional<UtcTime> since = status.failing_since;
  if (!since && !status.connected_since) since = status.begun;
  if (!since) return status.waiting_since;
  return std::min(*since, status.waiting_since.value_or(*since));
}

Health judge_wal(const WalStatus& status, std::chrono::seconds flush_interval, UtcTime now) {
  const std::optional<UtcTime> since = trouble_since(status);
  const bool is_late = since && now > late_from(*since + flush_interval, flush_interval);
  std::string sentence =
      status.stored == Lsn{}
          ? fmt::format("no WAL is stored yet since {}", format_iso(status.begun))
          : fmt::format("WAL is stored up to {}", format_lsn(status.stored));
  if (!status.destination.empty()) sentence += fmt::format(" in {}", status.destination);
  if (status.server_end > status.stored && status.stored != Lsn{}) {
    sentence += fmt::format(", {} behind the server, which keeps them for the slot",
                            format_bytes(status.server_end.value - status.stored.value));
  }
  if (!status.connected_since) {
    sentence += fmt::format("; there is no connection to the server since {}",
                            format_iso(since.value_or(status.begun)));
  } else if (is_late) {
    sentence += fmt::format("; bytes wait to be stored since {}", format_iso(*since));
  }
  if (status.gap_found) sentence += "; " + status.gap;
  if (!status.last_error.empty()) {
    sentence += "; the last failure: " +
                short_line(status.last_error.substr(0, status.last_error.find('\n')));
  }
  return {!is_late && !status.gap_found && !status.is_refused, printable(sentence)};
}

}  // namespace pgbackup
