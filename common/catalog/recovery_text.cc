#include "common/catalog/recovery_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "common/base/utc_time.h"

namespace pgbackup {
namespace {

using Json = nlohmann::ordered_json;

/// Limits how many gaps are named for people: a log can be full of holes.
constexpr size_t kMostNamed = 3;

std::string describe_gaps(const std::vector<WalGap>& gaps) {
  std::vector<std::string> texts;
  for (const WalGap& gap : gaps) {
    if (texts.size() == kMostNamed) break;
    texts.push_back(fmt::format("{} to {} on timeline {}", format_lsn(gap.begin),
                                format_lsn(gap.end), gap.timeline));
  }
  if (gaps.size() > kMostNamed) {
    texts.push_back(fmt::format("{} more stretches", gaps.size() - kMostNamed));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

Json window_json(const RecoveryWindow& window) {
  Json json = {{"id", window.id},
               {"from", format_iso(window.from)},
               {"until", format_iso(window.until)},
               {"begin", format_lsn(window.begin)},
               {"end", format_lsn(window.end)},
               {"timeline", window.timeline},
               {"gaps", Json::array()}};
  for (const WalGap& gap : window.gaps) {
    json["gaps"].push_back({{"timeline", gap.timeline},
                            {"begin", format_lsn(gap.begin)},
                            {"end", format_lsn(gap.end)}});
  }
  if (window.next) json["next"] = format_iso(*window.next);
  return json;
}

}  // namespace

std::string describe_window(const RecoveryWindow& window) {
  return fmt::format("every moment from {} to {} can be restored", format_iso(window.from),
                     format_iso(window.until));
}

std::string describe_loss(const RecoveryWindow& window) {
  if (window.gaps.empty()) return "";
  const std::string moments =
      window.next
          ? fmt::format("between {} and {}", format_iso(window.until), format_iso(*window.next))
          : fmt::format("after {}", format_iso(window.until));
  return fmt::format("no moment {} can be restored: the log lacks {}", moments,
                     describe_gaps(window.gaps));
}

std::string describe_stranded(const StrandedBase& base) {
  return fmt::format("{} cannot be restored: {} is missing or incomplete", base.id,
                     missing_segment(base));
}

std::string format_recovery(const Recovery& recovery) {
  std::string text;
  for (const RecoveryWindow& window : recovery.windows) {
    text +=
        fmt::format("  {}\n    from {} on, {} to {} on timeline {}\n", describe_window(window),
                    window.id, format_lsn(window.begin), format_lsn(window.end), window.timeline);
    if (!window.gaps.empty()) text += fmt::format("  {}\n", describe_loss(window));
  }
  for (const StrandedBase& base : recovery.stranded) {
    text += fmt::format("  {}\n", describe_stranded(base));
  }
  return text;
}

void add_recovery(Json& line, const Recovery& recovery) {
  line["windows"] = Json::array();
  for (const RecoveryWindow& window : recovery.windows) {
    line["windows"].push_back(window_json(window));
  }
  line["stranded"] = Json::array();
  for (const StrandedBase& base : recovery.stranded) {
    line["stranded"].push_back({{"id", base.id}, {"missing", missing_segment(base)}});
  }
}

}  // namespace pgbackup
