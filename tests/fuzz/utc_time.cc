// Time stamps: what is read is written again as the same text, in each of the three forms.
#include "common/base/utc_time.h"

#include <cstring>

#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

constexpr std::chrono::sys_days kFirst{std::chrono::year(0) / 1 / 1};
constexpr std::chrono::sys_days kEnd{std::chrono::year(10000) / 1 / 1};

bool has_leap_second(std::string_view text) { return text.find("60") != std::string_view::npos; }

void require_survives(UtcTime time) {
  require(time >= kFirst && time < kEnd, "a year has four digits");
  require(parse_iso(format_iso(time)) == time, "ISO 8601 survives");
  require(parse_basic(format_basic(time)) == time, "the basic form survives");
}

void check_text(std::string_view text) {
  if (const auto time = parse_iso(text)) {
    require_survives(*time);
    require(has_leap_second(text) || format_iso(*time) == std::string(text.substr(0, 19)) + "Z",
            "ISO 8601 is read strictly");
  }
  if (const auto time = parse_basic(text)) {
    require_survives(*time);
    require(has_leap_second(text) || format_basic(*time) == text,
            "the basic form is read strictly");
  }
  if (const auto time = parse_http_date(text)) {
    require_survives(*time);
    require(has_leap_second(text) || format_iso(*time).substr(11, 8) == text.substr(17, 8),
            "an HTTP date keeps its time of day");
  }
}

void check_number(std::string_view bytes) {
  int64_t number = 0;
  if (bytes.size() < sizeof number) return;
  std::memcpy(&number, bytes.data(), sizeof number);
  const auto span = std::chrono::seconds(kEnd - kFirst).count();
  require_survives(UtcTime(kFirst) + std::chrono::seconds((number % span + span) % span));
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  const std::string_view bytes = as_text(data, size);
  check_text(bytes);
  check_number(bytes);
  return 0;
}
