#include "common/base/printable.h"

#include <algorithm>

namespace pgbackup {
namespace {

constexpr size_t kMaxMessageBytes = 300;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_control);
}

std::string printable(std::string_view text) {
  std::string safe(text);
  std::replace_if(safe.begin(), safe.end(), is_control, '?');
  return safe;
}

std::string short_line(std::string_view text) {
  std::string line = printable(text.substr(0, kMaxMessageBytes));
  return text.size() > kMaxMessageBytes ? line + "..." : line;
}

}  // namespace pgbackup
