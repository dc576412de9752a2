// What holds for every policy, whatever the backups: tried with many that are made up, the same
// ones each time, in zones with and without summer time.
#include <algorithm>
#include <array>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "prune/policy.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct Trial {
  std::vector<Candidate> backups;  ///< oldest first
  Retention retention;
  UtcTime now;

  [[nodiscard]] std::vector<Reasons> verdicts() const {
    return apply_policy(backups, retention, now);
  }
  [[nodiscard]] bool is_past(size_t index) const { return backups[index].time <= now; }
};

constexpr std::array kCounts = {&Retention::keep_last,    &Retention::keep_hourly,
                                &Retention::keep_daily,   &Retention::keep_weekly,
                                &Retention::keep_monthly, &Retention::keep_yearly};

class Random {
 public:
  /// Less than `below`.
  unsigned next(unsigned below) { return static_cast<unsigned>(engine_() % below); }
  bool one_in(unsigned count) { return next(count) == 0; }

  Trial trial() {
    Trial trial{.backups = {}, .retention = retention(), .now = now()};
    const unsigned count = next(40);
    const bool has_old = one_in(2);
    for (unsigned i = 0; i < count; ++i) {
      trial.backups.push_back({.time = time_before(trial.now),
                               .is_ours = !has_old || one_in(3),
                               .is_held = one_in(20)});
    }
    sort(trial.backups);
    return trial;
  }

  /// Minutes or years ago, at times that often fall together; now and then in the future.
  UtcTime time_before(UtcTime now) {
    static constexpr std::array kUnits = {60, 1800, 3600, 21600, 86400, 604800, 2000000};
    const long unit = kUnits[next(kUnits.size())];
    const seconds age(unit * next(40));
    return one_in(20) ? now + age : now - age + seconds(next(2));
  }

  static void sort(std::vector<Candidate>& backups) {
    std::stable_sort(backups.begin(), backups.end(),
                     [](const Candidate& a, const Candidate& b) { return a.time < b.time; });
  }

 private:
  /// Soon after a leap day, a change of clocks, the end of a month or of a year.
  UtcTime now() {
    static constexpr std::array kTimes = {"2026-11-20T12:00:00Z", "2026-03-29T01:30:00Z",
                                          "2026-10-25T01:30:00Z", "2026-11-25T01:30:00Z",
                                          "2026-04-29T00:30:00Z", "2028-02-29T12:00:00Z",
                                          "2028-03-31T22:30:00Z", "2027-01-01T00:30:00Z",
                                          "2026-11-01T06:30:00Z", "2026-05-04T15:15:00Z"};
    const UtcTime time = *parse_iso(kTimes[next(kTimes.size())]);
    return time + hours(next(13)) - hours(3);
  }

  Retention retention() {
    Retention retention{.min_backups = static_cast<int>(next(4)) + 1};
    while (!has_rule(retention)) {
      if (one_in(3)) retention.max_age = hours(next(1000) + 1);
      for (const auto count : kCounts) {
        if (one_in(3)) retention.*count = static_cast<int>(next(one_in(3) ? 30 : 5));
      }
    }
    return retention;
  }

  std::mt19937 engine_{20261120};
};

void for_each_trial(const std::function<void(const Trial&, Random&)>& check) {
  Random random;
  for (const char* const zone : {"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu",
                                 "Australia/Lord_Howe", "Pacific/Apia"}) {
    const ZoneGuard guard(zone);
    for (int number = 0; number < 600; ++number) {
      CAPTURE(zone, number);
      check(random.trial(), random);
    }
  }
}

// The rules once more, from the calendar instead of from numbers.

std::tm wall_clock(UtcTime time) {
  const std::time_t instant = time.time_since_epoch().count();
  std::tm local{};
  localtime_r(&instant, &local);
  return local;
}

/// Comparable; what `time` has in common with all others of its bucket.
std::string calendar_bucket(UtcTime time, Reason rule) {
  const std::tm local = wall_clock(time);
  const char* format = "%Y";
  if (rule == Reason::hourly) format = "%F %H %z";
  if (rule == Reason::daily) format = "%F";
  if (rule == Reason::weekly) format = "%G-%V";
  if (rule == Reason::monthly) format = "%Y-%m";
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &local)};
}

/// As if the wall clock were UTC.
long shown_at(UtcTime time) {
  std::tm local = wall_clock(time);
  return timegm(&local);
}

/// When a clock on the wall first showed the time of now in the month that was `months` ago, or
/// more. Clocks are changed on the half hour.
UtcTime calendar_months_before(UtcTime now, int months) {
  std::tm local = wall_clock(now);
  std::tm last = local;  // day of that month: the one before the first of the next
  last.tm_mon += 1 - months;
  last.tm_mday = 0;
  timegm(&last);
  local.tm_year = last.tm_year;
  local.tm_mon = last.tm_mon;
  local.tm_mday = std::min(local.tm_mday, last.tm_mday);
  const long wanted = timegm(&local);
  UtcTime time(hours(wanted / 3600 - 30));
  constexpr std::chrono::minutes kStep(30);
  while (shown_at(time + kStep) < wanted) time += kStep;
  const UtcTime exact = time + seconds(wanted - shown_at(time));
  return std::min(exact, time + kStep);
}

