#include "backup/restore/at_time.h"

#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

std::string parsed(const char* text) {
  const std::optional<UtcTime> time = parse_at_time(text);
  return time ? format_iso(*time) : "none";
}

TEST_CASE("A time is taken with its zone, and without one as local time") {
  const ZoneGuard zone("Asia/Kathmandu");
  struct Row {
    const char* text;
    const char* time;
  };
  const std::vector<Row> rows = {
      {"2026-11-20T03:15:00Z", "2026-11-20T03:15:00Z"},
      {"2026-11-20 03:15Z", "2026-11-20T03:15:00Z"},
      {"2026-11-20 03:15:07+01", "2026-11-20T02:15:07Z"},
      {"2026-11-20 03:15-0530", "2026-11-20T08:45:00Z"},
      {"2026-11-20T03:15+05:45", "2026-11-19T21:30:00Z"},
      {"2026-11-20 03:15", "2026-11-19T21:30:00Z"},
      {"2026-11-20T03:15:30", "2026-11-19T21:30:30Z"},
      {"2026-11-20", "2026-11-20T18:14:59Z"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(parsed(row.text) == row.time);
  }
}

TEST_CASE("What is no time is none") {
  for (const char* text :
       {"", "yesterday", "20261120T031500Z", "2026-11", "2026-13-01", "2026-02-30", "2026-11-20Z",
        "2026-11-20 03", "2026-11-20 3:15", "2026-11-20 24:00", "2026-11-20 03:15+",
        "2026-11-20 03:15+1", "2026-11-20 03:15+16", "2026-11-20 03:15+01:60",
        "2026-11-20 03:15+01x", "2026-11-20 03:15 CET", "2026-11-20x03:15", "2026-11-20 03:15ZZ",
        "2026-11-20-01"}) {
    CAPTURE(text);
    CHECK(parsed(text) == "none");
  }
}

}  // namespace
}  // namespace pgbackup
