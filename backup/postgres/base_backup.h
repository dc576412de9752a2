// Takes a base backup over a replication connection: a tar of the data directory and of each
// tablespace, and the manifest that lists their files. Looks into none of them and keeps nothing.
//
// The server sends the tablespaces first, the data directory (`base`) last, and then the manifest.
// Up to version 14 each is a COPY of its own, and an archive has no end; from 15 on one COPY holds
// all of them. An error of the server comes at the very end at the latest: a standby that has been
// promoted meanwhile says so only there.
// https://www.postgresql.org/docs/current/protocol-replication.html#PROTOCOL-REPLICATION-BASE-BACKUP
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/replication.h"

namespace pgbackup {

inline constexpr std::string_view kBaseArchive = "base";
inline constexpr std::string_view kBackupManifest = "backup_manifest";

struct BackupArchive {
  std::string name;        ///< `base`, or a tablespace's OID
  std::string location;    ///< of a tablespace
  uint64_t kilobytes = 0;  ///< on the server's disk: an estimate of what will be sent
};

struct BackupStart {
  Lsn position;
  Timeline timeline = 0;
  std::vector<BackupArchive> archives;  ///< in the order in which they are sent
};

/// Where the WAL ends that a restored server needs to be consistent.
struct BackupEnd {
  Lsn position;
  Timeline timeline = 0;
};

/// Takes in a base backup. What it throws ends the backup.
class BaseBackupReceiver {
 public:
  BaseBackupReceiver() = default;
  BaseBackupReceiver(const BaseBackupReceiver&) = delete;
  BaseBackupReceiver& operator=(const BaseBackupReceiver&) = delete;
  virtual ~BaseBackupReceiver() = default;

  /// Is called once, after the server's checkpoint and before all else.
  virtual void begin(const BackupStart& start) = 0;
  /// Begins the archive of that name, or the manifest.
  virtual void begin_stream(const std::string& name) = 0;
  virtual void data(std::string_view bytes) = 0;
  /// Ends the stream. It is worth something only once take_base_backup() returns.
  virtual void end_stream() = 0;
};

/// Takes a base backup. Returns only when the server has said that it is whole. Waits for its
/// checkpoint as long as the server's checkpoint_timeout allows, and for each further part as
/// limits() say. Throws `failed` for what the server complains of, `transient` for a lost
/// connection and a server that does not answer, and `corrupt` for what is not of the protocol or
/// not complete. After an error the connection can only be destroyed.
[[nodiscard]] BackupEnd take_base_backup(ReplicationConnection& connection,
                                         const BaseBackupOptions& options,
                                         BaseBackupReceiver& receiver);

}  // namespace pgbackup
