#include "common/service/run_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/printable.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

Trouble failure_of(const RunState& state) {
  return {.work = {.group = state.group, .destination = state.destination},
          .text = state.last_error,
          .failures = state.failures,
          .last_success = state.last_success};
}

/// Returns whether guards object in this destination, so that its failure says nothing more.
bool is_refused_in(const RunReport& report, const RunState& state) {
  return report.is_refused() &&
         std::any_of(report.refused.begin(), report.refused.end(), [&](const Refusal& refusal) {
           return refusal.destination == state.destination;
         });
}

std::string one_line(std::string_view text) { return printable(clipped(text, kMostErrorBytes)); }

}  // namespace

std::string Trouble::name(const std::string& job) const {
  const std::string base = work_name(work, job);
  return guard.empty() ? base : fmt::format("{}: {}", base, guard);
}

std::vector<Trouble> troubles_of(const RunReport& report) {
  std::vector<Trouble> troubles;
  if (report.is_good()) return troubles;
  for (const RunState& state : report.states) {
    if (state.failures > 0 && !is_refused_in(report, state)) troubles.push_back(failure_of(state));
  }
  for (const Refusal& refusal : report.refused) {
    troubles.push_back({.work = {.group = refusal.group, .destination = refusal.destination},
                        .guard = refusal.guard,
                        .text = refusal.sentence});
  }
  if (troubles.empty()) troubles.push_back({.work = {}, .text = report.error->message()});
  return troubles;
}

std::string clipped(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  size_t end = most;
  const auto continues = [&](size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  while (end > 0 && most - end < 4 && continues(end)) --end;
  return std::string(text.substr(0, end)) + "...";
}

std::string headline(const RunReport& report) {
  const std::string where = fmt::format("{} on {}", report.program, report.instance);
  if (report.is_good()) {
    if (report.is_idle) return fmt::format("{}: no {} was due", where, report.job);
    return fmt::format("{}: the {} succeeded in {}", where, report.job,
                       format_duration(report.taken));
  }
  return fmt::format("{}: the {} {}: {}", where, report.job,
                     report.is_refused() ? "was refused" : "failed",
                     one_line(report.error->message()));
}

std::string describe(const RunReport& report) {
  std::string text = headline(report) + "\n";
  const std::vector<Trouble> troubles = troubles_of(report);
  const size_t shown = std::min(troubles.size(), kMostTroubles);
  for (size_t i = 0; i < shown; ++i) {
    const Trouble& trouble = troubles[i];
    // The headline says already what concerns no group.
    if (!trouble.work.group.is_named() && trouble.guard.empty() && troubles.size() == 1) break;
    text += fmt::format("{}: {}", trouble.name(report.job), one_line(trouble.text));
    if (trouble.failures > 1) text += fmt::format(" ({} in a row)", trouble.failures);
    text += "\n";
  }
  if (shown < troubles.size()) text += fmt::format("and {} more\n", troubles.size() - shown);
  if (report.error && !report.error->hint().empty()) {
    text += fmt::format("hint: {}\n", one_line(report.error->hint()));
  }
  return text;
}

}  // namespace pgbackup
