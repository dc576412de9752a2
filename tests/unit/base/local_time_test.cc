#include "common/base/local_time.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::local_seconds;
using std::chrono::minutes;
using std::chrono::seconds;

UtcTime at(const std::string& text) {
  const auto time = parse_iso(text + "Z");
  REQUIRE(time);
  return *time;
}

local_seconds local(const std::string& text) { return local_seconds(at(text).time_since_epoch()); }

std::string first_instant_of(const std::string& local_text) {
  return format_iso(first_instant(local(local_text)));
}

struct Row {
  const char* zone;
  const char* local;
  const char* utc;
};

TEST_CASE("A local time and its instant, there and back") {
  for (const auto& [zone, text, utc] : {
           Row{"UTC", "2026-07-01T12:00:00", "2026-07-01T12:00:00Z"},
           Row{"", "2026-07-01T12:00:00", "2026-07-01T12:00:00Z"},
           Row{"Europe/Berlin", "2026-01-15T12:00:00", "2026-01-15T11:00:00Z"},
           Row{"Europe/Berlin", "2026-07-01T00:30:00", "2026-06-30T22:30:00Z"},
           Row{"America/New_York", "2026-12-31T20:00:01", "2027-01-01T01:00:01Z"},
           Row{"Asia/Kathmandu", "2026-07-01T02:00:00", "2026-06-30T20:15:00Z"},
           Row{"Asia/Kolkata", "2026-07-01T05:29:59", "2026-06-30T23:59:59Z"},
           Row{"America/St_Johns", "2026-01-15T20:30:00", "2026-01-16T00:00:00Z"},
           Row{"Pacific/Kiritimati", "2026-07-01T00:00:00", "2026-06-30T10:00:00Z"},
           Row{"Etc/GMT+12", "2026-07-01T00:00:00", "2026-07-01T12:00:00Z"},
           Row{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-07-01T02:00:00", "2026-07-01T00:00:00Z"},
           Row{"<+0545>-5:45", "1969-12-31T23:59:59", "1969-12-31T18:14:59Z"},
           // Both sides of a change: just before it, and when it is over.
           Row{"Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"},
           Row{"Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z"},
           Row{"Europe/Berlin", "2026-10-25T01:59:59", "2026-10-24T23:59:59Z"},
           Row{"Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00Z"},
       }) {
    CAPTURE(zone, text);
    const ZoneGuard guard(zone);
    CHECK(first_instant_of(text) == utc);
    CHECK(to_local(first_instant(local(text))) == local(text));
    CHECK(offset_at(first_instant(local(text))) ==
          local(text).time_since_epoch() - first_instant(local(text)).time_since_epoch());
  }
}

TEST_CASE("A local time that is skipped is the end of the gap") {
  for (const auto& [zone, text, utc] : {
           Row{"Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z"},
           Row{"Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:00:00Z"},
           Row{"Europe/Berlin", "2026-03-29T02:59:59", "2026-03-29T01:00:00Z"},
           Row{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T02:30:00", "2026-03-29T01:00:00Z"},
           Row{"America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:00:00Z"},
           Row{"America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-04T03:00:00Z"},
           Row{"Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:30:00Z"},
           Row{"Pacific/Chatham", "2026-09-27T03:00:00", "2026-09-26T14:00:00Z"},
           // 30 December 2011 did not happen.
           Row{"Pacific/Apia", "2011-12-30T00:00:00", "2011-12-30T10:00:00Z"},
           Row{"Pacific/Apia", "2011-12-30T23:59:59", "2011-12-30T10:00:00Z"},
           // Without summer time: the zone itself became another, by a quarter of an hour.
           Row{"Asia/Kathmandu", "1986-01-01T00:07:00", "1985-12-31T18:30:00Z"},
       }) {
    CAPTURE(zone, text);
    const ZoneGuard guard(zone);
    CHECK(first_instant_of(text) == utc);
    CHECK(to_local(first_instant(local(text))) > local(text));
  }
}

TEST_CASE("A local time that comes twice is the first of the two") {
  for (const auto& [zone, text, utc] : {
           Row{"Europe/Berlin", "2026-10-25T02:00:00", "2026-10-25T00:00:00Z"},
           Row{"Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"},
           Row{"Europe/Berlin", "2026-10-25T02:59:59", "2026-10-25T00:59:59Z"},
           Row{"CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"},
           Row{"America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z"},
           Row{"America/Sao_Paulo", "2018-02-17T23:30:00", "2018-02-18T01:30:00Z"},
           Row{"Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00Z"},
           Row{"Pacific/Chatham", "2026-04-05T03:00:00", "2026-04-04T13:15:00Z"},
           Row{"Antarctica/Troll", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"},
       }) {
    CAPTURE(zone, text);
    const ZoneGuard guard(zone);
    const UtcTime first = first_instant(local(text));
    CHECK(format_iso(first) == utc);
    const Shift shift = shift_around(local(text));
    CHECK(to_local(first) == local(text));
    CHECK(to_local(first + (shift.before - shift.after)) == local(text));
  }
}

TEST_CASE("Around clock changes an instant is the one at which a watched clock gets there") {
  struct {
    const char* zone;
    const char* around;
  } const table[] = {
      {"UTC", "2026-03-29T01:00:00"},
      {"Asia/Kathmandu", "2026-03-29T01:00:00"},
      {"Asia/Kathmandu", "1985-12-31T18:30:00"},
      {"Europe/Berlin", "2026-03-29T01:00:00"},
      {"Europe/Berlin", "2026-10-25T01:00:00"},
      {"America/Sao_Paulo", "2018-11-04T03:00:00"},
      {"America/Sao_Paulo", "2018-02-18T02:00:00"},
      {"Australia/Lord_Howe", "2026-10-03T15:30:00"},
      {"Australia/Lord_Howe", "2026-04-04T15:00:00"},
      {"Pacific/Apia", "2011-12-30T10:00:00"},
      {"Pacific/Kwajalein", "1969-09-30T13:00:00"},
      {"Antarctica/Troll", "2026-10-25T01:00:00"},
  };
  for (const auto& [zone, around] : table) {
    CAPTURE(zone, around);
    const ZoneGuard guard(zone);
    const UtcTime start = at(around) - days(3);
    local_seconds wanted = to_local(start);
    size_t wrong = 0;
    for (UtcTime time = start; time < at(around) + days(3); time += minutes(1)) {
      for (; wanted <= to_local(time); wanted += minutes(1)) {
        wrong += first_instant(wanted) == time ? 0U : 1U;
      }
    }
    CHECK(wrong == 0);
    CHECK(wanted > to_local(start) + days(4));  // so many were compared
  }
}

TEST_CASE("A change of the clock is told with what was before and what comes then") {
  const ZoneGuard guard("Europe/Berlin");
  const UtcTime spring = at("2026-03-29T01:00:00");
  for (const Shift& shift :
       {shift_around(local("2026-03-29T02:30:00")), shift_around(local("2026-03-28T12:00:00")),
        shift_after(spring - seconds(1)), shift_after(spring - hours(24))}) {
    CHECK(shift.at == spring);
    CHECK(shift.before == hours(1));
    CHECK(shift.after == hours(2));
  }
  for (const Shift& shift :
       {shift_around(local("2026-03-26T12:00:00")), shift_around(local("2026-07-01T00:00:00")),
        shift_after(spring), shift_after(spring - hours(48)), shift_after(spring + hours(1))}) {
    CHECK(shift.before == shift.after);
  }
}

}  // namespace
}  // namespace pgbackup
