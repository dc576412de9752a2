#include "common/base/time_zone.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string_view>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

bool is_in_zone_database(const std::string& name) {
  const std::filesystem::path relative = name;
  if (name.empty() || relative.is_absolute()) return false;
  if (std::find(relative.begin(), relative.end(), "..") != relative.end()) return false;
  const char* const folder = std::getenv("TZDIR");
  const bool is_set = folder != nullptr && *folder != '\0';
  const auto path = std::filesystem::path(is_set ? folder : "/usr/share/zoneinfo") / relative;
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  constexpr std::string_view kMagic = "TZif";  // RFC 8536 section 3.1
  std::array<char, kMagic.size()> start{};
  return file.is_open() && read(file.get(), start.data(), start.size()) == ssize_t{start.size()} &&
         std::string_view(start.data(), start.size()) == kMagic;
}

/// Reads a zone as POSIX writes it, piece by piece. Each take_ function returns whether the piece
/// was there.
/// https://pubs.opengroup.org/onlinepubs/9699919799/basedefs/V1_chap08.html#tag_08_03
class PosixZone {
 public:
  explicit PosixZone(std::string_view text) : rest_(text) {}

  /// Returns whether the zone is complete. A zone of two names must have its rules: without them
  /// libc takes those of the United States.
  [[nodiscard]] bool is_well_formed() {
    if (!take_name() || !take_time(24)) return false;
    if (rest_.empty()) return true;
    if (!take_name() || (!rest_.starts_with(',') && !take_time(24))) return false;
    return take_rule() && take_rule() && rest_.empty();
  }

 private:
  bool take(char c) {
    const bool is_there = rest_.starts_with(c);
    if (is_there) rest_.remove_prefix(1);
    return is_there;
  }

  bool take_number(int min, int max) {
    const std::string_view digits = rest_.substr(0, rest_.find_first_not_of("0123456789"));
    rest_.remove_prefix(digits.size());
    int number = -1;
    const auto [stopped, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && number >= min && number <= max;
  }

  /// Takes `CET` or `<+03>`.
  bool take_name() {
    const bool is_quoted = take('<');
    constexpr std::string_view kQuoted =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    constexpr std::string_view kPlain = kQuoted.substr(0, 52);
    const size_t end = rest_.find_first_not_of(is_quoted ? kQuoted : kPlain);
    const size_t length = std::min(end, rest_.size());
    rest_.remove_prefix(length);
    return length >= 3 && (!is_quoted || take('>'));
  }

  /// Takes `[+-]hh[:mm[:ss]]`.
  bool take_time(int max_hours) {
    if (!take('-')) take('+');
    if (!take_number(0, max_hours)) return false;
    if (!take(':')) return true;
    if (!take_number(0, 59)) return false;
    return !take(':') || take_number(0, 59);
  }

  /// Takes `,M3.5.0/2`, `,J60` or `,59`.
  bool take_rule() {
    if (!take(',')) return false;
    bool is_date = false;
    if (take('M')) {
      is_date =
          take_number(1, 12) && take('.') && take_number(1, 5) && take('.') && take_number(0, 6);
    } else {
      is_date = take('J') ? take_number(1, 365) : take_number(0, 365);
    }
    return is_date && (!take('/') || take_time(167));  // 167: RFC 8536 section 3.3.1
  }

  std::string_view rest_;
};

}  // namespace

void set_time_zone(const std::string& name) {
  const bool is_utc = name.empty() || name == "UTC";
  if (!is_utc && !is_in_zone_database(name) && !PosixZone(name).is_well_formed()) {
    throw Error(
        ErrorKind::usage,
        fmt::format("unknown time zone '{}': write a name such as Europe/Berlin (case matters; the "
                    "package tzdata must be there), UTC, or CET-1CEST,M3.5.0,M10.5.0/3",
                    printable(name)));
  }
  if (setenv("TZ", is_utc ? "UTC" : name.c_str(), 1) != 0) throw_errno("set TZ");
  tzset();
}

}  // namespace pgbackup
