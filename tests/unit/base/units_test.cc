#include "common/base/units.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

TEST_CASE("Durations take seconds, or units from the longest to the shortest") {
  CHECK(parse_duration("21600") == seconds(21600));
  CHECK(parse_duration("90s") == seconds(90));
  CHECK(parse_duration("15m") == seconds(900));
  CHECK(parse_duration("6h") == seconds(21600));
  CHECK(parse_duration("30d") == seconds(2592000));
  CHECK(parse_duration("2w") == seconds(1209600));
  CHECK(parse_duration("0") == seconds(0));
  CHECK(parse_duration("2h30m") == seconds(9000));
  CHECK(parse_duration("1d6h") == seconds(108000));
  CHECK(parse_duration("1w2d3h4m5s") == seconds(788645));
  CHECK(parse_duration("0h5m") == seconds(300));
  for (const auto* text : {"",       "d",     "-1",        "-1d",  "1.5h",
                           "1 d",    " 1d",   "1d ",       "1D",   "1y",
                           "6hours", "30m2h", "1h1h",      "1h30", "1h-5m",
                           "1h 5m",  "h5m",   "99w99999d", "+5",   "99999999999999999999",
                           "40000d", "0x10"}) {
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

TEST_CASE("An age is printed in the largest unit that it fills") {
  CHECK(format_age(seconds(604799)) == "6d");
  CHECK(format_age(seconds(7199)) == "1h");
  CHECK(format_age(seconds(61)) == "1m");
  CHECK(format_age(seconds(0)) == "0s");
  CHECK(format_age(seconds(-90)) == "-1m");
}

TEST_CASE("Sizes take bytes or one unit") {
  CHECK(parse_bytes("16777216") == 16777216U);
  CHECK(parse_bytes("16MiB") == uint64_t{16} << 20U);
  CHECK(parse_bytes("10MB") == 10'000'000U);
  CHECK(parse_bytes("1KiB") == 1024U);
  CHECK(parse_bytes("1KB") == 1000U);
  CHECK(parse_bytes("5GiB") == uint64_t{5} << 30U);
  CHECK(parse_bytes("2TB") == 2'000'000'000'000U);
  CHECK(parse_bytes("7B") == 7U);
  CHECK(parse_bytes("0") == 0U);
  for (const auto* text :
       {"", "B", "MiB", "-1", "-1MiB", "1.5MiB", "1 MiB", "1MiB ", "16M", "16m", "16mib", "16Mib",
        "1kB", "16MiB/s", "99999999999999999999", "0x10", "16777216TiB", "1KiBB", "+1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bytes(text));
  }
}

TEST_CASE("A size survives its exact form") {
  for (const auto* text : {"16MiB", "10MB", "512KiB", "5GiB", "1500B", "0B", "2TB", "1TiB"}) {
    CAPTURE(text);
    CHECK(format_exact_bytes(*parse_bytes(text)) == text);
  }
}

TEST_CASE("Bytes are printed in the largest unit that keeps them above one") {
  CHECK(format_bytes(0) == "0 B");
  CHECK(format_bytes(1023) == "1023 B");
  CHECK(format_bytes(1024) == "1.0 KiB");
  CHECK(format_bytes(1536) == "1.5 KiB");
  CHECK(format_bytes((uint64_t{1} << 20U) - 1) == "1.0 MiB");
  CHECK(format_bytes(uint64_t{5} << 30U) == "5.0 GiB");
  CHECK(format_bytes(uint64_t{3} << 40U) == "3.0 TiB");
}

}  // namespace
}  // namespace pgbackup
