// What the status page says, as plain data: everything is decided and sorted, nothing is formatted
// as HTML. Pure: made from what read_store.h has read.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/utc_time.h"
#include "common/catalog/group.h"
#include "common/catalog/recovery_window.h"
#include "common/catalog/verification.h"
#include "prune/page/judge.h"
#include "prune/page/read_store.h"

namespace pgbackup {

/// Says what becomes of a backup.
enum class Fate {
  stays,      ///< nothing that is foreseen ends it
  leaves,     ///< no rule keeps it from PageBackup::leaves_at on
  goes_next,  ///< the next run deletes it
};

struct PageBackup {
  std::string id;
  UtcTime time;
  uint64_t bytes = 0;                           ///< in the store
  uint64_t uncompressed_bytes = 0;              ///< 0: unknown
  std::optional<std::chrono::seconds> taken{};  ///< from its begin to its end
  std::string reasons{};                        ///< why it is kept, or not
  Fate fate = Fate::stays;
  UtcTime leaves_at{};
  std::string flaw{};  ///< why it cannot be restored or trusted; empty: nothing is known
  bool is_held = false;
  std::optional<UtcTime> locked_until{};       ///< a time to come
  std::optional<Verification> verification{};  ///< the one that counts
};

/// Sums up the backups that are in the store of one day.
struct PageDay {
  std::chrono::local_days day;
  size_t backups = 0;  ///< complete ones
  size_t flawed = 0;   ///< of these
  uint64_t bytes = 0;
};

/// The number of days that the calendar shows, today included.
inline constexpr size_t kPageDays = 60;

struct PageGroup {
  Group group{};
  GroupVerdict verdict{};
  std::vector<std::string> notes{};  ///< what else to know, a sentence each
  std::optional<UtcTime> last_success{};
  uint64_t last_bytes = 0;
  std::optional<UtcTime> due{};
  size_t count = 0;    ///< complete backups
  uint64_t bytes = 0;  ///< of these
  size_t held = 0;
  size_t locked = 0;
  size_t leaving = 0;                          ///< the next run deletes them
  std::optional<Verification> verification{};  ///< the newest that has passed
  std::array<PageDay, kPageDays> days{};
  std::vector<PageBackup> backups{};  ///< newest first, at most StoreView::most_rows
  size_t unlisted = 0;                ///< further ones, which are older
};

/// Sums up what is stored of the write-ahead log of one server, and which moments can be restored.
struct PageWal {
  std::string system_identifier;
  size_t objects = 0;
  uint64_t bytes = 0;
  Recovery recovery{};
};

struct PageDestination {
  std::string name{};
  std::string location{};
  std::string error{};  ///< why nothing could be read; the rest is then empty
  std::vector<std::string> problems{};
  std::vector<PageGroup> groups{};  ///< the worst first, then by name
  size_t unlisted = 0;              ///< groups that are not shown
  std::vector<PageWal> servers{};
  std::vector<std::string> not_adopted{};  ///< what is there of older systems and does not count
};

/// Holds names and values of settings.
using SettingRows = std::vector<std::pair<std::string, std::string>>;

struct PageSettings {
  SettingRows keep{};     ///< the rules: any of them keeps a backup
  SettingRows besides{};  ///< what else decides about what is deleted
  bool is_dry_run = false;
  std::string zone{};  ///< the name of the zone: `Europe/Berlin`; `UTC` where none is set
};

struct Page {
  UtcTime now;  ///< by this machine's clock
  PageSettings settings{};
  std::vector<PageDestination> destinations{};
};

[[nodiscard]] Page make_page(std::span<const StoreView> views, const PageSettings& settings,
                             UtcTime now);

}  // namespace pgbackup
