// The manifest: one JSON object that says what a backup is and what its bytes must be. Written
// last, never changed. Format 1; readers refuse a format that they do not know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/key_grammar.h"
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

/// What it takes to make a database like the dumped one. Manifests of older versions lack what has
/// a default.
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

struct Manifest {
  std::string group;
  std::string kind;  ///< `dump`
  std::string id;
  UtcTime started;
  UtcTime finished;
  std::string tool;                    ///< `pg-backup 0.1.0`
  int server_version = 0;              ///< server_version_num: 150018
  int client_version = 0;              ///< of pg_dump, the same form
  std::string system_identifier;       ///< of the server; "" where it may not be read
  std::vector<std::string> databases;  ///< of the run
  std::vector<LeftOut> left_out{};     ///< of the run, other than what the user excludes
  int64_t tables = 0;
  DumpFormat dump_format = DumpFormat::custom;
  Compression compression = Compression::zstd;
  std::vector<std::string> selection{};  ///< options of pg_dump that left something out
  std::vector<ManifestObject> objects;
  uint64_t plain_bytes = 0;
  std::string plain_sha256;  ///< before compression
  std::vector<std::string> warnings;
  std::optional<UtcTime> next_due;  ///< when the next backup is due, where an interval is set
  /// Object Lock: the store refuses to remove the backup before; without it at any time.
  std::optional<UtcTime> locked_until{};
  DatabaseProperties database;
};

/// Indented JSON with a newline at its end. Throws `failed` when it exceeds kMaxManifestBytes.
[[nodiscard]] std::string format_manifest(const Manifest& manifest);

/// Throws `corrupt` naming what is missing, of the wrong type, or out of range; also for JSON that
/// is larger, deeper or of more values than any manifest.
/// Throws `failed` where `start`, the first bytes of a manifest, says that a newer version wrote
/// it.
void refuse_newer(std::string_view start);

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
