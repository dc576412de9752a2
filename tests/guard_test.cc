#include "prune/guard.h"

#include "tests/test.h"

namespace pgbackup {
namespace {

const UtcTime kNow = *parse_iso("2026-11-20T12:00:00Z");

TEST_CASE("Clocks that agree within 15 minutes are no objection") {
  for (const long difference : {0L, 1L, -1L, 899L, -899L, 900L, -900L}) {
    CAPTURE(difference);
    CHECK_FALSE(guard_clock(kNow + std::chrono::seconds(difference), kNow));
  }
}

TEST_CASE("Clocks that disagree by more are refused with both times") {
  for (const long difference : {901L, -901L, 3600L, -3600L, 86400L, -86400L, 1'000'000'000L}) {
    CAPTURE(difference);
    const UtcTime local = kNow + std::chrono::seconds(difference);
    const auto sentence = guard_clock(local, kNow);
    REQUIRE(sentence);
    CHECK(sentence->find(format_iso(local) + " here") != std::string::npos);
    CHECK(sentence->find("2026-11-20T12:00:00Z at the store") != std::string::npos);
    CHECK(sentence->find('\n') == std::string::npos);
  }
}

}  // namespace
}  // namespace pgbackup
