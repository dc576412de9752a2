#include "common/service/backups_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/base/due.h"
#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

constexpr const char* kLookAtLog =
    "look at the log of pg-backup, or make a backup now: pg-backup now";

GroupBackups& entry_of(std::vector<GroupBackups>& groups, const Group& group) {
  if (groups.empty() || groups.back().group != group) groups.push_back({.group = group});
  return groups.back();
}

void inspect_newest(Store& store, GroupBackups& entry) {
  if (!entry.newest) return;
  try {
    entry.seen = inspect_backup(store, *entry.newest);
  } catch (...) {
    const Error error = current_failure();
    if (is_retryable(error.kind())) throw error;
    entry.unreadable = error.message();
  }
}

/// Returns when the next backup is due and late, as far as anything tells.
struct Due {
  UtcTime at{};
  UtcTime late{};
};
std::optional<Due> due_after(const GroupBackups& entry, const BackupsWish& wish) {
  const UtcTime began = entry.newest->time;
  if (entry.seen && entry.seen->manifest && entry.seen->manifest->next_due) {
    const UtcTime at = *entry.seen->manifest->next_due;
    return Due{at, late_from(at, std::max(at - began, std::chrono::seconds(0)))};
  }
  if (!wish.schedule) return std::nullopt;
  const UtcTime at = next_due_after(began, *wish.schedule);
  return Due{at, late_from(at, *wish.schedule)};
}

class BackupsJudge {
 public:
  BackupsJudge(const BackupsWish& wish, UtcTime now) : wish_(wish), now_(now) {}

  void judge(const GroupBackups& entry) {
    group_ = &entry.group;
    if (entry.future > 0) {
      attention(
          fmt::format("{} of its backups are dated in the future: a clock was wrong", entry.future),
          "they never count as the newest; delete them by hand");
    }
    if (!entry.damaged.empty()) {
      attention(fmt::format("damaged: {}", fmt::join(entry.damaged, ", ")),
                "look at what deletes objects here besides pg-prune; pg-prune deletes nothing of "
                "this group meanwhile");
    }
    if (!entry.newest) return never();
    judge_newest(entry);
  }

  void never(const Group& group) {
    group_ = &group;
    never();
  }

  Findings take() { return std::move(findings_); }

 private:
  void add(FindingLevel level, std::string sentence, std::string advice) {
    findings_.push_back({.level = level,
                         .area = wish_.area,
                         .subject = "backups of " + group_title(*group_),
                         .sentence = std::move(sentence),
                         .advice = std::move(advice)});
  }
  void attention(std::string sentence, std::string advice) {
    add(FindingLevel::attention, std::move(sentence), std::move(advice));
  }
  void never() { attention("there is none yet", "make the first one: pg-backup now"); }

  void judge_newest(const GroupBackups& entry) {
    const Backup& newest = *entry.newest;
    const std::string what = fmt::format("the newest, {}, ", newest.id);
    if (!entry.unreadable.empty()) {
      return attention(what + "cannot be read: " + entry.unreadable, kLookAtLog);
    }
    if (!entry.seen->damage.empty()) {
      return attention(what + "is damaged: " + entry.seen->damage, kLookAtLog);
    }
    if (!entry.seen->distrust.empty()) {
      return attention(what + "is not signed: " + entry.seen->distrust,
                       "see docs/signing.md, What is not signed");
    }
    if (!entry.seen->backdating.empty()) {
      return attention(what + "is backdated: " + entry.seen->backdating,
                       "see docs/retention.md, When pg-prune refuses");
    }
    const std::string age = format_age(now_ - newest.time);
    const std::optional<Due> due = due_after(entry, wish_);
    if (due && now_ > due->late) {
      return attention(
          fmt::format("{}is {} old, and the next was due at {}", what, age, format_iso(due->at)),
          kLookAtLog);
    }
    add(FindingLevel::ok,
        fmt::format("{}is {} old and has {}{}{}", what, age, format_bytes(newest.bytes),
                    entry.seen->is_signed ? "; it is signed" : "",
                    due ? fmt::format("; the next is due at {}", format_iso(due->at)) : ""),
        "");
  }

  const BackupsWish& wish_;
  UtcTime now_;
  const Group* group_ = nullptr;
  Findings findings_;
};

}  // namespace

std::vector<GroupBackups> read_newest(Store& store, const Adoption& adoption, UtcTime now) {
  Catalog catalog = read_catalog(store, adoption);
  std::vector<GroupBackups> groups;
  for (const Backup& backup : catalog.backups) {
    if (!backup.complete) continue;
    GroupBackups& entry = entry_of(groups, backup.group);
    ++entry.complete;
    if (is_from_future(backup, now)) {
      ++entry.future;
      continue;
    }
    if (entry.newest && !damage_of(*entry.newest).empty()) {
      entry.damaged.push_back(entry.newest->id);
    }
    entry.newest = backup;
  }
  for (GroupBackups& entry : groups) inspect_newest(store, entry);
  if (catalog.unread) throw Error(*catalog.unread);
  return groups;
}

Findings judge_backups(const std::vector<GroupBackups>& groups, const BackupsWish& wish,
                       UtcTime now) {
  BackupsJudge judge(wish, now);
  if (wish.groups.empty()) {
    for (const GroupBackups& entry : groups) judge.judge(entry);
    return judge.take();
  }
  for (const Group& group : wish.groups) {
    const auto found = std::find_if(groups.begin(), groups.end(), [&](const GroupBackups& entry) {
      return entry.group == group;
    });
    found == groups.end() ? judge.never(group) : judge.judge(*found);
  }
  return judge.take();
}

}  // namespace pgbackup