bool is_in_span(UtcTime time, UtcTime now, Reason rule, int count) {
  const long age = (now - time).count();
  if (rule == Reason::hourly) return age < 3600L * count;
  if (rule == Reason::daily) return age < 86400L * count;
  if (rule == Reason::weekly) return age < 604800L * count;
  return time > calendar_months_before(now, rule == Reason::monthly ? count : 12 * count);
}

/// No later one of the same bucket.
bool is_newest_of_its(const Trial& trial, size_t index, Reason rule) {
  const std::string bucket = calendar_bucket(trial.backups[index].time, rule);
  for (size_t i = index + 1; i < trial.backups.size() && trial.is_past(i); ++i) {
    if (calendar_bucket(trial.backups[i].time, rule) == bucket) return false;
  }
  return true;
}

/// How many newer ones there are, those of the future not counted.
int newer(const Trial& trial, size_t index, bool only_ours) {
  int count = 0;
  for (size_t i = index + 1; i < trial.backups.size() && trial.is_past(i); ++i) {
    count += trial.backups[i].is_ours || !only_ours ? 1 : 0;
  }
  return count;
}

bool has_ours(const Trial& trial) {
  return std::any_of(trial.backups.begin(), trial.backups.end(), [&](const Candidate& backup) {
    return backup.is_ours && backup.time <= trial.now;
  });
}

bool is_on_floor(const Trial& trial, size_t index) {
  const bool only_ours = has_ours(trial);
  return (trial.backups[index].is_ours || !only_ours) &&
         newer(trial, index, only_ours) < trial.retention.min_backups;
}

Reasons expected(const Trial& trial, size_t index) {
  const Candidate& backup = trial.backups[index];
  const Retention& retention = trial.retention;
  if (!trial.is_past(index)) return Reason::future;
  Reasons reasons;
  if (backup.is_held) reasons.add(Reason::held);
  if (retention.max_age && backup.time + *retention.max_age > trial.now) {
    reasons.add(Reason::within);
  }
  if (newer(trial, index, false) < retention.keep_last) reasons.add(Reason::last);
  for (const auto& [rule, count] : {std::pair(Reason::hourly, retention.keep_hourly),
                                    std::pair(Reason::daily, retention.keep_daily),
                                    std::pair(Reason::weekly, retention.keep_weekly),
                                    std::pair(Reason::monthly, retention.keep_monthly),
                                    std::pair(Reason::yearly, retention.keep_yearly)}) {
    const bool is_kept = count > 0 && is_in_span(backup.time, trial.now, rule, count) &&
                         is_newest_of_its(trial, index, rule);
    if (is_kept) reasons.add(rule);
  }
  if (reasons.empty() && is_on_floor(trial, index)) reasons.add(Reason::floor);
  return reasons;
}

TEST_CASE("Every reason is one that the calendar gives, and every removal is out by every rule") {
  for_each_trial([](const Trial& trial, Random&) {
    std::vector<Reasons> wanted;
    for (size_t i = 0; i < trial.backups.size(); ++i) wanted.push_back(expected(trial, i));
    CHECK((trial.verdicts() == wanted));
  });
}

TEST_CASE("The floor holds, the newest stays, and so does what is held or dated in the future") {
  for_each_trial([](const Trial& trial, Random&) {
    const std::vector<Reasons> verdicts = trial.verdicts();
    bool holds = true;
    for (size_t i = 0; i < verdicts.size(); ++i) {
      const bool stays = trial.backups[i].is_held || !trial.is_past(i) || is_on_floor(trial, i);
      holds = holds && (!stays || !verdicts[i].empty());
    }
    CHECK(holds);
  });
}

/// One rule keeps more than before, or the floor is higher.
Retention more_generous(Retention retention, Random& random) {
  const int more = static_cast<int>(random.next(10)) + 1;
  const unsigned which = random.next(kCounts.size() + 2);
  if (which < kCounts.size()) {
    retention.*kCounts[which] += more;
  } else if (which == kCounts.size()) {
    retention.min_backups += more;
  } else {
    retention.max_age = retention.max_age.value_or(seconds(0)) + hours(more);
  }
  return retention;
}

TEST_CASE("More generous rules remove nothing that the others kept") {
  for_each_trial([](const Trial& trial, Random& random) {
    const std::vector<Reasons> verdicts = trial.verdicts();
    Trial generous = trial;
    generous.retention = more_generous(trial.retention, random);
    const std::vector<Reasons> others = generous.verdicts();
    bool holds = true;
    for (size_t i = 0; i < verdicts.size(); ++i) {
      holds = holds && (verdicts[i].empty() || !others[i].empty());
    }
    CHECK(holds);
  });
}

