// Lines for people (text) or collectors (JSON) on stderr. A Log is handed to those that have
// something to say; there is no global one. Secrets cannot be formatted, so they cannot get here.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"

namespace pgbackup {

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { text, json };

/// Name and value of what a line is about: `{"group", "app"}`.
using LogFields = std::vector<std::pair<std::string_view, std::string>>;

/// Thread-safe; one line per call. A line that cannot be written, or for which there is no memory,
/// is lost: nothing here throws.
class Log {
 public:
  Log(const Clock& clock, LogLevel level, LogFormat format, std::FILE* out = stderr);
  /// The same log with `fields` at the end of every line.
  Log(const Log& log, LogFields fields);

  void debug(std::string_view message, const LogFields& fields = {}) noexcept;
  void info(std::string_view message, const LogFields& fields = {}) noexcept;
  void warn(std::string_view message, const LogFields& fields = {}) noexcept;
  void error(std::string_view message, const LogFields& fields = {}) noexcept;

 private:
  void write(LogLevel level, std::string_view message, const LogFields& fields) noexcept;

  const Clock& clock_;
  LogLevel level_;
  LogFormat format_;
  std::FILE* out_;
  LogFields fields_{};
  std::mutex mutex_;
};

/// One line as it is written, without the newline.
[[nodiscard]] std::string format_log_line(LogFormat format, UtcTime time, LogLevel level,
                                          std::string_view message, const LogFields& fields);

}  // namespace pgbackup
