// Streams WAL from a server. Knows neither segments nor where the bytes go.
//
// What a server does that one would not guess: it reports WAL that it no longer has only after it
// has begun to stream; it begins no stream at all where the position asked for is the end of its
// timeline; it may send nothing for as long as it likes unless asked for a reply, and one of
// version 17 before 17.12 can even sleep while WAL waits to be sent, until it is asked.
// https://www.postgresql.org/docs/current/protocol-replication.html#PROTOCOL-REPLICATION-START-REPLICATION
#pragma once

#include <chrono>
#include <optional>

#include "backup/postgres/replication.h"

namespace pgbackup {

/// The WAL asked for is no longer on the server.
class WalRemoved : public Error {
 public:
  explicit WalRemoved(const Error& error) : Error(error) {}
};

/// The slot has been invalidated: it keeps no WAL and can only be dropped. Servers before 18 do not
/// say so; there the slot streams and keeps nothing.
class SlotLost : public Error {
 public:
  explicit SlotLost(const Error& error) : Error(error) {}
};

class ReplicationStream {
 public:
  /// Starts to stream at `start` over `connection`, which must outlive this object and serves
  /// nothing else until the stream has ended. Throws SlotLost, `not_found` for an unknown slot,
  /// `transient` for a slot in use, and `failed` for a timeline that is not in the server's history
  /// or did not reach that far.
  ReplicationStream(ReplicationConnection& connection, const StreamStart& start);

  /// Returns the next message, or nullopt when none has come until `deadline`. Nothing follows a
  /// TimelineEnd: the connection can then be used again. Throws WalRemoved; `failed` for a start
  /// ahead of the server's WAL; `transient` for a lost connection, a server that stops, and one
  /// that does not answer a status within the connection's limit.
  [[nodiscard]] std::optional<StreamMessage> receive(PgLink::Deadline deadline);

  /// Tells the server how far the WAL has come. Does not wait: what cannot be sent at once is sent
  /// by the next receive().
  void send_status(const StreamStatus& status);

  /// Ends the stream and drops what is still under way. The connection can be used again.
  void stop();

 private:
  [[nodiscard]] PgLink& link() { return connection_.link(); }
  [[nodiscard]] TimelineEnd finish();
  [[noreturn]] void fail(const PGresult* result);

  void gather();

  ReplicationConnection& connection_;
  const std::chrono::milliseconds gather_;
  size_t gathered_ = 0;                        ///< bytes of messages since the last read
  Handle<char, PQfreemem> message_;            ///< what the last view points to
  std::optional<TimelineEnd> timeline_end_;    ///< known before the first receive()
  std::optional<PgLink::Deadline> answer_by_;  ///< set while the server owes an answer
};

}  // namespace pgbackup
