#include "prune/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>

#include "common/base/printable.h"
#include "common/base/units.h"
#include "prune/reason_text.h"
#include "prune/wal_report.h"

namespace pgbackup {
namespace {

constexpr size_t kIdWidth = 25;
/// Takes action, id and its width, time, age, size and reasons.
constexpr std::string_view kRow = "  {:<6}  {:<{}}  {:<20}  {:>6}  {:>10}  {}\n";

std::string key_of(const Step& step) {
  if (step.write != nullptr) return step.write->key;
  return step.action == Action::sweep && step.backup->is_ours() ? step.backup->folder() + "/"
                                                                : step.backup->commit_key();
}

std::string count_text(size_t count, std::string_view singular) {
  return fmt::format("{} {}{}", count, singular, count == 1 ? "" : "s");
}

}  // namespace

std::string format_heading(const Destination& destination) {
  return fmt::format("{}: {}\n\n", destination.name(), destination.store().location(""));
}

std::string format_group_table(std::span<const Step> steps, const Plan& plan) {
  const Group& group = steps.front().backup->group;
  size_t width = kIdWidth;
  for (const Step& step : steps) width = std::max(width, step.backup->id.size());
  std::string text = group_title(group) + "\n";
  text += fmt::format(kRow, "action", "id", width, "time", "age", "size", "reasons");
  for (const Step& step : steps) {
    const Backup& backup = *step.backup;
    text += fmt::format(kRow, action_title(step.action), printable(backup.id), width,
                        format_iso(backup.time), format_age(plan.now - backup.time),
                        step.write != nullptr ? "?" : format_bytes(backup.bytes),
                        reason_line(step, plan.rules));
  }
  for (const Objection& objection : objections_to(plan, group)) {
    text += fmt::format("  frozen: {}\n", objection.sentence);
  }
  return text;
}

std::string format_json_line(const Step& step, const Plan& plan, const Destination& destination) {
  std::vector<std::string> reasons = reason_texts(step, plan.rules);
  if (step.reasons.has(Reason::frozen)) {
    for (const Objection& objection : objections_to(plan, step.backup->group)) {
      reasons.push_back(objection.sentence);
    }
  }
  nlohmann::ordered_json line = {{"action", action_name(step.action)},
                                 {"group", step.backup->group.name()},
                                 {"id", step.backup->id},
                                 {"key", destination.store().full_key(key_of(step))},
                                 {"time", format_iso(step.backup->time)},
                                 {"bytes", step.backup->bytes},
                                 {"reasons", reasons}};
  if (!destination.name().empty()) line["from"] = destination.name();
  // A database's name need not be UTF-8.
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string format_plan_summary(const Plan& plan) {
  std::array<size_t, 3> counts{};
  std::array<uint64_t, 3> bytes{};
  for (const Step& step : plan.steps) {
    ++counts[static_cast<size_t>(step.action)];
    bytes[static_cast<size_t>(step.action)] += step.backup->bytes;
  }
  return fmt::format("keep {}, delete {} ({}), sweep {} ({}){}", count_text(counts[0], "backup"),
                     counts[1], format_bytes(bytes[1]), count_text(counts[2], "orphaned object"),
                     format_bytes(bytes[2]), format_wal_summary(plan.wal));
}

std::string format_outcome(const Outcome& outcome) {
  const std::string wal =
      outcome.wal_removed == 0
          ? ""
          : fmt::format(" and {} of write-ahead logs", count_text(outcome.wal_removed, "object"));
  return fmt::format("deleted {}{}, swept {}, freed {}", count_text(outcome.removed, "backup"), wal,
                     count_text(outcome.swept, "orphaned object"),
                     format_bytes(outcome.freed_bytes));
}

}  // namespace pgbackup
