#include "backup/restore/after_restore.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <vector>

#include "common/base/error.h"

namespace pgbackup {
namespace {

constexpr std::chrono::hours kAnalyzeLimit{24};
/// Limits the length of a statement.
constexpr size_t kTablesAtOnce = 1000;
/// The first version that counts the rows of a session before the session has ended.
constexpr int kFirstThatCounts = 150000;

/// Returns the tables that got rows.
std::vector<const TocEntry*> filled_tables(const TargetPart& part) {
  std::vector<const TocEntry*> filled;
  for (const TocEntry* entry : part.part.entries) {
    if (entry->kind == "TABLE DATA" || entry->kind == "MATERIALIZED VIEW DATA") {
      filled.push_back(entry);
    }
  }
  return filled;
}

std::vector<std::string> analyze_sql(const PgConnection& connection, const TargetPart* part) {
  if (part == nullptr) return {"ANALYZE"};
  std::vector<std::string> names;
  for (const TocEntry* entry : filled_tables(*part)) {
    names.push_back(fmt::format("{}.{}", connection.quote_identifier(entry->schema),
                                connection.quote_identifier(entry->name)));
  }
  std::vector<std::string> all;
  for (size_t at = 0; at < names.size(); at += kTablesAtOnce) {
    const size_t end = std::min(names.size(), at + kTablesAtOnce);
    const auto first = names.begin() + static_cast<std::ptrdiff_t>(at);
    const auto last = names.begin() + static_cast<std::ptrdiff_t>(end);
    all.push_back(fmt::format("ANALYZE {}", fmt::join(first, last, ", ")));
  }
  return all;
}

}  // namespace

void analyze(const PgConfig& target, const TargetPart* part, const std::stop_token& stop,
             Log& log) {
  try {
    PgConnection connection(target, stop);
    for (const std::string& sql : analyze_sql(connection, part)) {
      connection.query(sql, {}, kAnalyzeLimit);
    }
  } catch (...) {
    log.warn("the data is back, but without statistics for the planner",
             {{"cause", current_failure().message()}, {"hint", "run ANALYZE in the database"}});
  }
}

std::optional<int64_t> count_rows(const PgConfig& target, const TargetPart* part,
                                  const std::stop_token& stop) {
  try {
    PgConnection connection(target, stop);
    if (connection.server_version() < kFirstThatCounts) return {};
    std::string filter = "true";
    if (part != nullptr) {
      std::vector<std::string> names;
      for (const TocEntry* entry : filled_tables(*part)) {
        names.push_back(fmt::format("({}, {})", connection.quote_literal(entry->schema),
                                    connection.quote_literal(entry->name)));
      }
      if (names.empty()) return 0;
      filter = fmt::format(
          "EXISTS (SELECT FROM (VALUES {}) t(s, n) WHERE "
          "n.nspname OPERATOR(pg_catalog.=) t.s::pg_catalog.name "
          "AND c.relname OPERATOR(pg_catalog.=) t.n::pg_catalog.name)",
          fmt::join(names, ", "));
    }
    const PgRows rows = connection.query(
        "SELECT pg_catalog.sum(pg_catalog.pg_stat_get_tuples_inserted(c.oid))::pg_catalog.int8 "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
        "ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
        "WHERE c.relkind OPERATOR(pg_catalog.=) 'r'::pg_catalog.\"char\" "
        "AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' "
        "AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema' AND " +
        filter);
    const std::string& text = rows.at(0).at(0);
    int64_t count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    return count;
  } catch (...) {
    static_cast<void>(current_failure());
    return {};
  }
}

}  // namespace pgbackup
