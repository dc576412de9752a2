// The manifest: one JSON object that says what a backup is and what its bytes must be. The manifest
// is written last and never changed. Format 3 is written for encrypted backups and format 2 for all
// others; formats 1 to 3 are read, and a newer one is refused. What may be sensitive, the private
// part, stands apart from what pg-prune needs: in format 2 it is the object `private`, in format 3
// an object of the store that is encrypted as the data is (sealed.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/cluster_facts.h"
#include "common/catalog/dump_contents.h"
#include "common/catalog/group.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/packing.h"
#include "common/store/store.h"

namespace pgbackup {

/// The most bytes of a manifest: writers do not exceed it, and readers refuse more.
inline constexpr size_t kMaxManifestBytes = kMaxSmallObject;
/// The most warnings that are kept, and the most bytes of each. The last one says how many more
/// there were.
inline constexpr size_t kMostWarnings = 100;
inline constexpr size_t kMaxWarningBytes = 1000;

/// Describes one stored object. Objects are concatenated in their order.
struct ManifestObject {
  std::string name;  ///< within the backup's directory
  uint64_t bytes = 0;
  std::string sha256;  ///< as stored
};

/// Describes a privilege on a database.
struct DatabaseGrant {
  std::string role;       ///< "" is PUBLIC
  std::string privilege;  ///< `CONNECT`
  bool is_grantable = false;
};

/// Holds a setting of ALTER ROLE ... IN DATABASE ... SET.
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
  std::string locale;                 ///< for the ICU and builtin providers, else ""
  std::vector<std::string> settings;  ///< `name=value` of ALTER DATABASE ... SET
  std::string icu_rules{};            ///< PostgreSQL 16
  std::string owner{};
  std::string comment{};
  std::string tablespace{};   ///< "" is pg_default
  int connection_limit = -1;  ///< -1: none
  bool is_template = false;
  std::optional<std::vector<DatabaseGrant>> grants{};  ///< unset: the privileges of a new database
  std::vector<RoleSetting> role_settings{};
};

/// Names a database that is on the server and that the run did not back up.
struct LeftOut {
  std::string database;
  std::string reason;  ///< a sentence without a period
};

/// Describes a stream of bytes that a backup consists of, such as what pg_dump wrote. Base backups
/// have the formats tar and manifest, all others custom and plain.
struct ManifestStream {
  std::string name;  ///< the file's name without suffixes
  StreamFormat format = StreamFormat::custom;
  Packing packing{};
  uint64_t uncompressed_bytes = 0;
  std::string uncompressed_sha256{};      ///< private
  std::vector<ManifestObject> objects{};  ///< at least one
};

/// Holds the facts that only the backup of a database has.
struct DumpFacts {
  int64_t tables = 0;
  /// Holds the options of pg_dump that left something out. Their values are private: without them
  /// `--exclude-table=a` is `--exclude-table`.
  std::vector<std::string> selection{};
  DatabaseProperties database{};           ///< private
  std::optional<DumpContents> contents{};  ///< private; unset: it could not be read, or the dump is
                                           ///< partial
};

struct Manifest {
  Group group;
  std::string id;
  UtcTime started;
  UtcTime finished;
  std::string tool;                     ///< `pg-backup 0.2.0`
  int server_version = 0;               ///< server_version_num: 150018
  int client_version = 0;               ///< of pg_dump, the same form; not for the kind cluster
  std::string system_identifier;        ///< of the server; "" where it may not be read, which is
                                        ///< never so for the kind cluster
  std::vector<Group> groups;            ///< all groups of the run
  std::vector<LeftOut> left_out{};      ///< by the run, except what the user excludes
  std::vector<ManifestStream> streams;  ///< at least one
  DumpFacts dump{};                     ///< only where is_of_database() is true of the group
  ClusterFacts cluster{};               ///< only for the kind cluster; its tablespaces are private
  std::vector<std::string> warnings{};  ///< for people; private
  std::optional<UtcTime> next_due{};    ///< when the next backup is due, where there is a schedule
  std::optional<UtcTime> locked_until{};  ///< Object Lock: the store refuses to delete it before
  std::string age_version{};  ///< of the program that encrypted the backup; "" where not known
  std::vector<std::string> recipients{};   ///< whose keys open an encrypted backup, at least one
  std::optional<ManifestObject> sealed{};  ///< the private part of an encrypted backup
  /// Is false for an encrypted backup until open_private() fills the private fields in.
  bool is_private_known = true;
  uint64_t sealed_warnings = 0;  ///< how many warnings `sealed` holds

  /// Returns whether the streams are encrypted, which all are or none.
  [[nodiscard]] bool is_encrypted() const;
  /// Returns everything that the manifest names, in its order, and the sealed object last. Points
  /// into the manifest.
  [[nodiscard]] std::vector<const ManifestObject*> objects() const;
  /// Returns the sum of the streams' bytes as they are stored.
  [[nodiscard]] uint64_t stored_bytes() const;
  /// Returns the sum of the streams' bytes before packing.
  [[nodiscard]] uint64_t uncompressed_bytes() const;
};

/// Returns `custom`, `plain`, `tar` or `manifest`.
[[nodiscard]] std::string_view stream_format_name(StreamFormat format);

/// Returns indented JSON with a newline at its end. Throws `failed` when it exceeds
/// kMaxManifestBytes.
[[nodiscard]] std::string format_manifest(const Manifest& manifest);

/// Returns the private part of an encrypted backup as JSON. Throws `failed` when it exceeds
/// kMaxManifestBytes.
[[nodiscard]] std::string format_private(const Manifest& manifest);
/// Parses what format_private() returns, and fills the private fields of its manifest in. Throws
/// `corrupt` as parse_manifest() does.
void parse_private(std::string_view text, Manifest& manifest);

/// Throws `failed` where `start`, the first bytes of a manifest, says that a newer version wrote
/// it.
void refuse_newer(std::string_view start);

/// Parses a manifest. Throws `corrupt` with the name of what is missing, of the wrong type, or out
/// of range; also for JSON that is larger, deeper or of more values than any manifest. Throws
/// `failed` for what a newer version wrote.
[[nodiscard]] Manifest parse_manifest(std::string_view text);

/// Returns until when the backup is locked, from a manifest of any format, even an incomplete one.
/// Throws `corrupt` when `text` is no JSON object or its lock is not a time.
[[nodiscard]] std::optional<UtcTime> parse_lock(std::string_view text);

/// Returns `15.18` or `9.6.24` from server_version_num.
[[nodiscard]] std::string format_pg_version(int version_num);
/// Returns `15` from 150018, and `9` for all of 9.x.
[[nodiscard]] int major_version(int version_num);

}  // namespace pgbackup
