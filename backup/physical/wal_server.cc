#include "backup/physical/wal_server.h"

#include <fmt/format.h>

#include <variant>

#include "backup/postgres/replication_stream.h"
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

bool is_standby(ReplicationConnection& server) {
  // Version 13 does not say so, but on a standby every transaction is read-only.
  constexpr int kSaysSince = 140000;
  const bool says = server.server_version() >= kSaysSince;
  return server.show(says ? "in_hot_standby" : "transaction_read_only") == "on";
}

std::optional<UtcTime> ask_time(ReplicationConnection& server) {
  constexpr std::chrono::seconds kPatience{5};
  std::optional<UtcTime> time;
  try {
    const SystemIdentity here = server.identify_system();
    ReplicationStream stream(server,
                             {.slot = "", .timeline = here.timeline, .position = here.position});
    stream.send_status({.reply_wanted = true});
    const auto give_up = PgLink::Deadline::clock::now() + kPatience;
    while (!time) {
      const std::optional<StreamMessage> message = stream.receive(give_up);
      if (!message) break;
      const auto* const keepalive = std::get_if<Keepalive>(&*message);
      if (keepalive != nullptr) time = keepalive->server_time;
    }
    stream.stop();  // else the server waits for us when it stops
  } catch (...) {
    if (current_failure().kind() == ErrorKind::canceled) throw;
  }
  return time;
}

void store_history(ReplicationConnection& server, WalArchive& archive, Timeline timeline) {
  if (timeline == 1) return;
  archive.put(format_timeline(timeline) + ".history", server.timeline_history(timeline));
}

}  // namespace pgbackup
