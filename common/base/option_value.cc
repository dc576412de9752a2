#include "common/base/option_value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "common/base/printable.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "common/base/utc_time.h"

namespace pgbackup {
namespace {

template <class... Parts>
struct Overloaded : Parts... {
  using Parts::operator()...;
};
template <class... Parts>
Overloaded(Parts...) -> Overloaded<Parts...>;

/// Kubernetes sets NAME_PORT=tcp://10.0.0.1:5432 for every Service called "name".
constexpr std::string_view kServiceLink =
    " (Kubernetes sets such a variable for a Service of that name: use enableServiceLinks: false)";

std::string complain(std::string_view text, std::string_view wanted) {
  return fmt::format("'{}' is not {}{}", text, wanted,
                     text.starts_with("tcp://") ? kServiceLink : std::string_view());
}

std::string assign_number(const Number& number, std::string_view text) {
  int value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stopped != end || value < number.min ||
      value > number.max) {
    return complain(text, fmt::format("a whole number from {} to {}", number.min, number.max));
  }
  *number.value = value;
  return "";
}

std::string assign_duration(const Duration& duration, std::string_view text) {
  const auto value = parse_duration(text);
  if (!value) return complain(text, "a duration such as 21600 (seconds), 90s, 15m, 2h30m or 30d");
  if (*value < duration.min) {
    return fmt::format("'{}' is too short: it must be at least {}", text,
                       format_duration(duration.min));
  }
  std::visit([&](auto* slot) { *slot = *value; }, duration.value);
  return "";
}

std::string assign_bytes(const Bytes& bytes, std::string_view text) {
  const auto value = parse_bytes(text);
  if (!value) return complain(text, "a size such as 16777216 (bytes), 512KiB, 16MiB or 10MB");
  if (*value < bytes.min || *value > bytes.max) {
    return complain(text, fmt::format("from {} to {}", format_exact_bytes(bytes.min),
                                      format_exact_bytes(bytes.max)));
  }
  *bytes.value = *value;
  return "";
}

/// Returns what a word says as YAML, Python and shell scripts write it; nullopt where it says
/// neither.
std::optional<bool> parse_bool(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kYes = {"true", "yes", "on", "1"};
  static constexpr std::array<std::string_view, 4> kNo = {"false", "no", "off", "0"};
  const std::string word = lower_case(text);
  if (std::find(kYes.begin(), kYes.end(), word) != kYes.end()) return true;
  if (std::find(kNo.begin(), kNo.end(), word) != kNo.end()) return false;
  return std::nullopt;
}

std::string assign_bool(bool* value, std::string_view text) {
  const std::optional<bool> meant = parse_bool(text);
  if (!meant) return complain(text, "true or false");
  *value = *meant;
  return "";
}

/// Returns the name among those of `choice` that `text` means: `yes` means `true`, where that is
/// one.
std::string_view meant_name(const Choice& choice, std::string_view text) {
  const auto has = [&](std::string_view name) {
    return std::find(choice.names.begin(), choice.names.end(), name) != choice.names.end();
  };
  if (has(text) || !has("true")) return text;
  const std::optional<bool> meant = parse_bool(text);
  if (!meant) return text;
  return *meant ? "true" : "false";
}

std::string assign_choice(const Choice& choice, std::string_view text) {
  const auto found = std::find(choice.names.begin(), choice.names.end(), meant_name(choice, text));
  if (found == choice.names.end()) {
    return complain(text, fmt::format("one of {}", fmt::join(choice.names, ", ")));
  }
  choice.set(static_cast<size_t>(found - choice.names.begin()));
  return "";
}

constexpr const char* kControlCharacter =
    "the value holds a control character, such as a line break";

/// Returns whether `text` holds control characters other than the line breaks of keys in PEM.
bool has_stray_controls(std::string_view text) {
  if (!text.starts_with("-----BEGIN ")) return has_control_characters(text);
  std::string joined(text);
  std::replace(joined.begin(), joined.end(), '\r', ' ');
  std::replace(joined.begin(), joined.end(), '\n', ' ');
  const bool has_others = has_control_characters(joined);
  wipe(joined);
  return has_others;
}

std::string assign_secret(Secret* value, std::string_view text) {
  if (has_stray_controls(text)) return kControlCharacter;
  *value = Secret(text);
  return "";
}

std::string assign_text(std::string* value, std::string_view text) {
  if (text.starts_with("tcp://")) return complain(text, "a plain value");
  if (has_stray_controls(text)) return kControlCharacter;
  *value = text;
  return "";
}

/// Takes what may come from a file as it is.
std::string assign_lines(std::string* value, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return "it is no text";
  *value = text;
  return "";
}

/// Returns the lines in one.
std::string show_lines(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    if (c == '\n') {
      shown += ", ";
    } else {
      shown += c;
    }
  }
  return printable(shown);
}

