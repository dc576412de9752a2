// The keys of our objects. Everything directly inside a backup's directory belongs to that backup,
// whether this version knows the name or not: a newer pg-backup may write what an older pg-prune
// must be able to delete. Objects anywhere else are not ours and are never listed, counted or
// deleted.
//
//   {group}/{id}/manifest.json        the commit point
//   {group}/{id}/SHA256SUMS           checksums for people: the programs do not read it
//   {group}/{id}/private.json.age     the private part of an encrypted backup, see sealed.h
//   {group}/{id}/hold                 the backup stays until it is released
//   {group}/{id}/verified-…           what a verification found, see verification.h
//   {group}/{id}/{group}.dump.zst     data, or .sql for plain SQL, .gz or nothing in place of .zst;
//                                     .age behind it where it is encrypted; further pieces end in
//                                     .0001, .0002 ...
//   _globals/{id}/globals.sql.zst     data of roles and tablespaces
//   _cluster/{id}/base.tar.zst        data of a base backup; {oid}.tar.zst of a tablespace;
//   _cluster/{id}/backup_manifest.zst PostgreSQL's list of its files
//   _cluster/wal/                     write-ahead logs, see wal.h: not of any backup
//   id = 20261120T031500Z-9f3a1c2b    UTC, sorts by time, then 8 random hexadecimal digits
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/utc_time.h"
#include "common/catalog/group.h"
#include "common/codec/packing.h"

namespace pgbackup {

/// The name of the object beside the manifest by which a backup is held.
inline constexpr std::string_view kHoldName = "hold";
/// The name of the object that holds the private part of an encrypted backup.
inline constexpr std::string_view kSealedName = "private.json.age";

/// Returns a group as the name of a directory. In the name of a database, `[A-Za-z0-9.-]` and `_`
/// stay, except for a leading `_` (ours) or `.`; every other byte becomes `=XX`, in uppercase. The
/// names of other groups stay as they are. The result is empty only for the unnamed group.
[[nodiscard]] std::string encode_group(const Group& group);
/// Returns the group that encode_group() wrote as `encoded`; nullopt for text that it cannot have
/// written.
[[nodiscard]] std::optional<Group> decode_group(std::string_view encoded);

/// Returns a new id: `now` and 32 random bits.
[[nodiscard]] std::string make_backup_id(UtcTime now);
/// Returns the time within an id; nullopt for text that is no id.
[[nodiscard]] std::optional<UtcTime> parse_backup_id(std::string_view id);

/// Returns `{group}/{id}`, without a slash at the end.
[[nodiscard]] std::string backup_folder(const Group& group, std::string_view id);

/// Says what a stream holds before it is packed.
enum class StreamFormat {
  custom,  ///< pg_dump's archive, for pg_restore
  plain,   ///< SQL, for psql
  tar,     ///< files of a base backup
  /// PostgreSQL's own list of these files, backup_manifest. Its file has no suffix but the
  /// packing's.
  manifest,
};

/// Returns the name of the stream that a dump of `group` consists of: the encoded group, or
/// `globals`.
[[nodiscard]] std::string dump_stream_name(const Group& group);
/// Returns the name of a stream's file: `app.dump.zst`, `app.sql.gz`, `globals.sql.zst`,
/// `base.tar.zst`, `backup_manifest.zst`.
[[nodiscard]] std::string stream_file_name(std::string_view stream,
                                           StreamFormat format = StreamFormat::custom,
                                           const Packing& packing = {});

/// Holds the parts of a key.
struct BackupKey {
  Group group;
  std::string id;
  UtcTime time;
  std::string file;  ///< name within the directory
};

/// Takes a key apart. Returns nullopt for a key that is not directly inside a directory of ours, or
/// whose name holds other characters than `[A-Za-z0-9._=-]`.
[[nodiscard]] std::optional<BackupKey> parse_key(std::string_view key);

}  // namespace pgbackup
