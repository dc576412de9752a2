#include "common/service/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/printable.h"

namespace pgbackup {
namespace {

constexpr std::string_view kAdviceIndent = "             ";  // below the sentence

size_t count_level(const Findings& findings, FindingLevel level) {
  return static_cast<size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [&](const Finding& finding) { return finding.level == level; }));
}

/// Calls `use` with each line, free of control characters.
template <class Use>
void for_each_line(std::string_view text, const Use& use) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    use(printable(line));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

std::string verdict_of(const Findings& findings) {
  const size_t failed = count_level(findings, FindingLevel::failed);
  const size_t attention = count_level(findings, FindingLevel::attention);
  if (failed + attention == 0) return "all is well";
  std::string text;
  if (failed > 0) text = fmt::format("{} could not be checked", failed);
  if (attention > 0) {
    text += fmt::format("{}{} {} attention", text.empty() ? "" : ", ", attention,
                        attention == 1 ? "needs" : "need");
  }
  return text;
}

}  // namespace

std::string_view finding_level_name(FindingLevel level) {
  switch (level) {
    case FindingLevel::ok:
      return "ok";
    case FindingLevel::unknown:
      return "unknown";
    case FindingLevel::attention:
      return "attention";
    case FindingLevel::failed:
      return "failed";
  }
  return "";
}

Finding finding_of(const Error& error, FindingLevel level, std::string area, std::string subject) {
  return {.level = level,
          .area = std::move(area),
          .subject = std::move(subject),
          .sentence = error.message(),
          .advice = error.hint(),
          .is_fatal = true};
}

void append_findings(Findings& findings, Findings more) {
  std::move(more.begin(), more.end(), std::back_inserter(findings));
}

int exit_code_of(const Findings& findings) {
  if (count_level(findings, FindingLevel::failed) > 0) return exit_code(ErrorKind::failed);
  return count_level(findings, FindingLevel::attention) > 0 ? exit_code(ErrorKind::conflict) : 0;
}

std::string format_findings_text(const Findings& findings) {
  std::string text;
  std::string area;
  for (const Finding& finding : findings) {
    if (finding.area != area) {
      area = finding.area;
      text += printable(area) + "\n";
    }
    text += printable(fmt::format("  {:<9}  {}: {}", finding_level_name(finding.level),
                                  finding.subject, finding.sentence)) +
            "\n";
    for_each_line(finding.advice, [&](const std::string& line) {
      text += fmt::format("{}{}\n", kAdviceIndent, line);
    });
  }
  return text + verdict_of(findings) + "\n";
}

std::string format_findings_json(const Findings& findings) {
  std::string lines;
  for (const Finding& finding : findings) {
    nlohmann::ordered_json line = {{"level", finding_level_name(finding.level)},
                                   {"area", finding.area},
                                   {"subject", finding.subject},
                                   {"sentence", finding.sentence}};
    if (!finding.advice.empty()) line["advice"] = finding.advice;
    if (finding.is_fatal) line["fatal"] = true;
    lines += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return lines;
}

std::string fatal_summary(const Findings& findings) {
  const auto is_fatal = [](const Finding& finding) { return finding.is_fatal; };
  const auto first = std::find_if(findings.begin(), findings.end(), is_fatal);
  if (first == findings.end()) return "";
  const auto more = std::count_if(std::next(first), findings.end(), is_fatal);
  return short_line(fmt::format("{}: {}", first->subject, first->sentence)) +
         (more > 0 ? fmt::format(" (and {} more)", more) : "");
}

}  // namespace pgbackup