std::string show_secret(const Secret& secret) {
  if (secret.empty()) return "";
  const bool is_example = secret.reveal().find(kForTrying) != std::string_view::npos;
  return std::string(is_example ? kShownForTrying : "(hidden)");
}

std::string show_duration(const Duration& duration) {
  return std::visit(
      Overloaded{[](const std::chrono::seconds* value) { return format_duration(*value); },
                 [](const std::optional<std::chrono::seconds>* value) {
                   return *value ? format_duration(**value) : std::string();
                 }},
      duration.value);
}

}  // namespace

std::string assign_value(const OptionValue& slot, std::string_view text) {
  return std::visit(
      Overloaded{[&](std::string* value) { return assign_text(value, text); },
                 [&](Secret* value) { return assign_secret(value, text); },
                 [&](std::filesystem::path* value) {
                   *value = text;
                   return std::string();
                 },
                 [&](bool* value) { return assign_bool(value, text); },
                 [&](const Number& number) { return assign_number(number, text); },
                 [&](const Duration& duration) { return assign_duration(duration, text); },
                 [&](const Bytes& bytes) { return assign_bytes(bytes, text); },
                 [&](const Choice& choice) { return assign_choice(choice, text); },
                 [&](const Lines& lines) { return assign_lines(lines.value, text); }},
      slot);
}

std::string show_value(const OptionValue& slot) {
  return std::visit(
      Overloaded{[](const std::string* value) { return *value; },
                 [](const Secret* value) { return show_secret(*value); },
                 [](const std::filesystem::path* value) { return value->string(); },
                 [](const bool* value) { return std::string(*value ? "true" : "false"); },
                 [](const Number& number) { return std::to_string(*number.value); },
                 [](const Duration& duration) { return show_duration(duration); },
                 [](const Bytes& bytes) { return format_exact_bytes(*bytes.value); },
                 [](const Choice& choice) { return std::string(choice.names[choice.current()]); },
                 [](const Lines& lines) { return show_lines(*lines.value); }},
      slot);
}

std::string flag_name(const Option& option) {
  if (option.name.starts_with("--")) return std::string(option.name);
  std::string flag = "--";
  for (const char c : option.name) {
    flag += c == '_' ? '-' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  return flag;
}

std::string value_placeholder(const OptionValue& slot) {
  return std::visit(Overloaded{[](const std::string*) { return std::string(" TEXT"); },
                               [](const Secret*) { return std::string(" SECRET"); },
                               [](const std::filesystem::path*) { return std::string(" PATH"); },
                               [](const bool*) { return std::string(); },
                               [](const Number&) { return std::string(" NUMBER"); },
                               [](const Duration&) { return std::string(" DURATION"); },
                               [](const Bytes&) { return std::string(" SIZE"); },
                               [](const Choice& choice) {
                                 return fmt::format(" {}", fmt::join(choice.names, "|"));
                               },
                               [](const Lines&) { return std::string(" LIST"); }},
                    slot);
}

bool has_file_form(const Option& option) {
  return !option.name.starts_with("--") && !std::holds_alternative<bool*>(option.value) &&
         !std::holds_alternative<std::filesystem::path*>(option.value);
}

}  // namespace pgbackup
