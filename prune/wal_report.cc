#include "prune/wal_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "common/base/units.h"
#include "common/base/utc_time.h"

namespace pgbackup {
namespace {

using Json = nlohmann::ordered_json;

/// Limits how many gaps are named for people: a log can be full of holes.
constexpr size_t kMostNamed = 3;

std::string count_objects(size_t count) {
  return fmt::format("{} object{}", count, count == 1 ? "" : "s");
}

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

/// Returns a clause about what cannot be restored behind a window; empty where nothing is missing.
std::string describe_loss(const RecoveryWindow& window) {
  if (window.gaps.empty()) return "";
  const std::string moments =
      window.next
          ? fmt::format("between {} and {}", format_iso(window.until), format_iso(*window.next))
          : fmt::format("after {}", format_iso(window.until));
  return fmt::format("no moment {} can be restored: the log lacks {}", moments,
                     describe_gaps(window.gaps));
}

std::string describe_window(const RecoveryWindow& window) {
  return fmt::format("every moment from {} to {} can be restored", format_iso(window.from),
                     format_iso(window.until));
}

std::string describe_stranded(const StrandedBase& base) {
  return fmt::format("{} cannot be restored: {} is missing or incomplete", base.id,
                     missing_segment(base));
}

Json amount(size_t objects, uint64_t bytes) { return {{"objects", objects}, {"bytes", bytes}}; }

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

std::string format_wal_table(const ServerWalPlan& server) {
  std::string text = fmt::format("write-ahead log of the server {}\n", server.system_identifier);
  const auto add = [&](const std::string& line) {
    if (!line.empty()) text += fmt::format("  {}\n", line);
  };
  add(fmt::format("keep    {} ({})", count_objects(server.kept), format_bytes(server.kept_bytes)));
  add(fmt::format("delete  {} ({})", count_objects(server.removed.size()),
                  format_bytes(server.removed_bytes)));
  if (!server.note.empty()) add("nothing goes: " + server.note);
  for (const RecoveryWindow& window : server.recovery.windows) {
    add(describe_window(window));
    add(fmt::format("  from {} on, {} to {} on timeline {}", window.id, format_lsn(window.begin),
                    format_lsn(window.end), window.timeline));
    add(describe_loss(window));
  }
  for (const StrandedBase& base : server.recovery.stranded) add(describe_stranded(base));
  return text;
}

std::string format_wal_json(const ServerWalPlan& server, const Destination& destination) {
  Json line = {{"kind", "wal"},
               {"server", server.system_identifier},
               {"keep", amount(server.kept, server.kept_bytes)},
               {"remove", amount(server.removed.size(), server.removed_bytes)},
               {"windows", Json::array()},
               {"stranded", Json::array()}};
  for (const RecoveryWindow& window : server.recovery.windows) {
    line["windows"].push_back(window_json(window));
  }
  for (const StrandedBase& base : server.recovery.stranded) {
    line["stranded"].push_back({{"id", base.id}, {"missing", missing_segment(base)}});
  }
  if (!server.note.empty()) line["note"] = server.note;
  if (!destination.name().empty()) line["from"] = destination.name();
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void log_wal_plan(const ServerWalPlan& server, Log& log) {
  LogFields fields = {{"server", server.system_identifier},
                      {"keep", std::to_string(server.kept)},
                      {"delete", std::to_string(server.removed.size())}};
  if (!server.note.empty()) fields.emplace_back("note", server.note);
  const LogFields of_server = {fields.front()};
  server.removed.empty() ? log.debug("decided: write-ahead log", fields)
                         : log.info("decided: write-ahead log", fields);
  for (const RecoveryWindow& window : server.recovery.windows) {
    log.debug(describe_window(window), {fields.front(),
                                        {"base", window.id},
                                        {"until", format_lsn(window.end)},
                                        {"timeline", std::to_string(window.timeline)}});
    if (!window.gaps.empty()) log.warn(describe_loss(window), of_server);
  }
  for (const StrandedBase& base : server.recovery.stranded) {
    log.warn(describe_stranded(base), of_server);
  }
}

std::string format_wal_summary(const WalPlan& plan) {
  size_t objects = 0;
  uint64_t bytes = 0;
  for (const ServerWalPlan& server : plan) {
    objects += server.removed.size();
    bytes += server.removed_bytes;
  }
  if (objects == 0) return "";
  return fmt::format(", delete {} of write-ahead logs ({})", count_objects(objects),
                     format_bytes(bytes));
}

}  // namespace pgbackup