/// What is there after a run at `now`.
std::vector<Candidate> kept(const Trial& trial) {
  const std::vector<Reasons> verdicts = trial.verdicts();
  std::vector<Candidate> backups;
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (!verdicts[i].empty()) backups.push_back(trial.backups[i]);
  }
  return backups;
}

TEST_CASE("A second run changes nothing: what stayed stays, for the same reasons") {
  for_each_trial([](const Trial& trial, Random&) {
    std::vector<Reasons> wanted = trial.verdicts();
    std::erase_if(wanted, [](const Reasons& reasons) { return reasons.empty(); });
    Trial again = trial;
    again.backups = kept(trial);
    CHECK((again.verdicts() == wanted));
  });
}

/// A month before the 29th, 30th and 31st of March is the same day, each at its time of day: in the
/// evening of one the rules look back less far than in the morning of the next.
bool is_late_in_month(UtcTime time) { return wall_clock(time).tm_mday > 28; }

TEST_CASE("However often it ran before, a run leaves the same") {
  for_each_trial([](Trial trial, Random& random) {
    std::erase_if(trial.backups, [&](const Candidate& backup) { return backup.time > trial.now; });
    std::vector<UtcTime> runs = {trial.now};
    for (int i = 0; i < 5; ++i) runs.push_back(std::min(random.time_before(trial.now), trial.now));
    std::erase_if(runs, is_late_in_month);
    if (is_late_in_month(trial.now)) return;
    std::sort(runs.begin(), runs.end());
    Trial often{.backups = {}, .retention = trial.retention, .now = {}};
    auto next = trial.backups.begin();
    for (const UtcTime run : runs) {
      for (; next != trial.backups.end() && next->time <= run; ++next) {
        often.backups.push_back(*next);
      }
      often.now = run;
      often.backups = kept(often);
    }
    const std::vector<Reasons> left = often.verdicts();
    std::vector<Reasons> wanted = trial.verdicts();
    std::erase_if(wanted, [](const Reasons& reasons) { return reasons.empty(); });
    CHECK((left == wanted));
  });
}

/// Did the backup at `index` lose what `rule` gave it to the one that was added at `place`?
bool made_room(const Trial& after, size_t index, size_t place, Reason rule) {
  const bool is_older = index < place;
  const Candidate& added = after.backups[place];
  switch (rule) {
    case Reason::last:
      return is_older && newer(after, index, false) == after.retention.keep_last;
    case Reason::floor:
      if (added.is_ours && !after.backups[index].is_ours) return true;
      return is_older && newer(after, index, has_ours(after)) == after.retention.min_backups;
    case Reason::hourly:
    case Reason::daily:
    case Reason::weekly:
    case Reason::monthly:
    case Reason::yearly:
      return is_older &&
             calendar_bucket(after.backups[index].time, rule) == calendar_bucket(added.time, rule);
    default:
      return false;
  }
}

bool is_as_it_should(const Trial& after, size_t index, size_t place, Reasons before, Reasons now) {
  for (size_t number = 0; number < kReasonCount; ++number) {
    const auto rule = static_cast<Reason>(number);
    if (before.has(rule) && !now.has(rule) && !made_room(after, index, place, rule)) return false;
    if (now.has(rule) && !before.has(rule) && rule != Reason::floor) return false;
  }
  return true;
}

TEST_CASE(
    "A backup that is added takes from an older one its place among the last, in a bucket or on "
    "the floor, from those of older systems the floor if it is the first of ours, and no more") {
  for_each_trial([](const Trial& trial, Random& random) {
    Trial after = trial;
    const Candidate added{.time = random.time_before(trial.now), .is_ours = random.one_in(2)};
    const auto at =
        std::upper_bound(after.backups.begin(), after.backups.end(), added,
                         [](const Candidate& a, const Candidate& b) { return a.time < b.time; });
    const auto place = static_cast<size_t>(at - after.backups.begin());
    after.backups.insert(at, added);
    const std::vector<Reasons> before = trial.verdicts();
    const std::vector<Reasons> now = after.verdicts();
    bool holds = true;
    for (size_t i = 0; i < before.size(); ++i) {
      const size_t index = i < place ? i : i + 1;
      holds = holds && is_as_it_should(after, index, place, before[i], now[index]);
    }
    CHECK(holds);
  });
}

TEST_CASE("Whoever says of a backup that its verification has failed deletes nothing earlier") {
  for_each_trial([](const Trial& trial, Random& random) {
    Trial changed = trial;
    for (Candidate& backup : changed.backups) backup.has_failed = random.one_in(4);
    const std::vector<Reasons> before = trial.verdicts();
    const std::vector<Reasons> after = changed.verdicts();
    for (size_t i = 0; i < before.size(); ++i) {
      CHECK((before[i].empty() || !after[i].empty()));
    }
  });
}

}  // namespace
}  // namespace pgbackup
