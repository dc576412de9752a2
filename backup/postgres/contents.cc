#include "backup/postgres/contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

/// Matches what is neither PostgreSQL's own nor of an extension.
constexpr const char* kOwnRelations =
    "FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
    "WHERE n.nspname OPERATOR(pg_catalog.<>) 'information_schema' "
    "AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d "
    "WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass "
    "AND d.objid OPERATOR(pg_catalog.=) c.oid AND d.deptype OPERATOR(pg_catalog.=) 'e')";

constexpr const char* kRolesSql =
    "SELECT DISTINCT r.rolname FROM pg_catalog.pg_shdepend s "
    "JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.refobjid "
    "JOIN pg_catalog.pg_database b ON b.oid OPERATOR(pg_catalog.=) s.dbid "
    "WHERE s.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_authid'::pg_catalog.regclass "
    "AND b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() "
    "AND r.rolname OPERATOR(pg_catalog.!~) '^pg_' ORDER BY 1 LIMIT 501";

uint64_t to_count(const std::string& text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<InstalledExtension> read_extensions(PgConnection& connection) {
  std::vector<InstalledExtension> extensions;
  for (auto& row : connection.query(
           "SELECT e.extname, n.nspname FROM pg_catalog.pg_extension e JOIN "
           "pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace")) {
    extensions.push_back({std::move(row.at(0)), std::move(row.at(1))});
  }
  std::sort(extensions.begin(), extensions.end());
  return extensions;
}

/// Returns no role where there are too many.
std::vector<std::string> read_roles(PgConnection& connection) {
  std::vector<std::string> roles;
  for (auto& row : connection.query(kRolesSql)) roles.push_back(std::move(row.at(0)));
  if (roles.size() > kMostRoles) roles.clear();
  std::sort(roles.begin(), roles.end());
  return roles;
}

struct FoundTable {
  std::string oid;
  TableRows table;
  bool is_small = false;
};

/// Returns the next tables that hold rows themselves, in the order of their OIDs.
std::vector<FoundTable> next_tables(PgConnection& connection, const std::string& after) {
  constexpr const char* kRest =
      " AND c.relkind OPERATOR(pg_catalog.=) 'r' "
      "AND c.oid OPERATOR(pg_catalog.>) $1::pg_catalog.oid ORDER BY c.oid LIMIT 500";
  std::vector<FoundTable> tables;
  for (auto& row : connection.query(
           fmt::format("SELECT c.oid, n.nspname, c.relname, "
                       "pg_catalog.pg_relation_size(c.oid) OPERATOR(pg_catalog.<=) 1048576 {}{}",
                       kOwnRelations, kRest),
           {after})) {
    tables.push_back(
        {std::move(row.at(0)), {std::move(row.at(1)), std::move(row.at(2))}, row.at(3) == "t"});
  }
  return tables;
}

uint64_t count_table(PgConnection& connection, const TableRows& table) {
  constexpr std::chrono::hours kLimit{24};
  return to_count(connection
                      .query(fmt::format("SELECT pg_catalog.count(*) FROM ONLY {}.{}",
                                         connection.quote_identifier(table.schema),
                                         connection.quote_identifier(table.table)),
                             {}, kLimit)
                      .at(0)
                      .at(0));
}

using Wanted = std::function<bool(const FoundTable&)>;

/// Calls `take` for each table that is wanted, with its rows, until `goes_on` returns false.
void visit_rows(PgConnection& connection, const Wanted& wanted,
                const std::function<bool()>& goes_on, const std::function<void(TableRows)>& take) {
  std::string after = "0";
  while (true) {
    const std::vector<FoundTable> tables = next_tables(connection, after);
    if (tables.empty()) return;
    for (const FoundTable& found : tables) {
      if (!goes_on()) return;
      if (!wanted(found)) continue;
      TableRows counted = found.table;
      counted.rows = count_table(connection, counted);
      take(std::move(counted));
    }
    after = tables.back().oid;
  }
}

using TableKey = std::pair<std::string_view, std::string_view>;
TableKey key_of(const TableRows& table) { return {table.schema, table.table}; }

std::optional<uint64_t> rows_of(const DumpContents& contents, const TableRows& table) {
  const auto found = std::lower_bound(
      contents.rows.begin(), contents.rows.end(), table,
      [](const TableRows& a, const TableRows& b) { return key_of(a) < key_of(b); });
  if (found == contents.rows.end() || key_of(*found) != key_of(table)) return std::nullopt;
  return found->rows;
}

}  // namespace

