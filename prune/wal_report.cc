#include "prune/wal_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/base/units.h"
#include "common/catalog/recovery_text.h"

namespace pgbackup {
namespace {

using Json = nlohmann::ordered_json;

std::string count_objects(size_t count) {
  return fmt::format("{} object{}", count, count == 1 ? "" : "s");
}

Json amount(size_t objects, uint64_t bytes) { return {{"objects", objects}, {"bytes", bytes}}; }

}  // namespace

std::string format_wal_table(const ServerWalPlan& server) {
  std::string text = fmt::format("write-ahead log of the server {}\n", server.system_identifier);
  text += fmt::format("  keep    {} ({})\n", count_objects(server.kept),
                      format_bytes(server.kept_bytes));
  text += fmt::format("  delete  {} ({})\n", count_objects(server.removed.size()),
                      format_bytes(server.removed_bytes));
  if (!server.note.empty()) text += fmt::format("  nothing goes: {}\n", server.note);
  return text + format_recovery(server.recovery);
}

std::string format_wal_json(const ServerWalPlan& server, const Destination& destination) {
  Json line = {{"kind", "wal"},
               {"server", server.system_identifier},
               {"keep", amount(server.kept, server.kept_bytes)},
               {"remove", amount(server.removed.size(), server.removed_bytes)}};
  add_recovery(line, server.recovery);
  if (!server.note.empty()) line["note"] = server.note;
  if (!destination.name().empty()) line["from"] = destination.name();
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

void log_wal_plan(const ServerWalPlan& server, Log& log) {
  LogFields fields = {{"server", server.system_identifier},
                      {"keep", server.kept},
                      {"delete", server.removed.size()}};
  if (!server.note.empty()) fields.emplace_back("note", server.note);
  const auto server_field = fields.front();
  server.removed.empty() ? log.debug("decided: write-ahead log", fields)
                         : log.info("decided: write-ahead log", fields);
  for (const RecoveryWindow& window : server.recovery.windows) {
    log.debug("recovery window", {server_field,
                                  {"base", window.id},
                                  {"until", format_lsn(window.end)},
                                  {"timeline", window.timeline},
                                  {"window", describe_window(window)}});
    if (window.gaps.empty()) continue;
    log.warn("WAL is missing", {server_field, {"loss", describe_loss(window)}});
  }
  for (const StrandedBase& base : server.recovery.stranded) {
    log.warn("a base backup lacks WAL",
             {server_field, {"run", base.id}, {"loss", describe_stranded(base)}});
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
