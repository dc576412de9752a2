#include "common/base/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::hours;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::minutes;
using std::chrono::seconds;

UtcTime at(const std::string& text) {
  const auto time = parse_iso(text + "Z");
  REQUIRE(time);
  return *time;
}

local_seconds local_time(UtcTime time) {
  const std::time_t instant = time.time_since_epoch().count();
  std::tm local{};
  static_cast<void>(localtime_r(&instant, &local));
  return local_seconds(time.time_since_epoch() + seconds(local.tm_gmtoff));
}

/// `2026-03-29 02:30 +0100`, in the process's zone.
std::string show(UtcTime time) {
  const std::time_t instant = time.time_since_epoch().count();
  std::tm local{};
  std::array<char, 64> text{};
  REQUIRE(localtime_r(&instant, &local) != nullptr);
  const char* const format = local.tm_sec == 0 ? "%F %R %z" : "%F %T %z";
  return {text.data(), std::strftime(text.data(), text.size(), format, &local)};
}

std::vector<std::string> shown_runs(const Schedule& schedule, UtcTime after, size_t count) {
  std::vector<std::string> shown;
  for (UtcTime time = after; shown.size() < count;) {
    time = schedule.next(time);
    shown.push_back(show(time));
  }
  return shown;
}

TEST_CASE("An interval counts from the given time and ignores the zone") {
  const ZoneGuard zone("Europe/Berlin");
  const UtcTime before_the_change = at("2026-03-28T12:34:56");
  CHECK(Schedule::every(hours(24)).next(before_the_change) == before_the_change + hours(24));
  CHECK(Schedule::parse("@every 90m").next(before_the_change) == before_the_change + minutes(90));
  CHECK(Schedule::every(hours(6)).text() == "6h");
  CHECK_FALSE(Schedule::every(hours(6)).zone());
  CHECK(fails_with(ErrorKind::usage, "at least", [] { return Schedule::every(seconds(0)); }));
  CHECK(fails_with(ErrorKind::usage, "at least", [] { return Schedule::every(seconds(-1)); }));
}

TEST_CASE("The zone in front of an expression is told and not applied") {
  const ZoneGuard zone("UTC");
  CHECK(Schedule::parse("TZ=Europe/Berlin 0 3 * * *").zone() == "Europe/Berlin");
  CHECK(Schedule::parse("CRON_TZ=Asia/Tokyo @every 6h").zone() == "Asia/Tokyo");
  CHECK_FALSE(Schedule::parse("0 3 * * *").zone());
  const Schedule schedule = Schedule::parse("TZ=Europe/Berlin 0 3 * * *");
  CHECK(schedule.text() == "TZ=Europe/Berlin 0 3 * * *");
  CHECK(show(schedule.next(at("2026-11-20T00:00:00"))) == "2026-11-20 03:00 +0000");
}

