#include "backup/physical/wal_server.h"

#include <fmt/format.h>

#include "common/base/error.h"

namespace pgbackup {

ServerPosition read_position(ReplicationConnection& server) {
  const SystemIdentity system = server.identify_system();
  const std::string size = server.show("wal_segment_size");
  const std::optional<uint64_t> bytes = parse_setting_bytes(size);
  if (!bytes || !is_segment_size(*bytes)) {
    throw Error(ErrorKind::corrupt, fmt::format("the server has a wal_segment_size of '{}'", size));
  }
  ServerPosition position{.timeline = system.timeline,
                          .position = system.position,
                          .history = {},
                          .segment_bytes = *bytes};
  if (system.timeline > 1)
    position.history = parse_history(server.timeline_history(system.timeline));
  return position;
}

void store_history(ReplicationConnection& server, WalArchive& archive, Timeline timeline) {
  if (timeline == 1) return;
  archive.put(format_timeline(timeline) + ".history", server.timeline_history(timeline));
}

}  // namespace pgbackup
