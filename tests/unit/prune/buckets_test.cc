#include "prune/buckets.h"

#include <string>
#include <vector>

#include "common/base/local_time.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

UtcTime at(const std::string& text) {
  const auto time = parse_iso(text);
  REQUIRE(time);
  return *time;
}

struct Pair {
  const char* zone;
  Period period;
  const char* earlier;
  const char* later;
};

const std::vector<Pair> kTogether = {
    {"UTC", Period::hour, "2026-11-20T12:00:00Z", "2026-11-20T12:59:59Z"},
    {"UTC", Period::day, "2026-11-20T00:00:00Z", "2026-11-20T23:59:59Z"},
    {"UTC", Period::week, "2026-11-16T00:00:00Z", "2026-11-22T23:59:59Z"},
    {"UTC", Period::month, "2026-11-01T00:00:00Z", "2026-11-30T23:59:59Z"},
    {"UTC", Period::year, "2026-01-01T00:00:00Z", "2026-12-31T23:59:59Z"},
    // ISO weeks do not end with the year: week 53 of 2026 ends on a Sunday in 2027.
    {"UTC", Period::week, "2026-12-28T00:00:00Z", "2027-01-03T23:59:59Z"},
    {"UTC", Period::week, "2024-12-30T00:00:00Z", "2025-01-05T23:59:59Z"},
    {"UTC", Period::week, "2020-12-31T12:00:00Z", "2021-01-01T12:00:00Z"},
    {"UTC", Period::week, "1970-01-01T00:00:00Z", "1970-01-04T23:59:59Z"},
    {"UTC", Period::week, "1969-12-29T00:00:00Z", "1970-01-01T00:00:00Z"},
    {"UTC", Period::month, "2028-02-01T00:00:00Z", "2028-02-29T23:59:59Z"},
    {"UTC", Period::year, "2028-02-29T00:00:00Z", "2028-12-31T00:00:00Z"},
    // By the local calendar.
    {"Europe/Berlin", Period::day, "2026-11-19T23:00:00Z", "2026-11-20T22:59:59Z"},
    {"Europe/Berlin", Period::week, "2026-11-15T23:00:00Z", "2026-11-22T22:59:59Z"},
    {"Europe/Berlin", Period::month, "2026-10-31T23:00:00Z", "2026-11-30T22:59:59Z"},
    {"Europe/Berlin", Period::year, "2025-12-31T23:00:00Z", "2026-12-31T22:59:59Z"},
    {"America/New_York", Period::year, "2026-01-01T05:00:00Z", "2027-01-01T04:59:59Z"},
    {"Asia/Kathmandu", Period::hour, "2026-11-20T12:15:00Z", "2026-11-20T13:14:59Z"},
    {"Asia/Kathmandu", Period::day, "2026-11-19T18:15:00Z", "2026-11-20T18:14:59Z"},
    {"America/St_Johns", Period::hour, "2026-01-15T12:30:00Z", "2026-01-15T13:29:59Z"},
    {"Australia/Lord_Howe", Period::hour, "2026-07-01T12:30:00Z", "2026-07-01T13:29:59Z"},
    {"Australia/Lord_Howe", Period::hour, "2026-12-01T12:00:00Z", "2026-12-01T12:59:59Z"},
    // Days of 23 and of 25 hours.
    {"Europe/Berlin", Period::day, "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z"},
    {"Europe/Berlin", Period::day, "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"},
    {"Australia/Lord_Howe", Period::day, "2026-10-03T13:30:00Z", "2026-10-04T12:59:59Z"},
    // The half hour that is repeated at Lord Howe, from its begin to its end.
    {"Australia/Lord_Howe", Period::hour, "2026-04-04T15:00:00Z", "2026-04-04T15:29:59Z"},
};

