#include "common/service/metrics.h"

#include <cstdlib>
#include <limits>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

MetricFamily family(std::vector<MetricSample> samples, std::string help = "Help.") {
  return {.name = "m", .help = std::move(help), .samples = std::move(samples)};
}

std::string format(const MetricFamily& one) { return format_metrics(std::span(&one, 1)); }

/// Returns what stands behind `m ` for a value.
std::string value_text(double value) {
  const std::string text = format(family({{.value = value}}));
  const size_t begin = text.rfind("\nm ") + 3;
  return text.substr(begin, text.size() - begin - 1);
}

/// Returns the label's value as it is written.
std::string label_text(const std::string& value) {
  const std::string text = format(family({{.labels = {{"a", value}}, .value = 1}}));
  const size_t begin = text.rfind("m{a=\"") + 5;
  return text.substr(begin, text.size() - begin - std::string("\"} 1\n").size());
}

TEST_CASE(
    "Each family has its HELP and TYPE, in the order given, and one without samples nothing") {
  const std::vector<MetricFamily> families = {
      {.name = "b_total",
       .help = "Second by name.",
       .type = MetricType::counter,
       .samples = {{.labels = {{"z", "1"}, {"a", "2"}}, .value = 3}, {.value = 4}}},
      {.name = "empty", .help = "Nothing."},
      {.name = "a", .help = "First by name.", .samples = {{.value = 0.5}}}};
  CHECK(format_metrics(families) ==
        "# HELP b_total Second by name.\n"
        "# TYPE b_total counter\n"
        "b_total{z=\"1\",a=\"2\"} 3\n"
        "b_total 4\n"
        "# HELP a First by name.\n"
        "# TYPE a gauge\n"
        "a 0.5\n");
  CHECK(format_metrics({}).empty());
}

TEST_CASE("Integers up to 2^53 are exact, and every other value is read back as it was") {
  struct Row {
    double value;
    std::string text;
  };
  for (const Row& row : std::vector<Row>{{0, "0"},
                                         {-0.0, "0"},
                                         {-1, "-1"},
                                         {1795144500, "1795144500"},
                                         {9007199254740991, "9007199254740991"},
                                         {9007199254740992, "9007199254740992"},
                                         {-9007199254740991, "-9007199254740991"},
                                         {0.1, "0.1"},
                                         {1.0 / 3, "0.3333333333333333"},
                                         {std::numeric_limits<double>::quiet_NaN(), "NaN"},
                                         {std::numeric_limits<double>::infinity(), "+Inf"},
                                         {-std::numeric_limits<double>::infinity(), "-Inf"}}) {
    CAPTURE(row.text);
    CHECK(value_text(row.value) == row.text);
  }
  for (const double value : {1e300, 18446744073709551615.0, 5e-324, 1.7976931348623157e308}) {
    CHECK(std::strtod(value_text(value).c_str(), nullptr) == value);
  }
}

TEST_CASE("Whatever a label holds, it stays within its quotes and is UTF-8") {
  const std::string bad = "\xEF\xBF\xBD";
  struct Row {
    std::string value;
    std::string text;
  };
  for (const Row& row : std::vector<Row>{
           {"app", "app"},
           {"", ""},
           {"a\"b", "a\\\"b"},
           {"a\\", "a\\\\"},
           {"\\n", "\\\\n"},
           {"a\nb", "a\\nb"},
           {"a\r\tb", "a\r\tb"},
           {"\"} 1\nevil 7", "\\\"} 1\\nevil 7"},
           {"B\xC3\xA4r \xE2\x82\xAC \xF0\x9F\x90\x98", "B\xC3\xA4r \xE2\x82\xAC \xF0\x9F\x90\x98"},
           {std::string("a\0b", 3), "a" + bad + "b"},
           {"\xFF", bad},
           {"a\xC3", "a" + bad},
           {"\xC3(", bad + "("},
           {"\x80", bad},
           {"\xC0\xAF", bad + bad},                      // overlong
           {"\xE0\x80\xAF", bad + bad + bad},            // overlong
           {"\xED\xA0\x80", bad + bad + bad},            // a surrogate
           {"\xF4\x90\x80\x80", bad + bad + bad + bad},  // above U+10FFFF
           {"\xF5\x80\x80\x80", bad + bad + bad + bad},  // no lead byte
           {"\xE2\x82\"", bad + "\\\""},                 // cut off by the quote
           {"\xF0\x9F\x90\nx", bad + "\\nx"}}) {         // cut off by a newline
    CAPTURE(row.text);
    CHECK(label_text(row.value) == row.text);
  }
}

TEST_CASE("HELP is one line, whose quotes stay as they are") {
  CHECK(format(family({{.value = 1}}, "a \"b\"\nc\\d\xFF")) ==
        "# HELP m a \"b\"\\nc\\\\d\xEF\xBF\xBD\n# TYPE m gauge\nm 1\n");
}

TEST_CASE("Of names that no longer differ when they are UTF-8 the first has a series") {
  CHECK(format(family({{.labels = {{"a", "\xFE"}}, .value = 1},
                       {.labels = {{"a", "\xFF"}}, .value = 2},
                       {.labels = {{"a", "b"}}, .value = 3}})) ==
        "# HELP m Help.\n# TYPE m gauge\nm{a=\"\xEF\xBF\xBD\"} 1\nm{a=\"b\"} 3\n");
}

}  // namespace
}  // namespace pgbackup
