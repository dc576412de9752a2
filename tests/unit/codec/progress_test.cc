#include "common/codec/progress.h"

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

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

/// A clock in which a sleep lasts until the test lets it end.
class SteppingClock final : public Clock {
 public:
  [[nodiscard]] UtcTime now() const override { return {}; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return std::chrono::steady_clock::time_point{} + passed_.load();
  }
  void sleep(milliseconds duration, const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    ++sleepers_;
    changed_.notify_all();
    if (!changed_.wait(lock, stop, [this] { return steps_ > 0; })) return;
    --steps_;
    passed_ = passed_.load() + duration;
  }
  /// Lets the present sleep end, and returns when the next one has begun.
  void step() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return sleepers_ > steps_done_; });
    ++steps_done_;
    ++steps_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return sleepers_ > steps_done_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::atomic<milliseconds> passed_{milliseconds(0)};
  int sleepers_ = 0;
  int steps_ = 0;
  int steps_done_ = 0;
};

TEST_CASE("A log gets a line every 30 s, also while nothing moves, with numbers") {
  if (isatty(STDERR_FILENO) == 1) return;  // a line that is drawn again and again
  SteppingClock clock;
  CapturedOutput output;
  Log log(clock, LogLevel::info, LogFormat::json, output.file());
  StringSink sink;
  {
    ProgressSink progress(sink, {.what = "app", .total = 10}, clock, log);
    progress.write("abc");
    clock.step();
    progress.write(std::string(20, 'x'));
    clock.step();
  }
  const std::string start = R"({"time":"1970-01-01T00:00:00Z","level":"info",)"
                            R"("message":"in progress","of":"app",)";
  CHECK(output.text() == start + R"("bytes":3,"estimated_bytes":10,"seconds":30})" + "\n" + start +
                             R"("bytes":23,"estimated_bytes":23,"seconds":60})" + "\n");
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