TEST_CASE("Where the clock changes, a fixed time runs once a day and a starred hour goes on") {
  struct {
    const char* zone;
    const char* text;
    const char* after;  // UTC
    std::vector<std::string> wanted;
  } const table[] = {
      // North: the hour from 2 to 3 is skipped in March and comes twice in October.
      {"Europe/Berlin",
       "30 2 * * *",
       "2026-03-28T12:00:00",
       {"2026-03-29 03:00 +0200", "2026-03-30 02:30 +0200"}},
      {"Europe/Berlin",
       "0,20,40 2,3 * * *",
       "2026-03-29T00:59:59",
       {"2026-03-29 03:00 +0200", "2026-03-29 03:20 +0200"}},
      {"Europe/Berlin",
       "30 2 * * *",
       "2026-10-24T12:00:00",
       {"2026-10-25 02:30 +0200", "2026-10-26 02:30 +0100"}},
      {"Europe/Berlin", "30 2 * * *", "2026-10-25T01:00:00", {"2026-10-26 02:30 +0100"}},
      {"Europe/Berlin",
       "*/30 2 * * *",
       "2026-10-25T00:00:00",
       {"2026-10-25 02:30 +0200", "2026-10-26 02:00 +0100"}},
      {"Europe/Berlin", "* * 2 * * *", "2026-10-25T00:59:59", {"2026-10-26 02:00 +0100"}},
      {"Europe/Berlin", "0 3 * * *", "2026-10-25T00:00:00", {"2026-10-25 03:00 +0100"}},
      {"Europe/Berlin",
       "0 * * * *",
       "2026-03-28T23:30:00",
       {"2026-03-29 01:00 +0100", "2026-03-29 03:00 +0200", "2026-03-29 04:00 +0200"}},
      {"Europe/Berlin", "0 */2 * * *", "2026-03-28T23:30:00", {"2026-03-29 04:00 +0200"}},
      {"Europe/Berlin",
       "0 * * * *",
       "2026-10-24T23:30:00",
       {"2026-10-25 02:00 +0200", "2026-10-25 02:00 +0100", "2026-10-25 03:00 +0100"}},
      {"Europe/Berlin",
       "*/30 * * * *",
       "2026-10-25T00:15:00",
       {"2026-10-25 02:30 +0200", "2026-10-25 02:00 +0100", "2026-10-25 02:30 +0100"}},
      {"Europe/Berlin",
       "0 */2 25 10 *",
       "2026-10-25T00:00:00",
       {"2026-10-25 02:00 +0100", "2026-10-25 04:00 +0100"}},
      {"Europe/Berlin", "0 * 1 7 *", "2026-10-24T23:30:00", {"2027-07-01 00:00 +0200"}},
      {"Europe/Berlin", "15 2 25 10 *", "2026-10-25T00:20:00", {"2027-10-25 02:15 +0200"}},
      {"America/New_York",
       "30 2 * * *",
       "2026-03-07T12:00:00",
       {"2026-03-08 03:00 -0400", "2026-03-09 02:30 -0400"}},
      {"America/New_York",
       "30 1 * * *",
       "2026-11-01T04:00:00",
       {"2026-11-01 01:30 -0400", "2026-11-02 01:30 -0500"}},
      {"CET-1CEST,M3.5.0,M10.5.0/3",
       "30 2 * * *",
       "2026-03-28T12:00:00",
       {"2026-03-29 03:00 +0200", "2026-03-30 02:30 +0200"}},
      // South: October skips, April repeats. Lord Howe shifts by half an hour, to 2:30 and to 1:30.
      {"Australia/Sydney",
       "30 2 * * *",
       "2026-10-03T12:00:00",
       {"2026-10-04 03:00 +1100", "2026-10-05 02:30 +1100"}},
      {"Australia/Sydney",
       "30 2 * * *",
       "2026-04-04T12:00:00",
       {"2026-04-05 02:30 +1100", "2026-04-06 02:30 +1000"}},
      {"Australia/Lord_Howe",
       "15 2 * * *",
       "2026-10-03T12:00:00",
       {"2026-10-04 02:30 +1100", "2026-10-05 02:15 +1100"}},
      {"Australia/Lord_Howe",
       "45 1 * * *",
       "2026-04-04T12:00:00",
       {"2026-04-05 01:45 +1100", "2026-04-06 01:45 +1030"}},
      {"Australia/Lord_Howe",
       "*/15 * * * *",
       "2026-04-04T14:30:00",
       {"2026-04-05 01:45 +1100", "2026-04-05 01:30 +1030", "2026-04-05 01:45 +1030",
        "2026-04-05 02:00 +1030"}},
      // Midnight itself is skipped, or comes twice.
      {"America/Sao_Paulo",
       "0 0 * * *",
       "2018-11-03T12:00:00",
       {"2018-11-04 01:00 -0200", "2018-11-05 00:00 -0200"}},
      {"America/Sao_Paulo",
       "30 23 * * *",
       "2018-02-17T12:00:00",
       {"2018-02-17 23:30 -0200", "2018-02-18 23:30 -0300"}},
      {"America/Sao_Paulo",
       "0 * 17 2 *",
       "2018-02-18T01:00:00",
       {"2018-02-17 23:00 -0300", "2019-02-17 00:00 -0300"}},
      {"Africa/Cairo",
       "@daily",
       "2026-04-23T12:00:00",
       {"2026-04-24 01:00 +0300", "2026-04-25 00:00 +0300"}},
      {"Africa/Cairo",
       "@daily",
       "2026-10-28T22:00:00",
       {"2026-10-30 00:00 +0200", "2026-10-31 00:00 +0200"}},
      {"Africa/Cairo",
       "0 0 24 4 *",
       "2026-01-01T00:00:00",
       {"2026-04-24 01:00 +0300", "2027-04-24 00:00 +0200"}},
      // A whole day is skipped: 30 December 2011 did not happen.
      {"Pacific/Apia",
       "0 3 * * *",
       "2011-12-29T13:00:00",
       {"2011-12-31 00:00 +1400", "2011-12-31 03:00 +1400"}},
      {"Pacific/Apia",
       "0 */12 * * *",
       "2011-12-29T13:00:00",
       {"2011-12-29 12:00 -1000", "2011-12-31 00:00 +1400"}},
  };
  for (const auto& [zone, text, after, wanted] : table) {
    CAPTURE(zone, text, after);
    const ZoneGuard guard(zone);
    CHECK(shown_runs(Schedule::parse(text), at(after), wanted.size()) == wanted);
  }
}

