#include "common/service/finding.h"

#include <nlohmann/json.hpp>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

Finding finding(FindingLevel level, std::string sentence = "so it is", std::string advice = {}) {
  return {.level = level,
          .area = "Area",
          .subject = "subject",
          .sentence = std::move(sentence),
          .advice = std::move(advice)};
}

TEST_CASE("What could not be checked comes before what needs attention in the exit code") {
  using enum FindingLevel;
  CHECK(exit_code_of({}) == 0);
  CHECK(exit_code_of({finding(ok), finding(unknown)}) == 0);
  CHECK(exit_code_of({finding(ok), finding(attention)}) == 3);
  CHECK(exit_code_of({finding(attention), finding(failed), finding(ok)}) == 1);
  CHECK(exit_code_of({finding(failed)}) == 1);
}

TEST_CASE("Findings stand below the heading of their area, with what to do") {
  Findings findings = {finding(FindingLevel::ok),
                       finding(FindingLevel::attention, "bad", "GRANT x;\nGRANT y;")};
  findings.push_back(finding(FindingLevel::failed, "gone"));
  findings.back().area = "Other";
  CHECK(format_findings_text(findings) ==
        "Area\n"
        "  ok         subject: so it is\n"
        "  attention  subject: bad\n"
        "             GRANT x;\n"
        "             GRANT y;\n"
        "Other\n"
        "  failed     subject: gone\n"
        "1 could not be checked, 1 needs attention\n");
  CHECK(format_findings_text({finding(FindingLevel::unknown)}) ==
        "Area\n  unknown    subject: so it is\nall is well\n");
}

TEST_CASE("A name that holds control characters forges no line") {
  const std::string text =
      format_findings_text({finding(FindingLevel::attention, "x\n  ok  y", "a\tb\x1b[2J")});
  CHECK(text.find("x?  ok  y\n") != std::string::npos);
  CHECK(text.find("a?b?[2J\n") != std::string::npos);
}

TEST_CASE("JSON has a line per finding, whatever bytes are in it") {
  Finding bad = finding(FindingLevel::attention, "a\xff\nb", "do");
  bad.is_fatal = true;
  const std::string lines = format_findings_json({finding(FindingLevel::ok), bad});
  const size_t end = lines.find('\n');
  const auto first = nlohmann::json::parse(lines.substr(0, end));
  CHECK(first ==
        nlohmann::json{
            {"level", "ok"}, {"area", "Area"}, {"subject", "subject"}, {"sentence", "so it is"}});
  const auto second = nlohmann::json::parse(lines.substr(end + 1));
  CHECK(second["level"] == "attention");
  CHECK(second["advice"] == "do");
  CHECK(second["fatal"] == true);
}

TEST_CASE("The summary names what the next run would fail of, and nothing else") {
  Finding fatal = finding(FindingLevel::attention, "wrong\npassword");
  fatal.is_fatal = true;
  CHECK(fatal_summary({}).empty());
  CHECK(fatal_summary({finding(FindingLevel::attention)}).empty());
  CHECK(fatal_summary({finding(FindingLevel::ok), fatal}) == "subject: wrong?password");
  CHECK(fatal_summary({fatal, finding(FindingLevel::attention), fatal, fatal}) ==
        "subject: wrong?password (and 2 more)");
}

}  // namespace
}  // namespace pgbackup
