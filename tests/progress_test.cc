#include "backup/progress.h"

#include "tests/test.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;

TEST_CASE("Bytes are printed in the largest unit that keeps them above one") {
  CHECK(format_bytes(0) == "0 B");
  CHECK(format_bytes(1023) == "1023 B");
  CHECK(format_bytes(1024) == "1.0 KiB");
  CHECK(format_bytes(1536) == "1.5 KiB");
  CHECK(format_bytes((uint64_t{1} << 20U) - 1) == "1.0 MiB");
  CHECK(format_bytes(uint64_t{5} << 30U) == "5.0 GiB");
  CHECK(format_bytes(uint64_t{3} << 40U) == "3.0 TiB");
}

TEST_CASE("Progress shows bytes, share and rate, and never promises the end") {
  const uint64_t gib = uint64_t{1} << 30U;
  CHECK(format_progress(gib, 4 * gib, milliseconds(4000)) ==
        "1.0 GiB of about 4.0 GiB (25 %), 256.0 MiB/s");
  CHECK(format_progress(gib, 0, milliseconds(4000)) == "1.0 GiB, 256.0 MiB/s");
  CHECK(format_progress(8 * gib, 4 * gib, milliseconds(4000)) ==
        "8.0 GiB of about 8.0 GiB (99 %), 2.0 GiB/s");
  CHECK(format_progress(0, 100, milliseconds(0)) == "0 B of about 100 B (0 %), 0 B/s");
}

}  // namespace
}  // namespace pgbackup
