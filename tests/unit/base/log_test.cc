#include "common/base/log.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/support/captured_output.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

const UtcTime kTime = *parse_iso("2026-11-20T03:15:00Z");

std::string text_line(std::string_view message, const LogFields& fields = {}) {
  return format_log_line(LogFormat::text, kTime, LogLevel::info, message, fields);
}

TEST_CASE("A text line has time, level, message and fields") {
  CHECK(text_line("backup done", {{"group", "app"}, {"bytes", "17"}}) ==
        "2026-11-20T03:15:00Z info  backup done group=app bytes=17");
}

TEST_CASE("Numbers are numbers in JSON, and texts that look like them are texts") {
  const LogFields fields = {{"bytes", uint64_t{1} << 63U}, {"seconds", -3}, {"database", "17"}};
  CHECK(format_log_line(LogFormat::json, kTime, LogLevel::info, "m", fields) ==
        R"({"time":"2026-11-20T03:15:00Z","level":"info","message":"m",)"
        R"("bytes":9223372036854775808,"seconds":-3,"database":"17"})");
  CHECK(text_line("m", fields) ==
        "2026-11-20T03:15:00Z info  m bytes=9223372036854775808 seconds=-3 database=17");
}

TEST_CASE("Values that would break a line apart are quoted") {
  struct Row {
    std::string value;
    std::string wanted;
  };
  for (const Row& row : std::vector<Row>{{"plain", "v=plain"},
                                         {"\xc3\xa4", "v=\xc3\xa4"},
                                         {"", "v=\"\""},
                                         {"a b", "v=\"a b\""},
                                         {"a=b", "v=\"a=b\""},
                                         {"a\"b", "v=\"a\\\"b\""},
                                         {"a\nb", "v=\"a\\nb\""},
                                         {"a\rb", "v=\"a\\rb\""},
                                         {"\x1b[2J", "v=\"\\u001b[2J\""},
                                         {"\x7f", "v=\"\\u007f\""}}) {
    CAPTURE(row.value);
    CHECK(text_line("m", {{"v", row.value}}) == "2026-11-20T03:15:00Z info  m " + row.wanted);
  }
}

TEST_CASE("A message of several lines stays one line, and cannot command a terminal") {
  for (const auto* message : {"a\nhint: b", "a\r\nb", "a\x1b[2Jb",
                              "a\x7f"
                              "b"}) {
    CAPTURE(message);
    const std::string line = text_line(message);
    CHECK(line.find_first_of("\n\r\x1b\x7f") == std::string::npos);
  }
  CHECK(text_line("pg_dump: a\n  b\nhint: c") ==
        "2026-11-20T03:15:00Z info  pg_dump: a\\n  b\\nhint: c");
}

TEST_CASE("C1 control characters are escaped in both formats") {
  for (const auto* text : {"a\xc2\x9b"
                           "b",
                           "a\x9b"
                           "b"}) {
    for (const auto format : {LogFormat::text, LogFormat::json}) {
      const std::string line = format_log_line(format, kTime, LogLevel::info, text, {{"v", text}});
      CAPTURE(line);
      CHECK(line.find('\x9b') == std::string::npos);
    }
    CHECK(text_line(text) == "2026-11-20T03:15:00Z info  a\\u009bb");
  }
}

TEST_CASE("A JSON line is one JSON object, whatever the bytes") {
  for (const auto* value : {"plain", "a\nb", "\"", "\xff\xfe", "\xc3", "\\", "\x01", ""}) {
    const std::string line =
        format_log_line(LogFormat::json, kTime, LogLevel::warn, value, {{"v", value}});
    CAPTURE(line);
    CHECK(line.find('\n') == std::string::npos);
    const auto json = nlohmann::json::parse(line);
    CHECK(json.at("time") == "2026-11-20T03:15:00Z");
    CHECK(json.at("level") == "warn");
    CHECK(json.at("message") == json.at("v"));
  }
}

TEST_CASE("Lines below the level are not written") {
  const FakeClock clock;
  for (const auto least : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
    const CapturedOutput out;
    Log log(clock, least, LogFormat::text, out.file());
    log.debug("d");
    log.info("i");
    log.warn("w");
    log.error("e");
    const std::string text = out.text();
    CHECK(std::count(text.begin(), text.end(), '\n') == 4 - static_cast<int>(least));
    CHECK(out.says(" error e\n"));
  }
}

}  // namespace
}  // namespace pgbackup
