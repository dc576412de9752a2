#include "prune/policy.h"

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

using Backups = std::span<const Backup* const>;

/// A clock was wrong when it was made: its age says nothing, and it must not push out the others.
void keep_future(Backups backups, const Retention& /*retention*/, UtcTime now,
                 std::vector<Verdict>& verdicts) {
  for (size_t i = 0; i < backups.size(); ++i) {
    if (backups[i]->time > now) {
      verdicts[i].reasons.emplace_back("dated in the future: kept, but never counted");
    }
  }
}

void keep_within(Backups backups, const Retention& retention, UtcTime now,
                 std::vector<Verdict>& verdicts) {
  if (!retention.max_age) return;
  for (size_t i = 0; i < backups.size(); ++i) {
    if (backups[i]->time <= now && now - backups[i]->time < *retention.max_age) {
      verdicts[i].reasons.push_back(
          fmt::format("younger than {}", format_duration(*retention.max_age)));
    }
  }
}

/// Applied last: the newest `min_backups` stay, whatever the rules say.
void keep_floor(Backups backups, const Retention& retention, UtcTime now,
                std::vector<Verdict>& verdicts) {
  int counted = 0;
  for (size_t i = backups.size(); i-- > 0 && counted < retention.min_backups;) {
    if (backups[i]->time > now) continue;
    ++counted;
    if (verdicts[i].reasons.empty()) verdicts[i].reasons.emplace_back("min_backups safety");
  }
}

constexpr auto kRules = {keep_future, keep_within, keep_floor};

}  // namespace

bool has_rule(const Retention& retention) { return retention.max_age.has_value(); }

std::vector<Verdict> apply_policy(Backups backups, const Retention& retention, UtcTime now) {
  if (!has_rule(retention)) {
    throw Error(ErrorKind::usage, "no retention policy is set: nothing says what may be removed");
  }
  std::vector<Verdict> verdicts(backups.size());
  for (const auto& rule : kRules) rule(backups, retention, now, verdicts);
  for (Verdict& verdict : verdicts) {
    verdict.keep = !verdict.reasons.empty();
    if (!verdict.keep) {
      verdict.reasons.push_back(
          fmt::format("age is {} or more", format_duration(*retention.max_age)));
    }
  }
  return verdicts;
}

}  // namespace pgbackup
