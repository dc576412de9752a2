// The keys of backups that five older systems wrote, each recognized by its form alone. A key of
// another form belongs to another program, or is ours (see key_grammar.h): no key is both. Time
// stamps without a zone are in the process's time zone (TZ).
//
//   backup-time    backup-2021-01-06T22:06:31.106555.dump                names no database
//   db-time-hash   DB-2021-11-01T20:51:55-HASH.pg-dump  DB-HASH-2021-11-01T20:51:55.pg-dump
//                  (in the second form also 2021-11-01:20:51:55)
//   db-folder      DB/DB_20240115T120000Z.dump  .sql.gz                  DB/….sha256 beside it
//   date-folders   2024/01/15/DB_120000.sql.gz
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/base/utc_time.h"

namespace pgbackup {

enum class Layout : uint8_t { ours, backup_time, db_time_hash, db_folder, date_folders };

inline constexpr auto kOldLayouts = {Layout::backup_time, Layout::db_time_hash, Layout::db_folder,
                                     Layout::date_folders};

/// Returns the name of a layout as ADOPT_LAYOUTS has it, such as `backup-time`; `ours` for our own.
[[nodiscard]] std::string_view layout_name(Layout layout);

/// Parses a comma list of names of old layouts, or `all` for every one of them. Whitespace around
/// names is allowed; empty text or `none` is none. Throws `usage` with the unknown name.
[[nodiscard]] std::set<Layout> parse_layouts(std::string_view text);

/// Holds the parts of a key of an older system.
struct OldKey {
  Layout layout = Layout::ours;
  std::string database;  ///< as it stands in the key; empty where the layout names none
  UtcTime time;  ///< the first of a local time that comes twice; of one that is skipped, when
                 ///< the clock has jumped
  std::string data_key;  ///< the key of the backup itself, also for the key of its checksum
  bool is_checksum = false;
};

/// Takes a key relative to the prefix apart. Database names are read from the right, so that they
/// may hold dashes and underscores, but no slash, `..` or control character. Returns nullopt for
/// anything else, also for impossible dates and times.
[[nodiscard]] std::optional<OldKey> parse_old_key(std::string_view key);

}  // namespace pgbackup