DumpContents read_contents(PgConnection& connection) {
  const PgRows counts = connection.query(fmt::format(
      "SELECT pg_catalog.count(*) FILTER (WHERE c.relkind OPERATOR(pg_catalog.=) ANY "
      "('{{r,p}}'::pg_catalog.\"char\"[])), pg_catalog.count(*) FILTER (WHERE c.relkind "
      "OPERATOR(pg_catalog.=) 'S'), (SELECT pg_catalog.count(*) FROM "
      "pg_catalog.pg_largeobject_metadata) {}",
      kOwnRelations));
  DumpContents contents{.tables = to_count(counts.at(0).at(0)),
                        .sequences = to_count(counts.at(0).at(1)),
                        .large_objects = to_count(counts.at(0).at(2)),
                        .extensions = read_extensions(connection),
                        .roles = read_roles(connection)};
  return contents;
}

void count_rows(PgConnection& connection, CountRows which, const std::function<bool()>& goes_on,
                DumpContents& contents) {
  if (which == CountRows::none) return;
  size_t bytes = 0;
  const auto has_room = [&](const TableRows& table) {
    return contents.rows.size() < kMostCountedTables &&
           bytes + table.schema.size() + table.table.size() <= kMaxCountedBytes &&
           as_utf8(table.schema) == table.schema && as_utf8(table.table) == table.table;
  };
  visit_rows(
      connection,
      [&](const FoundTable& found) {
        return which == CountRows::full || (found.is_small && has_room(found.table));
      },
      goes_on,
      [&](TableRows counted) {
        if (has_room(counted)) {
          bytes += counted.schema.size() + counted.table.size();
          contents.rows.push_back(std::move(counted));
        } else {
          ++contents.further_tables;
          contents.further_rows += counted.rows;
        }
      });
}

DumpContents read_contents_like(PgConnection& connection, const DumpContents& noted) {
  DumpContents contents = read_contents(connection);
  const auto is_named = [&](const TableRows& table) { return rows_of(noted, table).has_value(); };
  visit_rows(
      connection,
      [&](const FoundTable& found) { return noted.further_tables > 0 || is_named(found.table); },
      [] { return true; },
      [&](TableRows counted) {
        if (is_named(counted)) {
          contents.rows.push_back(std::move(counted));
        } else {
          ++contents.further_tables;
          contents.further_rows += counted.rows;
        }
      });
  std::sort(contents.rows.begin(), contents.rows.end());
  return contents;
}

std::vector<std::string> compare_contents(const DumpContents& noted, const DumpContents& restored) {
  std::vector<std::string> differences;
  const auto add = [&](const std::string& text) {
    if (differences.size() < kMostDifferences) differences.push_back(printable(text));
  };
  const auto compare = [&](std::string_view what, uint64_t was, uint64_t is) {
    if (was != is) add(fmt::format("{} {} were dumped, and {} restored", was, what, is));
  };
  compare("tables", noted.tables, restored.tables);
  compare("sequences", noted.sequences, restored.sequences);
  compare("large objects", noted.large_objects, restored.large_objects);
  for (const InstalledExtension& extension : noted.extensions) {
    if (!std::binary_search(restored.extensions.begin(), restored.extensions.end(), extension)) {
      add(fmt::format("the extension {} in the schema {} is missing", extension.name,
                      extension.schema));
    }
  }
  for (const TableRows& table : noted.rows) {
    const std::optional<uint64_t> rows = rows_of(restored, table);
    if (!rows) {
      add(fmt::format("{}.{} is missing", table.schema, table.table));
    } else if (*rows != table.rows) {
      add(fmt::format("{}.{} had {} rows in the dump, and has {}", table.schema, table.table,
                      table.rows, *rows));
    }
  }
  if (noted.further_tables > 0) {
    compare("further tables", noted.further_tables, restored.further_tables);
    compare("rows of further tables", noted.further_rows, restored.further_rows);
  }
  return differences;
}

std::string describe_contents(const DumpContents& contents) {
  return fmt::format(
      "{} tables, {} sequences, {} extensions, {} large objects, the rows of {} tables",
      contents.tables, contents.sequences, contents.extensions.size(), contents.large_objects,
      contents.rows.size() + contents.further_tables);
}

}  // namespace pgbackup