// ---- Against naive oracles ----

/// An expression whose fields are lists, so that a naive reading is simple.
struct Naive {
  std::string text;
  std::array<bool, 60> minutes{};
  std::array<bool, 24> hours{};
  std::array<bool, 32> days{};
  std::array<bool, 13> months{};
  std::array<bool, 7> weekdays{};
  bool either_day = false;
  bool by_the_hour = false;

  [[nodiscard]] bool matches_day(local_days day) const {
    const std::chrono::year_month_day date(day);
    const bool is_date = days[static_cast<unsigned>(date.day())];
    const bool is_weekday = weekdays[std::chrono::weekday(day).c_encoding()];
    return months[static_cast<unsigned>(date.month())] &&
           (either_day ? is_date || is_weekday : is_date && is_weekday);
  }
  /// `minute_of_day` from 0.
  [[nodiscard]] bool matches_time(long minute_of_day) const {
    return hours[static_cast<size_t>(minute_of_day / 60)] &&
           minutes[static_cast<size_t>(minute_of_day % 60)];
  }
  [[nodiscard]] bool matches(local_seconds time) const {
    const auto day = floor<std::chrono::days>(time);
    return matches_time((time - day) / std::chrono::minutes(1)) && matches_day(day);
  }
};

class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  int below(int limit) { return static_cast<int>(random_() % static_cast<unsigned>(limit)); }

  Naive make() {
    Naive naive;
    const std::string minute = field(naive.minutes, 0, 3);
    const std::string hour = field(naive.hours, 0, 3);
    const std::string day = field(naive.days, 1, 2);
    const std::string month = field(naive.months, 1, 1);
    const std::string weekday = field(naive.weekdays, 0, 2);
    naive.either_day = day[0] != '*' && weekday[0] != '*';
    naive.by_the_hour = hour[0] == '*';
    naive.text = fmt::format("{} {} {} {} {}", minute, hour, day, month, weekday);
    return naive;
  }

 private:
  /// Writes a field and sets what it means: `*`, `*/n` or a list, `chance` of 4 times not a `*`.
  template <size_t kSize>
  std::string field(std::array<bool, kSize>& values, int min, int chance) {
    constexpr int kEnd = kSize;
    const bool is_all = below(4) >= chance;
    if (is_all || below(3) == 0) {
      const int step = is_all ? 1 : 1 + below(kEnd - min);
      for (int i = min; i < kEnd; i += step) values[static_cast<size_t>(i)] = true;
      return is_all ? "*" : fmt::format("*/{}", step);
    }
    std::string text;
    for (int count = 1 + below(3); count > 0; --count) {
      const int first = min + below(std::min(kEnd, 29) - min);
      const int last = first + below(kEnd - first);
      for (int i = first; i <= last; ++i) values[static_cast<size_t>(i)] = true;
      text += fmt::format("{}{}-{}", text.empty() ? "" : ",", first, last);
    }
    return text;
  }

  std::mt19937 random_;
};

/// The first matching minute of the `kDays` after `after`, where the offset does not change.
constexpr days kDays{40};

std::optional<UtcTime> find_naively(const Naive& naive, UtcTime after, seconds offset) {
  const local_seconds start(after.time_since_epoch() + offset);
  const local_seconds first = floor<minutes>(start) + minutes(1);
  for (auto day = floor<days>(first); day < floor<days>(start) + kDays; day += days(1)) {
    if (!naive.matches_day(day)) continue;
    for (long minute = std::max(first - day, seconds(0)) / minutes(1); minute < 1440; ++minute) {
      if (!naive.matches_time(minute)) continue;
      return UtcTime((day + minutes(minute)).time_since_epoch() - offset);
    }
  }
  return std::nullopt;
}

