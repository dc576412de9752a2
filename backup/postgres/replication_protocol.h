// The words of PostgreSQL's replication protocol: commands, in the grammar of each version, and the
// messages within a stream. Pure; replication.h sends and receives them.
// https://www.postgresql.org/docs/current/protocol-replication.html
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/utc_time.h"
#include "common/catalog/wal.h"

namespace pgbackup {

/// Bounds a message: WAL comes in 16 pages of up to 64 KiB, a base backup in far smaller parts.
inline constexpr size_t kMostMessageBytes = size_t{2} << 20U;

enum class SlotLife {
  permanent,  ///< keeps WAL until it is dropped
  temporary,  ///< ends with the connection
};

enum class CheckpointPace {
  fast,    ///< at once, with all that the server's disks can give
  spread,  ///< in the time of a regular checkpoint
};

struct BaseBackupOptions {
  std::string label;
  CheckpointPace checkpoint = CheckpointPace::fast;
  uint64_t max_rate_kib = 0;  ///< per second, 32 to 1048576; 0 is without a limit
};

/// Says where streaming starts.
struct StreamStart {
  std::string slot;  ///< "" for none
  Timeline timeline = 0;
  Lsn position;
  /// How long small messages are left to gather before they are read: a server that is busy sends
  /// thousands in a second, and each wakes us up.
  std::chrono::milliseconds gather{0};
};

// `version` is a server_version_num.
[[nodiscard]] std::string create_slot_command(std::string_view slot, SlotLife life, int version);
[[nodiscard]] std::string drop_slot_command(std::string_view slot);
/// Known from version 15.
[[nodiscard]] std::string read_slot_command(std::string_view slot);
[[nodiscard]] std::string start_streaming_command(const StreamStart& start);
/// Asks for the sizes of tablespaces, for their paths in the file tablespace_map instead of links,
/// and for a manifest with SHA-256 sums; does not let the server wait for its archive.
[[nodiscard]] std::string base_backup_command(const BaseBackupOptions& options, int version);

/// Holds WAL from `start`.
struct WalBytes {
  Lsn start;
  Lsn server_end;            ///< where the server's WAL ended
  std::string_view bytes{};  ///< valid until the next message
};

struct Keepalive {
  Lsn server_end;         ///< all WAL before has been sent
  UtcTime server_time{};  ///< by the server's clock
  bool reply_wanted = false;
};

/// Ends the stream of a timeline that is not the server's newest one.
struct TimelineEnd {
  Timeline next = 0;
  Lsn at;  ///< where `next` branched off
};

using StreamMessage = std::variant<WalBytes, Keepalive, TimelineEnd>;

/// Parses a message within a stream of WAL: all but TimelineEnd, which is no message. Throws
/// `corrupt`.
[[nodiscard]] StreamMessage parse_stream_message(std::string_view message);

/// Tells the server how far its WAL has come. An Lsn of 0 is "unknown".
struct StreamStatus {
  Lsn written{};
  Lsn flushed{};
  Lsn applied{};
  bool reply_wanted = false;
  UtcTime now{};  ///< the server shows it as pg_stat_replication.reply_time
};
[[nodiscard]] std::string format_status(const StreamStatus& status);

/// A message within a base backup of version 15 and later.
struct BackupMessage {
  enum class Kind {
    archive,   ///< begins one
    manifest,  ///< begins it
    data,      ///< of what began last
    progress,
  };
  Kind kind = Kind::data;
  std::string_view archive{};   ///< the file name: `base.tar`
  std::string_view location{};  ///< of a tablespace's archive
  std::string_view data{};
};

/// Throws `corrupt`.
[[nodiscard]] BackupMessage parse_backup_message(std::string_view message);

/// Parses a size as SHOW prints it: `16MB`, `0`. Returns nullopt for anything else; for -1 too.
[[nodiscard]] std::optional<uint64_t> parse_setting_bytes(std::string_view text);
/// Parses a time as SHOW prints it, in whole seconds: `5min`, `90s`, `0`. Returns nullopt for
/// anything else; for -1 too.
[[nodiscard]] std::optional<std::chrono::seconds> parse_setting_time(std::string_view text);

}  // namespace pgbackup
