#include "common/base/log.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/base/output.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warn:
      return "warn";
    case LogLevel::error:
      return "error";
  }
  return "error";
}

/// Escapes control characters: messages quote other programs and servers, and must neither break a
/// line nor command a terminal. Within JSON text these escapes are JSON's own.
std::string without_controls(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    const auto [bytes, is_control] = first_character(text);
    if (!is_control) {
      safe += bytes;
    } else if (bytes == "\n") {
      safe += "\\n";
    } else {
      safe += fmt::format("\\u{:04x}", static_cast<unsigned char>(bytes.back()));
    }
    text.remove_prefix(bytes.size());
  }
  return safe;
}

/// Quotes values with whitespace, quotes or control characters, so that a line can be split again.
std::string quoted_if_needed(const std::string& value) {
  const bool plain = !value.empty() && value.find_first_of(" \"=") == std::string::npos &&
                     !has_control_characters(value);
  if (plain) return value;
  // JSON leaves 0x7f and C1 unchanged.
  return without_controls(
      nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

Log::Log(const Clock& clock, LogLevel level, LogFormat format, std::FILE* out)
    : clock_(clock), level_(level), format_(format), out_(out) {}

Log::Log(const Log& log, LogFields fields)
    : clock_(log.clock_),
      level_(log.level_),
      format_(log.format_),
      out_(log.out_),
      fields_(std::move(fields)) {}

void Log::debug(std::string_view m, const LogFields& f) noexcept { write(LogLevel::debug, m, f); }
void Log::info(std::string_view m, const LogFields& f) noexcept { write(LogLevel::info, m, f); }
void Log::warn(std::string_view m, const LogFields& f) noexcept { write(LogLevel::warn, m, f); }
void Log::error(std::string_view m, const LogFields& f) noexcept { write(LogLevel::error, m, f); }

void Log::write(LogLevel level, std::string_view message, const LogFields& fields) noexcept {
  if (level < level_) return;
  try {
    LogFields all = fields;
    all.insert(all.end(), fields_.begin(), fields_.end());
    const std::string line = format_log_line(format_, clock_.now(), level, message, all) + "\n";
    const std::lock_guard lock(mutex_);
    print(out_, line);
  } catch (...) {
    return;  // a log that cannot be written has nowhere to complain
  }
}

std::string format_log_line(LogFormat format, UtcTime time, LogLevel level,
                            std::string_view message, const LogFields& fields) {
  if (format == LogFormat::json) {
    nlohmann::ordered_json line = {
        {"time", format_iso(time)}, {"level", level_name(level)}, {"message", message}};
    for (const auto& [name, value] : fields) {
      nlohmann::ordered_json& member = line[std::string(name)];
      member = value.text();
      if (value.is_number()) member = nlohmann::ordered_json::parse(value.text());
    }
    return without_controls(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  std::string line =
      fmt::format("{} {:<5} {}", format_iso(time), level_name(level), without_controls(message));
  for (const auto& [name, value] : fields) {
    line += fmt::format(" {}={}", name, quoted_if_needed(value.text()));
  }
  return line;
}

}  // namespace pgbackup
