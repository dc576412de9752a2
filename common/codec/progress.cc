#include "common/codec/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "common/base/output.h"
#include "common/base/printable.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRedraw{250};
constexpr milliseconds kLogLine{30'000};

}  // namespace

std::string format_progress(uint64_t bytes, uint64_t total, milliseconds elapsed) {
  const auto ms = static_cast<uint64_t>(std::max<long>(elapsed.count(), 1));
  const std::string rate = format_bytes(bytes * 1000 / ms) + "/s";
  if (total == 0) return fmt::format("{}, {}", format_bytes(bytes), rate);
  // An estimate that was too low must not promise the end.
  const uint64_t share = std::min<uint64_t>(bytes * 100 / total, 99);
  return fmt::format("{} of about {} ({} %), {}", format_bytes(bytes),
                     format_bytes(std::max(total, bytes)), share, rate);
}

ProgressSink::ProgressSink(Sink& next, ProgressOf work, Clock& clock, Log& log)
    : next_(next),
      what_(std::move(work.what)),
      count_(work.count == nullptr ? own_ : *work.count),
      clock_(clock),
      log_(log),
      terminal_(isatty(STDERR_FILENO) == 1),
      started_(clock.steady()) {
  count_.bytes = 0;
  count_.total = work.total;
  thread_ = std::jthread([this](const std::stop_token& stop) { report_until(stop); });
}

ProgressSink::~ProgressSink() {
  thread_.request_stop();
  thread_.join();
  if (terminal_) print(stderr, "\r\x1b[K");
}

void ProgressSink::write(std::string_view bytes) {
  next_.write(bytes);
  count_.bytes += bytes.size();
}

void ProgressSink::report_until(const std::stop_token& stop) {
  while (true) {
    clock_.sleep(terminal_ ? kRedraw : kLogLine, stop);
    if (stop.stop_requested()) return;
    try {
      report();
    } catch (...) {
      continue;  // no memory for a line: the next one may come
    }
  }
}

void ProgressSink::report() const {
  const auto elapsed = std::chrono::duration_cast<milliseconds>(clock_.steady() - started_);
  const uint64_t bytes = count_.bytes;
  const uint64_t total = count_.total;
  if (terminal_) {
    return print(stderr, fmt::format("\r{}: {}\x1b[K", printable(what_),
                                     format_progress(bytes, total, elapsed)));
  }
  LogFields fields = {{"of", what_}, {"bytes", LogBytes{bytes}}};
  if (total > 0) fields.emplace_back("estimated_bytes", LogBytes{std::max(total, bytes)});
  fields.emplace_back("seconds", std::chrono::duration_cast<std::chrono::seconds>(elapsed).count());
  log_.info("in progress", fields);
}

}  // namespace pgbackup
