#include "common/base/utc_time.h"

#include "tests/test.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

TEST_CASE("A time survives its text forms") {
  const UtcTime time{seconds(1795144500)};
  CHECK(format_iso(time) == "2026-11-20T03:15:00Z");
  CHECK(format_basic(time) == "20261120T031500Z");
  CHECK(parse_iso("2026-11-20T03:15:00Z") == time);
  CHECK(parse_iso("2026-11-20T03:15:00.123Z") == time);
  CHECK(parse_basic("20261120T031500Z") == time);
  CHECK(parse_http_date("Fri, 20 Nov 2026 03:15:00 GMT") == time);
}

TEST_CASE("Text that is not a time is refused") {
  for (const auto* text :
       {"", "Z", "2026-11-20", "2026-11-20T03:15:00", "2026-11-20T03:15:00+01:00",
        "2026-13-20T03:15:00Z", "2026-02-29T00:00:00Z", "2026-11-20T24:00:00Z",
        "2026-11-20T03:60:00Z", "2026-11-20T03:15:00.Z", "2026-11-20T03:15:00.1xZ",
        "2026-11-20 03:15:00Z", "x2026-11-20T03:15:0Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_iso(text));
  }
  for (const auto* text : {"", "20261120T031500", "20261320T031500Z", "20261120T031500z",
                           "2026112 T031500Z", "20261120T0315000Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_basic(text));
  }
  for (const auto* text : {"", "Fri, 20 Nov 2026 03:15:00", "Fri, 20 nov 2026 03:15:00 GMT",
                           "Friday, 20-Nov-26 03:15:00 GMT", "Fri Nov 20 03:15:00 2026",
                           "Fri, 20 Nov 2026 03:15:00 CET", "Fri, 99 Nov 2026 03:15:00 GMT"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_http_date(text));
  }
}

TEST_CASE("Durations take seconds or one unit") {
  CHECK(parse_duration("21600") == seconds(21600));
  CHECK(parse_duration("90s") == seconds(90));
  CHECK(parse_duration("15m") == seconds(900));
  CHECK(parse_duration("6h") == seconds(21600));
  CHECK(parse_duration("30d") == seconds(2592000));
  CHECK(parse_duration("2w") == seconds(1209600));
  CHECK(parse_duration("0") == seconds(0));
  for (const auto* text : {"", "d", "-1", "-1d", "1.5h", "1 d", " 1d", "1d ", "1D", "1y", "6hours",
                           "1d6h", "+5", "99999999999999999999", "40000d", "0x10"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("A duration is printed in its largest exact unit") {
  CHECK(format_duration(seconds(2592000)) == "30d");
  CHECK(format_duration(seconds(604800)) == "7d");
  CHECK(format_duration(seconds(21600)) == "6h");
  CHECK(format_duration(seconds(90)) == "90s");
  CHECK(format_duration(seconds(0)) == "0s");
}

}  // namespace
}  // namespace pgbackup
