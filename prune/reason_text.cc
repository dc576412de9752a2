#include "prune/reason_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/units.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

std::string reason_text(Reason reason, const Step& step, const Rules& rules) {
  const Retention& retention = rules.retention;
  switch (reason) {
    case Reason::future:
      return "dated in the future: kept, but never counted";
    case Reason::held:
      return "held until it is released";
    case Reason::within:
      return fmt::format("younger than {}",
                         format_duration(retention.max_age.value_or(seconds(0))));
    case Reason::last:
      return fmt::format("among the last {}", retention.keep_last);
    case Reason::hourly:
      return "newest of its hour";
    case Reason::daily:
      return "newest of its day";
    case Reason::weekly:
      return "newest of its week";
    case Reason::monthly:
      return "newest of its month";
    case Reason::yearly:
      return "newest of its year";
    case Reason::floor:
      return fmt::format("needed for RETENTION_MIN_BACKUPS={}", retention.min_backups);
    case Reason::last_of_server:
      return "the last base backup of its server, whose write-ahead log goes on";
    case Reason::last_of_timeline:
      return "the last base backup that leads to a timeline whose write-ahead log goes on";
    case Reason::verified:
      return "the newest verified one (PRUNE_REQUIRE_VERIFIED)";
    case Reason::failed:
      return "its verification has failed: kept, but never counted";
    case Reason::locked:
      return fmt::format("locked until {}", format_iso(step.locked_until.value_or(UtcTime())));
    case Reason::damaged:
      return "damaged: kept, but never counted";
    case Reason::backdated:
      return "backdated: it may not be of its date";
    case Reason::not_signed:
      return "not signed: anyone may have put it there";
    case Reason::bad_manifest:
      return "its manifest is damaged";
    case Reason::unreadable:
      return "its manifest cannot be read: it may be locked";
    case Reason::gone:
      return "its manifest was deleted after the listing";
    case Reason::frozen:
      return "frozen";
    case Reason::silent:
      return fmt::format("no manifest, and nothing written for {}",
                         format_duration(rules.sweep_after));
    case Reason::silent_and_out:
      return fmt::format("no manifest, nothing written for {}, and too old to be kept",
                         format_duration(kWriterPause));
    case Reason::unfinished:
      return fmt::format("unfinished write: no data received for {}",
                         format_duration(rules.sweep_after));
  }
  return "";
}

}  // namespace

std::vector<std::string> reason_texts(const Step& step, const Rules& rules) {
  if (step.reasons.empty()) return {"no rule keeps it"};
  std::vector<std::string> texts;
  for (size_t i = 0; i < kReasonCount; ++i) {
    const auto reason = static_cast<Reason>(i);
    if (step.reasons.has(reason)) texts.push_back(reason_text(reason, step, rules));
  }
  return texts;
}

std::string reason_line(const Step& step, const Rules& rules) {
  return fmt::format("{}", fmt::join(reason_texts(step, rules), "; "));
}

}  // namespace pgbackup
