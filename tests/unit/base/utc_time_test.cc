#include "common/base/utc_time.h"

#include "tests/support/test.h"

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
        "2026-11-20 03:15:00Z", "x2026-11-20T03:15:0Z", "9999-12-31T23:59:60Z"}) {
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

}  // namespace
}  // namespace pgbackup
