// Streams the WAL of a server into one destination, for as long as it may. PostgreSQL is told that
// bytes are flushed only after the store has confirmed them, so that a replication slot keeps what
// is not stored, and a server that waits for this program as its synchronous standby
// (synchronous_standby_names) tells its clients "committed" only then.
//
// Where to start is what the store itself says. A slot may only move the start back, to fill a
// hole: one that was lost streams again as if nothing had happened, on servers up to 17.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "backup/physical/base_backups.h"
#include "backup/physical/wal_start.h"
#include "backup/physical/wal_status.h"
#include "backup/physical/wal_writer.h"
#include "backup/physical/way_back.h"
#include "backup/postgres/replication_stream.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/stored_log.h"
#include "common/codec/packing.h"
#include "common/service/job.h"
#include "common/service/run_state.h"
#include "common/store/destinations.h"

namespace pgbackup {

/// Names the job under which RunStates notes the streaming of WAL: a success is that something was
/// stored, or that all there is was.
inline constexpr const char* kWalJob = "WAL streaming";

struct WalStreamSettings {
  std::string slot;  ///< the name of the replication slot, which this stream makes and owns
  SlotLife life = SlotLife::permanent;
  std::chrono::seconds flush_interval{10};  ///< a piece is stored so often, if there is something
  bool is_synchronous = false;              ///< store at once what comes
  Packing packing{};
  PackingEffort effort{};
};

/// What a stream belongs to. The functions are called from the thread of the stream.
struct WalStreamContext {
  std::function<PgConfig()> pg;         ///< how to connect, read anew for each connection
  std::function<Destinations()> open;   ///< opens the destinations, for each connection
  std::string destination;              ///< the name of the one to write to
  std::function<void()> want_backup{};  ///< called when a gap was found: a base backup is needed
  /// Where the stream notes how it stands, and reads when the newest base backup began; nullptr:
  /// nobody asks.
  RunStates* states = nullptr;
};

class WalStream final : public ServedJob {
 public:
  WalStream(WalStreamSettings settings, WalStreamContext context, Clock& clock, Log& log);

  void announce() override;
  /// Streams until `stop` is requested, and connects again after each failure: after 1, 2, 4 ... 60
  /// seconds.
  void serve(const std::stop_token& stop) override;
  [[nodiscard]] Health health(std::optional<std::chrono::seconds> max_age,
                              UtcTime now) const override;
  /// Returns a copy of the status. May be called from any thread.
  [[nodiscard]] WalStatus status() const;

  /// Streams over one connection. Throws why it ended.
  void stream(const std::stop_token& stop);

 private:
  /// Where a connection streams to.
  struct Goal {
    const Destinations& destinations;
    Store& store;
    std::string system_id;
    uint64_t segment_bytes;
  };

  void prepare_slot(ReplicationConnection& server);
  void renew_slot(ReplicationConnection& server);
  void replace_lost_slot(ReplicationConnection& server);
  [[nodiscard]] WalStart go_on(ReplicationConnection& server, const Goal& goal,
                               const ServerPosition& position);
  [[nodiscard]] WalStart start_own(ReplicationConnection& server, WalArchive& archive,
                                   const ServerPosition& position);
  [[nodiscard]] StoredLog read_log(const Goal& goal);
  [[nodiscard]] WalStart start_kept(ReplicationConnection& server, WalStart start,
                                    const ServerPosition& position);
  void stream_all(ReplicationConnection& server, WalArchive& archive, WalStart start,
                  const Goal& goal);
  [[nodiscard]] TimelineEnd follow(ReplicationStream& stream, WalWriter& writer, const Goal& goal,
                                   Timeline timeline);
  [[nodiscard]] std::optional<StreamMessage> receive(ReplicationStream& stream,
                                                     PgLink::Deadline deadline, WalWriter& writer);
  [[nodiscard]] bool take(const StreamMessage& message, WalWriter& writer);
  void note(const WalWriter& writer);
  void look_again(const Goal& goal, const ServerPlace& place);
  void look(const Goal& goal, const ServerPlace& place, const StoredLog& stored);
  [[nodiscard]] std::string find_gap(const Goal& goal, const ServerPlace& place,
                                     const StoredLog& stored);
  void note_gap(const std::string& sentence);
  void note_failure(const Error& error);
  void change(const std::function<void(WalStatus&)>& work);

  const WalStreamSettings settings_;
  const WalStreamContext context_;
  Clock& clock_;
  Log& log_;
  bool is_warned_ = false;         ///< about a slot without a limit
  bool works_ = false;             ///< something was stored, or all was, since the last failure
  UtcTime looked_;                 ///< when the store was last asked for the base backup
  std::optional<FoundBase> base_;  ///< what leads to where the server was then
  mutable std::mutex mutex_;
  WalStatus status_;
};

}  // namespace pgbackup
