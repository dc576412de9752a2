// The keys of backups that five older systems wrote, each told from everything else by its form
// alone. What matches none of them is somebody else's, or ours (see key_grammar.h): no key is both.
// Stamps without a zone are read in the process's time zone (TZ).
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

/// As ADOPT_LAYOUTS names them: `backup-time` and so on; `ours`.
[[nodiscard]] std::string_view layout_name(Layout layout);

/// A comma list of the names of the old ones, or `all` for every one of them; blanks around names
/// are allowed, empty text or `none` is none. Throws `usage` naming the unknown one.
[[nodiscard]] std::set<Layout> parse_layouts(std::string_view text);

/// A key of an older system taken apart.
struct OldKey {
  Layout layout = Layout::ours;
  std::string database;  ///< as it stands in the key; empty where the layout names none
  UtcTime time;          ///< a local time that comes twice: the first; that is skipped: when the
                         ///< clock has jumped
  std::string data_key;  ///< of the backup itself; the key is that or its checksum's
  bool is_checksum = false;
};

/// `key` is relative to the prefix. Database names are read from the right, so that they may hold
/// dashes and underscores; a slash, `..` and control characters they may not. nullopt for anything
/// else, impossible dates and times included.
[[nodiscard]] std::optional<OldKey> parse_old_key(std::string_view key);

}  // namespace pgbackup
