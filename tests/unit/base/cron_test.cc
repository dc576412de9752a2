// Through Schedule::parse(), which splits the words, and in UTC.
#include "common/base/cron.h"

#include <optional>
#include <string>
#include <vector>

#include "common/base/schedule.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

TEST_CASE("An expression names its next times") {
  const ZoneGuard zone("UTC");
  struct {
    const char* text;
    const char* after;
    std::vector<const char*> wanted;
  } const table[] = {
      {"0 3 * * *", "2026-11-20T02:59:59", {"2026-11-20T03:00:00", "2026-11-21T03:00:00"}},
      {"0 3 * * *", "2026-11-20T03:00:00", {"2026-11-21T03:00:00"}},
      {" 0\t03  * * * ", "2026-12-31T03:00:00", {"2027-01-01T03:00:00"}},
      {"*/20 * * * *", "2026-11-20T23:30:30", {"2026-11-20T23:40:00", "2026-11-21T00:00:00"}},
      {"5/25 9 * * *", "2026-11-20T09:05:00", {"2026-11-20T09:30:00", "2026-11-20T09:55:00"}},
      {"0 8-18/4 * * *", "2026-11-20T08:00:00", {"2026-11-20T12:00:00", "2026-11-20T16:00:00"}},
      {"1,59 0,23 * * *", "2026-11-20T00:59:00", {"2026-11-20T23:01:00", "2026-11-20T23:59:00"}},
      {"30 0 3 * * *", "2026-11-20T03:00:00", {"2026-11-20T03:00:30", "2026-11-21T03:00:30"}},
      {"*/30 59 23 * * *", "2026-11-20T23:59:15", {"2026-11-20T23:59:30", "2026-11-21T23:59:00"}},
      {"* * * * * *", "2026-11-20T23:59:59", {"2026-11-21T00:00:00", "2026-11-21T00:00:01"}},
      {"0 3 * * * 7", "2026-11-20T00:00:00", {"2026-11-22T00:03:00", "2026-11-22T01:03:00"}},
      {"0 0 29 2 *", "2026-01-01T00:00:00", {"2028-02-29T00:00:00", "2032-02-29T00:00:00"}},
      {"0 0 29 2 *", "2096-02-29T00:00:00", {"2104-02-29T00:00:00"}},
      {"0 0 31 * *", "2026-03-31T00:00:00", {"2026-05-31T00:00:00", "2026-07-31T00:00:00"}},
      {"0 0 1 jan,Jul ?", "2026-11-20T00:00:00", {"2027-01-01T00:00:00", "2027-07-01T00:00:00"}},
      {"0 0 ? * MON-WED/2", "2026-11-20T00:00:00", {"2026-11-23T00:00:00", "2026-11-25T00:00:00"}},
      {"0 0 * * 0", "2026-11-20T00:00:00", {"2026-11-22T00:00:00", "2026-11-29T00:00:00"}},
      {"0 0 * * 7", "2026-11-20T00:00:00", {"2026-11-22T00:00:00", "2026-11-29T00:00:00"}},
      {"0 0 * * sat-SUN", "2026-11-20T00:00:00", {"2026-11-21T00:00:00", "2026-11-22T00:00:00"}},
      {"0 0 * * 5/2", "2026-11-20T00:00:00", {"2026-11-27T00:00:00"}},
      {"0 0 * * */7", "2026-11-20T00:00:00", {"2026-11-22T00:00:00", "2026-11-29T00:00:00"}},
      {"0 0 25 * FRI", "2026-11-20T00:00:00", {"2026-11-25T00:00:00", "2026-11-27T00:00:00"}},
      {"0 0 30 2 FRI", "2026-11-20T00:00:00", {"2027-02-05T00:00:00", "2027-02-12T00:00:00"}},
      {"0 0 */10 * FRI", "2026-11-20T00:00:00", {"2026-12-11T00:00:00", "2027-01-01T00:00:00"}},
      {"0 0 13 * */5", "2026-11-20T00:00:00", {"2026-12-13T00:00:00", "2027-06-13T00:00:00"}},
      {"0 */24 */31 */12 *", "2026-11-20T00:00:00", {"2027-01-01T00:00:00", "2028-01-01T00:00:00"}},
      {"@hourly", "2026-11-20T00:00:00", {"2026-11-20T01:00:00", "2026-11-20T02:00:00"}},
      {"@daily", "2026-11-20T00:00:00", {"2026-11-21T00:00:00", "2026-11-22T00:00:00"}},
      {"@midnight", "2026-11-20T00:00:00", {"2026-11-21T00:00:00"}},
      {"@weekly", "2026-11-20T00:00:00", {"2026-11-22T00:00:00", "2026-11-29T00:00:00"}},
      {"@monthly", "2026-11-20T00:00:00", {"2026-12-01T00:00:00", "2027-01-01T00:00:00"}},
      {"@yearly", "2026-11-20T00:00:00", {"2027-01-01T00:00:00", "2028-01-01T00:00:00"}},
      {"@annually", "2026-11-20T00:00:00", {"2027-01-01T00:00:00"}},
      {"TZ=Asia/Tokyo @daily", "2026-11-20T00:00:00", {"2026-11-21T00:00:00"}},
  };
  for (const auto& [text, after, wanted] : table) {
    CAPTURE(text, after);
    const Schedule schedule = Schedule::parse(text);
    CHECK(schedule.text() == text);
    std::optional<UtcTime> time = parse_iso(std::string(after) + "Z");
    REQUIRE(time);
    for (const char* const next : wanted) {
      time = schedule.next(*time);
      CHECK(format_iso(*time) == std::string(next) + "Z");
    }
  }
}

