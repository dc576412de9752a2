// Log lines on stderr, for people (text) or for collectors (JSON). A Log is passed to the code that
// logs; there is no global one. Secrets cannot be formatted, so they cannot get into a log.
#pragma once

#include <concepts>
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

/// Holds a value of a line: a text, or a whole number, which is a number in JSON, too.
class LogValue {
 public:
  template <class Text>
  requires std::constructible_from<std::string, Text> LogValue(Text&& text)
      : text_(std::forward<Text>(text)) {}
  template <std::integral Number>
  LogValue(Number number) : text_(std::to_string(number)), is_number_(true) {}

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_number() const { return is_number_; }

 private:
  std::string text_;
  bool is_number_ = false;
};

/// Holds names and values of what a line is about: `{"group", "app"}`.
using LogFields = std::vector<std::pair<std::string_view, LogValue>>;

/// Writes one line per call. Thread-safe. Loses a line that cannot be written or for which there is
/// no memory: no call throws.
class Log {
 public:
  Log(const Clock& clock, LogLevel level, LogFormat format, std::FILE* out = stderr);
  /// Writes to the same log as `log`, with `fields` at the end of every line.
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

/// Returns one line as it is written, without the newline.
[[nodiscard]] std::string format_log_line(LogFormat format, UtcTime time, LogLevel level,
                                          std::string_view message, const LogFields& fields);

}  // namespace pgbackup
