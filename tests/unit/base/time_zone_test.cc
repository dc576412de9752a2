#include "common/base/time_zone.h"

#include <array>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "common/base/utc_time.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

/// 2026-07-01T00:00:00Z in the process's zone: `2026-07-01 02:00 +0200`.
std::string show_summer() {
  const std::time_t instant = parse_iso("2026-07-01T00:00:00Z")->time_since_epoch().count();
  std::tm local{};
  std::array<char, 64> text{};
  REQUIRE(localtime_r(&instant, &local) != nullptr);
  return {text.data(), std::strftime(text.data(), text.size(), "%F %R %z", &local)};
}

TEST_CASE("A time zone is a name of the database or a POSIX rule") {
  const VariableGuard guard("TZ");
  struct {
    const char* name;
    const char* wanted;
  } const table[] = {
      {"", "2026-07-01 00:00 +0000"},
      {"UTC", "2026-07-01 00:00 +0000"},
      {"Europe/Berlin", "2026-07-01 02:00 +0200"},
      {"America/Argentina/Ushuaia", "2026-06-30 21:00 -0300"},
      {"CET-1CEST,M3.5.0,M10.5.0/3", "2026-07-01 02:00 +0200"},
      {"<+0545>-5:45", "2026-07-01 05:45 +0545"},
      {"XYZ+3", "2026-06-30 21:00 -0300"},
      {"AAA-10BBB-10:30,J1/0,365/24:00:00", "2026-07-01 10:30 +1030"},
      {"IST-2IDT,M3.4.4/26,M10.5.0", "2026-07-01 03:00 +0300"},
  };
  for (const auto& [name, wanted] : table) {
    CAPTURE(name);
    set_time_zone(name);
    CHECK(show_summer() == wanted);
  }
}

TEST_CASE("An unknown time zone is refused and changes nothing") {
  const ZoneGuard guard("Asia/Kathmandu");
  for (const char* const name : {"Europe/Berlim",
                                 "europe/berlin",
                                 "Europe",
                                 "Berlin",
                                 "Europe/Berlin ",
                                 " ",
                                 "utc+",
                                 "/usr/share/zoneinfo/Europe/Berlin",
                                 ":Europe/Berlin",
                                 "../zoneinfo/Europe/Berlin",
                                 "Europe/../Europe/Berlin",
                                 "zone.tab",
                                 ".",
                                 "C-1",
                                 "CE1-1",
                                 "CET-25",
                                 "CET-1:60",
                                 "CET-1CEST",
                                 "CET-1CEST,M3.5.0",
                                 "CET-1CEST,M13.5.0,M10.5.0",
                                 "CET-1CEST,M3.6.0,M10.5.0",
                                 "CET-1CEST,M3.5.7,M10.5.0",
                                 "CET-1CEST,M3.5.0,M10.5.0/168",
                                 "CET-1CEST,M3.5.0,M10.5.0,J1",
                                 "CET-1CEST,J0,J365",
                                 "CET-1CEST,366,1",
                                 "<+01-1",
                                 "<+0>-1",
                                 "+01:00",
                                 "\n"}) {
    CAPTURE(name);
    CHECK(fails_with(ErrorKind::usage, "unknown time zone", [&] {
      set_time_zone(name);
      return 0;
    }));
    CHECK(show_summer() == "2026-07-01 05:45 +0545");
  }
}

TEST_CASE("The zone database may be elsewhere, and its files are looked into") {
  const ZoneGuard zone("UTC");
  const VariableGuard folder_guard("TZDIR");
  const TemporaryFolder folder;
  static_cast<void>(folder.write("Test/Zone", "TZif2..."));
  static_cast<void>(folder.write("Test/Text", "TZi"));
  REQUIRE(setenv("TZDIR", folder.path().c_str(), 1) == 0);
  set_time_zone("Test/Zone");
  CHECK(std::string_view(std::getenv("TZ")) == "Test/Zone");
  for (const char* const name : {"Test/Text", "Test", "Europe/Berlin"}) {
    CAPTURE(name);
    CHECK(fails_with(ErrorKind::usage, "tzdata", [&] {
      set_time_zone(name);
      return 0;
    }));
  }
}

}  // namespace
}  // namespace pgbackup