TEST_CASE("A bad expression is refused with what is wrong and what is allowed") {
  struct {
    const char* text;
    const char* wanted;
  } const table[] = {
      {"", "it is empty: write 5 fields"},
      {" \t ", "it is empty: write 5 fields"},
      {"6h", "it has 1 field: write 5 fields"},
      {"0 3 * *", "it has 4 fields: write 5 fields"},
      {"0 0 3 * * ? 2026", "it has 7 fields: write 5 fields"},
      {"0 3 * * * 2026", "a year as last field ('2026') is not supported"},
      {"0 3 * * * 2026-2030", "a year as last field ('2026-2030') is not supported"},
      {"0 3 * * * 8", "a year as last field ('8') is not supported"},
      {"\"0 3 * * *\"", "quotes"},
      {"'0 3 * * *'", "quotes"},
      {"TZ=\"Europe/Berlin\" 0 3 * * *", "quotes"},
      {"60 * * * *", "minute field: '60' is not a number from 0 to 59"},
      {"60 0 3 * * *", "second field: '60' is not a number from 0 to 59"},
      {"0 24 * * *", "hour field: '24' is not a number from 0 to 23"},
      {"0 0 0 * *", "day-of-month field: '0' is not a number from 1 to 31"},
      {"0 0 32 * *", "day-of-month field: '32' is not"},
      {"0 0 L * *", "day-of-month field: 'L' is not"},
      {"0 0 15W * *", "day-of-month field: '15W' is not"},
      {"0 0 * 0 *", "month field: '0' is not a number from 1 to 12 or a name from JAN to DEC"},
      {"0 0 * 13 *", "month field: '13' is not"},
      {"0 0 * January *", "month field: 'January' is not"},
      {"0 0 * MON *", "month field: 'MON' is not"},
      {"0 0 * * 8", "day-of-week field: '8' is not a number from 0 to 7 or a name from SUN to SAT"},
      {"0 0 * * JAN", "day-of-week field: 'JAN' is not"},
      {"0 0 * * FRI#2", "day-of-week field: 'FRI#2' is not"},
      {"0 0 * * 5L", "day-of-week field: '5L' is not"},
      {"MON 0 * * *", "minute field: 'MON' is not"},
      {"-5 * * * *", "minute field: '' is not"},
      {"5- * * * *", "minute field: '' is not"},
      {"1-2-3 * * * *", "minute field: '2-3' is not"},
      {"+5 * * * *", "minute field: '+5' is not"},
      {"5.0 * * * *", "minute field: '5.0' is not"},
      {"0x5 * * * *", "minute field: '0x5' is not"},
      {"99999999999 * * * *", "minute field: '99999999999' is not"},
      {"1,,2 * * * *", "minute field: '' is not"},
      {",1 * * * *", "minute field: '' is not"},
      {"1, * * * *", "minute field: '' is not"},
      {"** * * * *", "minute field: '**' is not"},
      {"*-5 * * * *", "minute field: '*' is not"},
      {"*5 * * * *", "minute field: '*5' is not"},
      {"? * * * *", "minute field: '?' is not"},
      {"0 ? * * *", "hour field: '?' is not"},
      {"0 0 ?/2 * *", "day-of-month field: '?' is not"},
      {"0\n3 3 * * *", "minute field: '0?3' is not"},
      {"*/0 * * * *", "minute field: the step '/0' is not a number from 1 to 60"},
      {"*/90 * * * *", "'@every 90m'"},
      {"*/ * * * *", "minute field: the step '/' is not"},
      {"*/-1 * * * *", "the step '/-1' is not"},
      {"*/2/3 * * * *", "the step '/2/3' is not"},
      {"/5 * * * *", "minute field: '' is not"},
      {"0 */25 * * *", "hour field: the step '/25' is not a number from 1 to 24"},
      {"0 0 * * 1/8", "day-of-week field: the step '/8' is not a number from 1 to 7"},
      {"0 22-3 * * *", "hour field: the range '22-3' runs backwards: write 22-23,0-3"},
      {"0 0 * NOV-FEB *", "'NOV-FEB' runs backwards: write NOV-DEC,JAN-FEB"},
      {"0 0 * * FRI-MON", "'FRI-MON' runs backwards: write FRI-SAT,SUN-MON"},
      {"0 0 * * 7-2", "'7-2' runs backwards: write SUN-SAT,SUN-TUE"},
      {"0 0 30 2 *", "no month it names has such a day ('30 2')"},
      {"0 0 30,31 FEB ?", "no month it names has such a day"},
      {"0 0 31 4,6,9,11 *", "no month it names has such a day"},
      {"0 0 31 2 */2", "no month it names has such a day"},
      {"@reboot", "'@reboot' is not one of @hourly, @daily"},
      {"@Daily", "'@Daily' is not one of"},
      {"@", "'@' is not one of"},
      {"@daily 3", "nothing may come after '@daily'"},
      {"@every", "after @every comes one duration"},
      {"@every 0", "at least a second"},
      {"@every 30m1h", "after @every comes one duration"},
      {"@every 1 h", "after @every comes one duration"},
      {"TZ=Europe/Berlin", "it is empty"},
      {"TZ= 0 3 * * *", "no time zone is named"},
      {"tz=UTC 0 3 * * *", "second field: 'tz=UTC' is not"},
      {"0 3 * * * TZ=UTC", "day-of-week field: 'TZ=UTC' is not"},
  };
  for (const auto& [text, wanted] : table) {
    CAPTURE(text, wanted);
    const auto error = error_of([&, text = text] { return Schedule::parse(text); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::usage);
    CAPTURE(error->message());
    CHECK(error->message().find(wanted) != std::string::npos);
  }
}

}  // namespace
}  // namespace pgbackup
