#include "common/codec/progress.h"

#include "tests/support/string_sink.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

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

TEST_CASE("What passes through is counted where others can see it, anew for each stream") {
  SystemClock clock;
  TestLog log(clock);
  ProgressCount count;
  count.bytes = 77;
  StringSink sink;
  {
    ProgressSink progress(sink, {.what = "app", .total = 10, .count = &count}, clock, log.log());
    CHECK(count.bytes == 0);
    CHECK(count.total == 10);
    progress.write("abc");
    progress.write("de");
    progress.finish();
  }
  CHECK(count.bytes == 5);
  CHECK(sink.bytes == "abcde");
}

}  // namespace
}  // namespace pgbackup
