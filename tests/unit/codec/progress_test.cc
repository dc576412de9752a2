#include "common/codec/progress.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;

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
