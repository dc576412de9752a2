// A log into memory, for tests that look at what was said and for those that want quiet.
#pragma once

#include <string>
#include <string_view>

#include "common/base/log.h"
#include "tests/support/captured_output.h"

namespace pgbackup {

[[nodiscard]] inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

class TestLog {
 public:
  explicit TestLog(const Clock& clock)
      : log_(clock, LogLevel::debug, LogFormat::text, output_.file()) {}

  [[nodiscard]] Log& log() { return log_; }
  /// Everything logged so far; not while other threads log.
  [[nodiscard]] std::string text() const { return output_.text(); }

 private:
  CapturedOutput output_;
  Log log_;
};

}  // namespace pgbackup