TEST_CASE("Random expressions give what a look at every minute gives") {
  struct {
    const char* zone;
    const char* from;
    seconds offset;
  } const table[] = {{"UTC", "2028-01-20T00:00:00", hours(0)},
                     {"Europe/Berlin", "2026-05-01T00:00:00", hours(2)}};
  for (const auto& [zone, from, offset] : table) {
    const ZoneGuard guard(zone);
    Maker maker(20261120);
    int found = 0;
    for (int i = 0; i < 400; ++i) {
      const Naive naive = maker.make();
      const UtcTime after = at(from) + seconds(maker.below(60 * 86400));
      CAPTURE(zone, naive.text, format_iso(after));
      const UtcTime next = Schedule::parse(naive.text).next(after);
      const auto wanted = find_naively(naive, after, offset);
      found += wanted ? 1 : 0;
      const bool is_right =
          wanted ? next == *wanted : next > after + kDays - days(1);  // `>`: not in these days
      if (!is_right) CHECK(format_iso(next) == (wanted ? format_iso(*wanted) : "later"));
    }
    CHECK(found > 200);
  }
}

/// All runs in the local times of consecutive minutes, as indexes. By elapsed time each minute
/// counts that matches; otherwise each that takes the clock past a matching time for the first
/// time.
std::vector<size_t> runs_naively(const Naive& naive, const std::vector<local_seconds>& clock) {
  std::vector<size_t> runs;
  local_seconds furthest = clock.front();
  for (size_t i = 1; i < clock.size(); ++i) {
    bool is_due = naive.by_the_hour && naive.matches(clock[i]);
    while (furthest < clock[i]) {
      furthest += minutes(1);
      if (!naive.by_the_hour && naive.matches(furthest)) is_due = true;
    }
    if (is_due) runs.push_back(i);
  }
  return runs;
}

TEST_CASE("Random expressions run around clock changes as a watched clock would have them") {
  struct {
    const char* zone;
    const char* around;
  } const table[] = {
      {"Europe/Berlin", "2026-03-29T01:00:00"},
      {"Europe/Berlin", "2026-10-25T01:00:00"},
      {"America/New_York", "2026-11-01T06:00:00"},
      {"America/Sao_Paulo", "2018-11-04T03:00:00"},
      {"America/Sao_Paulo", "2018-02-18T02:00:00"},
      {"Africa/Cairo", "2026-04-23T22:00:00"},
      {"Africa/Cairo", "2026-10-29T21:00:00"},
      {"Australia/Lord_Howe", "2026-10-03T15:30:00"},
      {"Australia/Lord_Howe", "2026-04-04T15:00:00"},
      {"Pacific/Apia", "2011-12-30T10:00:00"},
      {"Africa/Casablanca", "2026-02-15T02:00:00"},
      {"Antarctica/Troll", "2026-10-25T01:00:00"},
      {"Pacific/Chatham", "2026-04-04T14:00:00"},
      {"Pacific/Kwajalein", "1969-09-30T13:00:00"},
  };
  Maker maker(7);
  for (const auto& [zone, around] : table) {
    const ZoneGuard guard(zone);
    // A day more in front, so that the naive clock knows what has been.
    const UtcTime start = at(around) - days(3);
    std::vector<local_seconds> clock;
    for (UtcTime time = start; time < at(around) + days(3); time += minutes(1)) {
      clock.push_back(local_time(time));
    }
    for (int i = 0; i < 7; ++i) {
      const Naive naive = maker.make();
      const Schedule schedule = Schedule::parse(naive.text);
      UtcTime time = start;
      CAPTURE(zone, naive.text);
      for (const size_t run : runs_naively(naive, clock)) {
        const UtcTime wanted = start + minutes(run);
        const UtcTime between = time + (wanted - time) / 2;
        const UtcTime next = schedule.next(time);
        // Far fewer checks than comparisons: Catch2 is slow.
        if (next != wanted || schedule.next(between) != wanted) CHECK(show(next) == show(wanted));
        time = wanted;
      }
      CHECK(schedule.next(time) >= start + minutes(clock.size()));
    }
  }
}

TEST_CASE("The next time is later than the given one, and never earlier for a later one") {
  Maker maker(99);
  for (const char* const zone : {"Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"}) {
    const ZoneGuard guard(zone);
    for (int i = 0; i < 60; ++i) {
      const Schedule schedule = Schedule::parse(maker.make().text);
      UtcTime after = at("2026-10-01T00:00:00") + seconds(maker.below(100'000));
      UtcTime last = after;
      for (int step = 0; step < 30; ++step) {
        const UtcTime next = schedule.next(after);
        if (next <= after || next < last) {
          CAPTURE(zone, schedule.text(), format_iso(after));
          CHECK(next > after);
          CHECK(next >= last);
        }
        last = next;
        after += seconds(maker.below(3 * 86400));
      }
    }
  }
}

}  // namespace
}  // namespace pgbackup
