#include "prune/expiry.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

const UtcTime kNow = *parse_iso("2026-11-20T12:00:00Z");

std::vector<Candidate> daily(int count) {
  std::vector<Candidate> backups;
  for (int i = count; i-- > 0;) backups.push_back({.time = kNow - hours(2) - days(i)});
  return backups;
}

const Outlook kDaily{kNow + hours(22), days(1)};

std::string until(const std::optional<UtcTime>& end) { return end ? format_iso(*end) : "never"; }

TEST_CASE("Each rule tells until when it keeps a backup") {
  struct Row {
    Retention retention;
    std::optional<Outlook> outlook;
    std::vector<std::string> ends;  ///< of three daily backups, oldest first
  };
  for (const Row& row : std::vector<Row>{
           {{.max_age = days(30)},
            kDaily,
            {"2026-12-18T10:00:00Z", "2026-12-19T10:00:00Z", "2026-12-20T10:00:00Z"}},
           {{.max_age = days(30)},
            std::nullopt,
            {"2026-12-18T10:00:00Z", "2026-12-19T10:00:00Z", "never"}},
           {{.keep_last = 3},
            kDaily,
            {"2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z"}},
           {{.keep_last = 3}, std::nullopt, {"never", "never", "never"}},
           {{.keep_last = 2},
            kDaily,
            {"2026-11-20T12:00:00Z", "2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z"}},
           {{.keep_daily = 7},
            kDaily,
            {"2026-11-25T10:00:00Z", "2026-11-26T10:00:00Z", "2026-11-27T10:00:00Z"}},
           {{.keep_monthly = 2},  // the next one takes its place
            kDaily,
            {"2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z", "2026-11-21T10:00:00Z"}},
           {{.keep_yearly = 1},
            Outlook{*parse_iso("2027-01-01T00:00:00Z"), days(42)},
            {"2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z", "2027-11-20T10:00:00Z"}},
           {{.keep_last = 1, .min_backups = 3},
            kDaily,
            {"2026-11-21T10:00:00Z", "2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z"}}}) {
    const ZoneGuard zone("UTC");
    std::vector<std::string> ends;
    for (const auto& end : kept_until(daily(3), row.retention, kNow, row.outlook)) {
      ends.push_back(until(end));
    }
    CHECK(ends == row.ends);
  }
}

TEST_CASE("Nothing ends what is held, damaged or of the future") {
  std::vector<Candidate> backups = daily(3);
  backups[0].is_held = true;
  backups[1].is_damaged = true;
  backups.push_back({.time = kNow + days(2)});
  const auto ends = kept_until(backups, {.keep_last = 1}, kNow, kDaily);
  CHECK(until(ends[0]) == "never");
  CHECK(until(ends[1]) == "never");
  CHECK(until(ends[2]) == "2026-11-21T10:00:00Z");
  CHECK(until(ends[3]) == "never");
  CHECK(kept_until({}, {.keep_last = 1}, kNow, kDaily).empty());
}

/// Lets time pass from one event to the next, with backups as `outlook` has them, and returns when
/// the policy first gives up each backup.
std::vector<std::optional<UtcTime>> simulate(std::vector<Candidate> backups,
                                             const Retention& retention, const Outlook& outlook,
                                             std::vector<UtcTime> moments) {
  const size_t count = backups.size();
  std::vector<std::optional<UtcTime>> ends(count);
  std::sort(moments.begin(), moments.end());
  UtcTime next = outlook.next;
  for (const UtcTime now : moments) {
    for (; next <= now; next += outlook.period) backups.push_back({.time = next});
    const std::vector<Reasons> verdicts = apply_policy(backups, retention, now);
    for (size_t i = 0; i < count; ++i) {
      if (verdicts[i].empty() && !ends[i]) ends[i] = now;
    }
  }
  return ends;
}

TEST_CASE("What is foretold is what the policy does when time passes") {
  std::mt19937 random(7);
  const auto below = [&](unsigned most) { return static_cast<int>(random() % most); };
  for (const auto* const zone_name : {"UTC", "Asia/Kathmandu"}) {
    const ZoneGuard zone(zone_name);
    for (int trial = 0; trial < 60; ++trial) {
      std::vector<Candidate> backups;
      for (int i = 0; i < 12; ++i) {
        backups.push_back(
            {.time = kNow - seconds(60) - hours(below(24 * 90)), .is_held = below(9) == 0});
      }
      std::sort(backups.begin(), backups.end(),
                [](const Candidate& a, const Candidate& b) { return a.time < b.time; });
      Retention retention{.keep_last = below(4),
                          .keep_hourly = below(30),
                          .keep_daily = below(9),
                          .keep_weekly = below(5),
                          .keep_monthly = 1 + below(4),
                          .min_backups = 1 + below(3)};
      if (below(2) == 0) retention.max_age = hours(below(24 * 60) + 1);
      const Outlook outlook{kNow + hours(1 + below(30)), hours(1 + below(40))};
      const auto ends = kept_until(backups, retention, kNow, outlook);
      std::vector<UtcTime> moments = {kNow};
      for (int i = 0; i < 300; ++i) moments.push_back(kNow + hours(12 * i));
      for (const auto& end : ends) {
        if (!end) continue;
        moments.push_back(*end);
        if (*end > kNow) moments.push_back(*end - seconds(1));
      }
      const auto seen = simulate(backups, retention, outlook, moments);
      for (size_t i = 0; i < backups.size(); ++i) {
        CAPTURE(zone_name, trial, i, format_iso(backups[i].time));
        CHECK(until(ends[i]) == until(seen[i]));
      }
    }
  }
}

}  // namespace
}  // namespace pgbackup
