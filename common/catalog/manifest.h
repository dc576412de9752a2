// The manifest: one JSON object that says what a backup is and what its bytes must be. It is
// written last and never changed. Format 2 is written; formats 1 and 2 are read, and a newer one is
// refused. What may be sensitive is in the object `private`, apart from what pg-prune needs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/packing.h"
#include "common/store/store.h"

namespace pgbackup {

/// Readers refuse more, and writers do not write it.
inline constexpr size_t kMaxManifestBytes = kMaxSmallObject;
/// So many warnings are kept, the last of which says how many more there were, each of so many
/// bytes.
inline constexpr size_t kMostWarnings = 100;
inline constexpr size_t kMaxWarningBytes = 1000;

/// One stored object, in the order in which they are concatenated.
struct ManifestObject {
  std::string name;  ///< within the backup's folder
  uint64_t bytes = 0;
  std::string sha256;  ///< as stored
};

/// A privilege on a database.
struct DatabaseGrant {
  std::string role;       ///< "" is PUBLIC
  std::string privilege;  ///< `CONNECT`
  bool is_grantable = false;
};

/// ALTER ROLE ... IN DATABASE ... SET
struct RoleSetting {
  std::string role;
  std::string setting;  ///< `name=value`
};

/// Says what it takes to make a database like the dumped one. Manifests of older versions lack what
/// has a default.
struct DatabaseProperties {
  std::string encoding;               ///< `UTF8`
  std::string locale_provider;        ///< `c` libc, `i` ICU, `b` builtin (PostgreSQL 17)
  std::string collate;                ///< LC_COLLATE
  std::string ctype;                  ///< LC_CTYPE
  std::string locale;                 ///< of ICU and builtin providers, else ""
  std::vector<std::string> settings;  ///< `name=value` of ALTER DATABASE ... SET
  std::string icu_rules{};            ///< PostgreSQL 16
  std::string owner{};
  std::string comment{};
  std::string tablespace{};   ///< "" is pg_default
  int connection_limit = -1;  ///< -1: none
  bool is_template = false;
  std::optional<std::vector<DatabaseGrant>> grants{};  ///< unset: those of a new database
  std::vector<RoleSetting> role_settings{};
};

/// A database that is on the server and that the run did not back up.
struct LeftOut {
  std::string database;
  std::string reason;  ///< a sentence without a period
};

/// A stream of bytes that a backup consists of, such as what pg_dump wrote.
struct ManifestStream {
  std::string name;  ///< its file's name without suffixes
  DumpFormat format = DumpFormat::custom;
  Packing packing{};
  uint64_t uncompressed_bytes = 0;
  std::string uncompressed_sha256{};
  std::vector<ManifestObject> objects{};  ///< at least one
};

enum class BackupKind {
  dump,     ///< of one database, by pg_dump
  globals,  ///< roles and tablespaces, by pg_dumpall
};

/// Returns `dump` or `globals`.
[[nodiscard]] std::string_view kind_name(BackupKind kind);

/// What only the backup of a database tells.
struct DumpFacts {
  int64_t tables = 0;
  std::vector<std::string> selection{};  ///< options of pg_dump that left something out
  DatabaseProperties database{};
};

struct Manifest {
  std::string group;
  BackupKind kind = BackupKind::dump;
  std::string id;
  UtcTime started;
  UtcTime finished;
  std::string tool;                     ///< `pg-backup 0.1.0`
  int server_version = 0;               ///< server_version_num: 150018
  int client_version = 0;               ///< of pg_dump, the same form
  std::string system_identifier;        ///< of the server; "" where it may not be read
  std::vector<std::string> groups;      ///< of the run
  std::vector<LeftOut> left_out{};      ///< of the run, other than what the user excludes
  std::vector<ManifestStream> streams;  ///< at least one
  DumpFacts dump{};                     ///< of kind dump
  std::vector<std::string> warnings{};  ///< for people
  std::optional<UtcTime> next_due{};    ///< when the next backup is due, where there is a schedule
  std::optional<UtcTime> locked_until{};  ///< Object Lock: the store refuses to delete it before

  /// Adds up what is stored.
  [[nodiscard]] uint64_t stored_bytes() const;
  /// Adds up the streams before packing.
  [[nodiscard]] uint64_t uncompressed_bytes() const;
};

/// Indented JSON with a newline at its end. Throws `failed` when it exceeds kMaxManifestBytes.
[[nodiscard]] std::string format_manifest(const Manifest& manifest);

/// Throws `failed` where `start`, the first bytes of a manifest, says that a newer version wrote
/// it.
void refuse_newer(std::string_view start);

/// Throws `corrupt` naming what is missing, of the wrong type, or out of range; also for JSON that
/// is larger, deeper or of more values than any manifest. Throws `failed` for what a newer version
/// wrote.
[[nodiscard]] Manifest parse_manifest(std::string_view text);

/// Only until when the backup is locked; of any format, and of one that lacks the rest. Throws
/// `corrupt` when `text` is no JSON object or its lock is not a time.
[[nodiscard]] std::optional<UtcTime> parse_lock(std::string_view text);

/// `text` as manifests hold it: bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string as_utf8(const std::string& text);

/// `15.18`, `9.6.24` from server_version_num.
[[nodiscard]] std::string format_pg_version(int version_num);
/// `15` from 150018; `9` for all of 9.x.
[[nodiscard]] int major_version(int version_num);

}  // namespace pgbackup