const std::vector<Pair> kApart = {
    {"UTC", Period::hour, "2026-11-20T12:59:59Z", "2026-11-20T13:00:00Z"},
    {"UTC", Period::hour, "2026-11-20T12:30:00Z", "2026-11-21T12:30:00Z"},
    {"UTC", Period::day, "2026-11-20T23:59:59Z", "2026-11-21T00:00:00Z"},
    {"UTC", Period::day, "2026-10-20T12:00:00Z", "2026-11-20T12:00:00Z"},
    {"UTC", Period::week, "2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"},
    {"UTC", Period::month, "2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z"},
    {"UTC", Period::month, "2025-11-15T00:00:00Z", "2026-11-15T00:00:00Z"},
    {"UTC", Period::month, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"},
    {"UTC", Period::year, "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"},
    {"UTC", Period::week, "2026-12-27T23:59:59Z", "2026-12-28T00:00:00Z"},
    {"UTC", Period::week, "2027-01-03T23:59:59Z", "2027-01-04T00:00:00Z"},
    {"UTC", Period::week, "2021-01-03T23:59:59Z", "2021-01-04T00:00:00Z"},
    {"UTC", Period::week, "1969-12-28T23:59:59Z", "1969-12-29T00:00:00Z"},
    {"UTC", Period::month, "2028-02-29T23:59:59Z", "2028-03-01T00:00:00Z"},
    {"Europe/Berlin", Period::day, "2026-11-20T22:59:59Z", "2026-11-20T23:00:00Z"},
    {"Europe/Berlin", Period::week, "2026-11-22T22:59:59Z", "2026-11-22T23:00:00Z"},
    {"Europe/Berlin", Period::month, "2026-11-30T22:59:59Z", "2026-11-30T23:00:00Z"},
    {"Europe/Berlin", Period::year, "2026-12-31T22:59:59Z", "2026-12-31T23:00:00Z"},
    {"America/New_York", Period::year, "2027-01-01T04:59:59Z", "2027-01-01T05:00:00Z"},
    {"Asia/Kathmandu", Period::hour, "2026-11-20T13:14:59Z", "2026-11-20T13:15:00Z"},
    {"Asia/Kathmandu", Period::day, "2026-11-20T18:14:59Z", "2026-11-20T18:15:00Z"},
    {"Europe/Berlin", Period::day, "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"},
    {"Europe/Berlin", Period::day, "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z"},
    // The hour from 2 on comes twice, and each is an hour of its own.
    {"Europe/Berlin", Period::hour, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
    {"Europe/Berlin", Period::hour, "2026-10-25T01:59:59Z", "2026-10-25T02:00:00Z"},
    // From 1:59:59 to 3:00:00.
    {"Europe/Berlin", Period::hour, "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"},
    // Lord Howe goes back from 2:00 to 1:30 and forward from 2:00 to 2:30.
    {"Australia/Lord_Howe", Period::hour, "2026-04-04T14:30:00Z", "2026-04-04T15:00:00Z"},
    {"Australia/Lord_Howe", Period::hour, "2026-04-04T15:29:59Z", "2026-04-04T15:30:00Z"},
    {"Australia/Lord_Howe", Period::hour, "2026-10-03T15:29:59Z", "2026-10-03T15:30:00Z"},
    {"Australia/Lord_Howe", Period::hour, "2026-10-03T15:59:59Z", "2026-10-03T16:00:00Z"},
};

TEST_CASE("Times of one hour, day, week, month or year share a bucket") {
  for (const auto& [zone, period, earlier, later] : kTogether) {
    CAPTURE(zone, static_cast<int>(period), earlier, later);
    const ZoneGuard guard(zone);
    CHECK(bucket_of(at(earlier), period) == bucket_of(at(later), period));
  }
}

TEST_CASE("The next hour, day, week, month or year is a bucket with a higher number") {
  for (const auto& [zone, period, earlier, later] : kApart) {
    CAPTURE(zone, static_cast<int>(period), earlier, later);
    const ZoneGuard guard(zone);
    CHECK(bucket_of(at(earlier), period) < bucket_of(at(later), period));
  }
}

TEST_CASE("Later times never have a lower bucket, and a year has as many as the calendar says") {
  struct Row {
    const char* zone;
    Period period;
    int wanted;  ///< from 2026 to 2028, in local time
  };
  for (const auto& [zone, period, wanted] : std::vector<Row>{
           {"UTC", Period::hour, 24 * (365 + 365 + 366)},
           {"UTC", Period::day, 365 + 365 + 366},
           {"UTC", Period::week, 157},  // the first begins in 2025, and 2026 has 53
           {"UTC", Period::month, 36},
           {"UTC", Period::year, 3},
           {"Europe/Berlin", Period::hour, 24 * (365 + 365 + 366)},
           {"Europe/Berlin", Period::day, 365 + 365 + 366},
           {"Europe/Berlin", Period::month, 36},
           {"Asia/Kathmandu", Period::hour, 24 * (365 + 365 + 366)},
           {"Asia/Kathmandu", Period::day, 365 + 365 + 366},
           // A repeated half hour each April is an hour of its own; the skipped one is no loss.
           {"Australia/Lord_Howe", Period::hour, 24 * (365 + 365 + 366) + 3},
           {"Australia/Lord_Howe", Period::day, 365 + 365 + 366}}) {
    CAPTURE(zone, static_cast<int>(period));
    const ZoneGuard guard(zone);
    const auto local = [](int year) {
      return first_instant(std::chrono::local_days(std::chrono::year(year) / 1 / 1));
    };
    int count = 0;
    int64_t last = INT64_MIN;
    bool never_lower = true;
    for (UtcTime time = local(2026); time < local(2029); time += std::chrono::minutes(15)) {
      const int64_t bucket = bucket_of(time, period);
      never_lower = never_lower && bucket >= last;
      if (bucket != last) ++count;
      last = bucket;
    }
    CHECK(never_lower);
    CHECK(count == wanted);
  }
}

TEST_CASE(
    "Hours, days and weeks are counted back as they elapse, months and years by the calendar") {
  struct Row {
    const char* zone;
    Period period;
    int count;
    const char* now;
    const char* wanted;
  };
  for (const auto& [zone, period, count, now, wanted] : std::vector<Row>{
           {"UTC", Period::hour, 0, "2026-11-20T12:34:56Z", "2026-11-20T12:34:56Z"},
           {"UTC", Period::hour, 24, "2026-11-20T12:34:56Z", "2026-11-19T12:34:56Z"},
           {"UTC", Period::day, 7, "2026-11-20T12:34:56Z", "2026-11-13T12:34:56Z"},
           {"UTC", Period::day, 1, "2028-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
           {"UTC", Period::week, 4, "2026-11-20T12:34:56Z", "2026-10-23T12:34:56Z"},
           {"UTC", Period::month, 1, "2026-11-20T12:34:56Z", "2026-10-20T12:34:56Z"},
           {"UTC", Period::month, 11, "2026-11-20T12:34:56Z", "2025-12-20T12:34:56Z"},
           {"UTC", Period::month, 12, "2026-11-20T12:34:56Z", "2025-11-20T12:34:56Z"},
           {"UTC", Period::year, 10, "2026-11-20T12:34:56Z", "2016-11-20T12:34:56Z"},
           {"UTC", Period::year, 100, "2026-11-20T12:34:56Z", "1926-11-20T12:34:56Z"},
           // The month's last day where it has no such day.
           {"UTC", Period::month, 1, "2026-03-31T06:00:00Z", "2026-02-28T06:00:00Z"},
           {"UTC", Period::month, 1, "2028-03-31T06:00:00Z", "2028-02-29T06:00:00Z"},
           {"UTC", Period::month, 13, "2026-03-31T06:00:00Z", "2025-02-28T06:00:00Z"},
           {"UTC", Period::month, 1, "2026-05-31T06:00:00Z", "2026-04-30T06:00:00Z"},
           {"UTC", Period::month, 2, "2026-05-31T06:00:00Z", "2026-03-31T06:00:00Z"},
           {"UTC", Period::year, 1, "2028-02-29T06:00:00Z", "2027-02-28T06:00:00Z"},
           {"UTC", Period::year, 4, "2028-02-29T06:00:00Z", "2024-02-29T06:00:00Z"},
           // A day is 24 hours, also where the clock goes another way.
           {"Europe/Berlin", Period::day, 1, "2026-03-29T12:00:00Z", "2026-03-28T12:00:00Z"},
           {"Europe/Berlin", Period::week, 1, "2026-10-26T12:00:00Z", "2026-10-19T12:00:00Z"},
           // A month ago it was the same local time: 13:00 in winter, 13:00 in summer.
           {"Europe/Berlin", Period::month, 1, "2026-11-20T12:00:00Z", "2026-10-20T11:00:00Z"},
           {"Europe/Berlin", Period::month, 1, "2026-04-20T11:00:00Z", "2026-03-20T12:00:00Z"},
           {"Europe/Berlin", Period::year, 1, "2026-11-20T12:00:00Z", "2025-11-20T12:00:00Z"},
           // 31 March here is 1 April there.
           {"Europe/Berlin", Period::month, 1, "2026-03-31T22:30:00Z", "2026-02-28T23:30:00Z"},
           // 2:30 did not exist, or came twice.
           {"Europe/Berlin", Period::month, 1, "2026-04-29T00:30:00Z", "2026-03-29T01:00:00Z"},
           {"Europe/Berlin", Period::month, 1, "2026-11-25T01:30:00Z", "2026-10-25T00:30:00Z"},
           {"Asia/Kathmandu", Period::month, 1, "2026-03-31T12:00:00Z", "2026-02-28T12:00:00Z"},
           {"Asia/Kathmandu", Period::month, 1, "2026-03-31T18:14:59Z", "2026-02-28T18:14:59Z"},
           {"Asia/Kathmandu", Period::month, 1, "2026-03-31T18:15:00Z", "2026-02-28T18:15:00Z"},
           {"Australia/Lord_Howe", Period::month, 1, "2026-11-03T15:15:00Z",
            "2026-10-03T15:30:00Z"},
           {"Australia/Lord_Howe", Period::month, 1, "2026-05-04T15:15:00Z",
            "2026-04-04T14:45:00Z"},
       }) {
    CAPTURE(zone, static_cast<int>(period), count, now);
    const ZoneGuard guard(zone);
    CHECK(format_iso(periods_before(at(now), period, count)) == wanted);
  }
}

}  // namespace
}  // namespace pgbackup
