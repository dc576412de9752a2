// Log lines on stderr, for people (text) or for collectors (JSON). A Log is passed to the code that
// logs; there is no global one. Secrets cannot be formatted, so they cannot get into a log.
#pragma once

#include <concepts>
#include <cstdint>
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

/// Holds a size: `1.5 GiB` in lines for people, a number of bytes in JSON.
struct LogBytes {
  uint64_t count = 0;
};

/// Holds a value of a line: a text, or a whole number, which is a number in JSON, too.
class LogValue {
 public:
  template <class Text>
  requires std::constructible_from<std::string, const Text&> LogValue(const Text& text)
      : text_(text) {}
  template <std::integral Number>
  LogValue(Number number) : text_(std::to_string(number)), number_(text_) {}
  LogValue(LogBytes bytes);

  /// Returns the value for people.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Returns the digits of a number; an empty string for a text.
  [[nodiscard]] const std::string& number() const { return number_; }

 private:
  std::string text_;
  std::string number_{};
};

/// Holds names and values of what a line is about: `{"group", "app"}`.
using LogFields = std::vector<std::pair<std::string_view, LogValue>>;

/// Keeps the last lines of a log, for a report about a failure. Thread-safe.
class LogTail {
 public:
  static constexpr size_t kMostLines = 20;
  static constexpr size_t kMostLineBytes = 2000;

  void add(std::string_view line);
  /// Returns the lines, oldest first, each with a newline.
  [[nodiscard]] std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Writes one line per call. Thread-safe. Loses a line that cannot be written or for which there is
/// no memory: no call throws.
class Log {
 public:
  /// Adds each line to `tail`, too, where there is one. It must outlive the log.
  Log(const Clock& clock, LogLevel level, LogFormat format, std::FILE* out = stderr,
      LogTail* tail = nullptr);
  /// Writes to the same log as `log`, and begins the fields of every line with those of `log` and
  /// `fields`.
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
  LogTail* tail_;
  LogFields fields_{};
  std::mutex mutex_;
};

/// Returns one line as it is written, without the newline.
[[nodiscard]] std::string format_log_line(LogFormat format, UtcTime time, LogLevel level,
                                          std::string_view message, const LogFields& fields);

}  // namespace pgbackup
