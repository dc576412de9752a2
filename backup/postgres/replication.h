// A replication connection to PostgreSQL: what it answers about the server and its slots. A base
// backup is taken over it (base_backup.h), or WAL streamed (replication_stream.h). Knows no store.
//
// A physical replication connection belongs to no database. It takes replication commands and SHOW,
// no SQL, so that nothing a user of the server has made can run in it. The role needs REPLICATION
// and a line of its own in pg_hba.conf. Servers from version 13 on.
// https://www.postgresql.org/docs/current/protocol-replication.html
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "backup/postgres/link.h"
#include "backup/postgres/replication_protocol.h"
#include "common/catalog/wal.h"

namespace pgbackup {

struct SystemIdentity {
  std::string system_id;  ///< digits; the same on a server and its standbys
  Timeline timeline = 0;
  Lsn position;  ///< where WAL ends that is durable there
};

struct SlotState {
  bool exists = false;
  std::optional<Lsn> restart;  ///< where the WAL begins that it keeps; nullopt: it keeps none
};

/// Bounds the waits of a replication connection.
struct ReplicationLimits {
  /// Bounds the wait for the answer to a command, and to a status that asks for one.
  std::chrono::milliseconds answer = std::chrono::minutes(1);
  /// Bounds the wait for each part of a base backup.
  std::chrono::milliseconds backup_data = std::chrono::minutes(5);
};

class ReplicationConnection {
 public:
  /// Connects as PgLink does. Throws `denied` where the role may not replicate, and `failed` for a
  /// server before version 13.
  ReplicationConnection(const PgConfig& config, const std::stop_token& stop,
                        const ReplicationLimits& limits = {});

  /// Returns the server's server_version_num.
  [[nodiscard]] int server_version() const { return link_.server_version(); }

  // Each throws the error of statement_error(), `transient` for an answer that does not come, and
  // `corrupt` for one that is not of the protocol. After any other than a statement's own error
  // the connection can only be destroyed.

  [[nodiscard]] SystemIdentity identify_system();
  /// Returns a setting of the server as text: `16MB` for wal_segment_size.
  [[nodiscard]] std::string show(std::string_view setting);
  /// Returns the history file of a timeline. Throws `not_found` for timeline 1, which has none, and
  /// for one that the server does not know.
  [[nodiscard]] std::string timeline_history(Timeline timeline);

  /// Makes a physical slot that keeps WAL from now on. Throws `conflict` where the name exists.
  void create_slot(std::string_view slot, SlotLife life);
  /// Throws `not_found` for an unknown slot and `transient` for one in use. From version 15 on also
  /// refuses a logical slot with `conflict`.
  void drop_slot(std::string_view slot);
  /// Returns nullopt for a server before 15, which does not tell. Throws `conflict` for a logical
  /// slot.
  [[nodiscard]] std::optional<SlotState> read_slot(std::string_view slot);

  // For what is sent over it.

  [[nodiscard]] PgLink& link() { return link_; }
  [[nodiscard]] const ReplicationLimits& limits() const { return limits_; }
  void send(const std::string& command);
  /// Returns the next result as PgLink does; `what` names the command in an error.
  [[nodiscard]] PgResult next_result(std::chrono::milliseconds limit, std::string_view what);
  /// Reads what is left of the results of a command, so that the next one can be sent. Whether the
  /// connection was lost meanwhile is for the next one to say.
  void finish_command(std::string_view what);

 private:
  PgResult execute(const std::string& command);
  [[nodiscard]] PgResult answer_to(const std::string& command);

  ReplicationLimits limits_;
  PgLink link_;
};

/// Returns the error of a failed replication command: that of statement_error(), but `transient`
/// for a slot in use.
[[nodiscard]] Error replication_error(const PGresult* result);

/// Returns a value of a result: nullopt for NULL. Throws `corrupt` where there is no such row or
/// column.
[[nodiscard]] std::optional<std::string> value_at(const PGresult* result, int row, int column);
/// Return a value of a result that must be there and be of that form. Throw `corrupt`.
[[nodiscard]] Lsn lsn_at(const PGresult* result, int row, int column);
[[nodiscard]] Timeline timeline_at(const PGresult* result, int row, int column);
/// Returns the error for an answer that is not of the protocol.
[[nodiscard]] Error protocol_error(std::string_view what);

}  // namespace pgbackup
