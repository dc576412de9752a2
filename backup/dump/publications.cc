#include "backup/dump/publications.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "common/catalog/manifest.h"

namespace pgbackup {
namespace {

constexpr int kFirstMajor = 18;  // the first pg_dump that names what is left out
constexpr size_t kMostNamed = 5;
/// Names the options with which no member of a publication is dumped.
constexpr std::array<std::string_view, 8> kWithout = {
    "no-publications", "schema",    "table",   "table-and-children",
    "extension",       "data-only", "section", "statistics-only"};

/// Holds what pg_dump leaves out of a dump that holds everything else.
struct Excluded {
  std::vector<DumpPattern> schemas;
  std::vector<DumpPattern> tables;
};

Excluded excluded_by(std::span<const GivenDumpFlag> flags) {
  Excluded excluded;
  for (const GivenDumpFlag& flag : flags) {
    if (std::find(kWithout.begin(), kWithout.end(), flag.name) != kWithout.end()) return {};
    if (flag.name == "exclude-schema") {
      excluded.schemas.push_back(parse_dump_pattern(flag.value));
    } else if (flag.name == "exclude-table" || flag.name == "exclude-table-and-children") {
      excluded.tables.push_back(parse_dump_pattern(flag.value));
    }
  }
  return excluded;
}

std::string matches(const PgConnection& connection, std::string_view column,
                    const std::string& regex) {
  return fmt::format("{} OPERATOR(pg_catalog.~) {}", column, connection.quote_literal(regex));
}

/// Returns the condition. `schema` and `table` are columns; without a table only whole schemas
/// match.
std::string condition(const PgConnection& connection, const Excluded& excluded,
                      std::string_view schema, std::string_view table) {
  std::vector<std::string> any;
  for (const DumpPattern& pattern : excluded.schemas) {
    any.push_back(matches(connection, schema, pattern.name));
  }
  for (const DumpPattern& pattern : excluded.tables) {
    if (table.empty()) break;
    std::string name = matches(connection, table, pattern.name);
    if (!pattern.schema.empty()) name += " and " + matches(connection, schema, pattern.schema);
    any.push_back(std::move(name));
  }
  return any.empty() ? "false" : fmt::format("({})", fmt::join(any, " or "));
}

std::string members_sql(const PgConnection& connection, const Excluded& excluded) {
  std::string sql = fmt::format(
      "select pg_catalog.format('%I names %I.%I', p.pubname, n.nspname, c.relname) "
      "from pg_catalog.pg_publication_rel r "
      "join pg_catalog.pg_publication p on p.oid OPERATOR(pg_catalog.=) r.prpubid "
      "join pg_catalog.pg_class c on c.oid OPERATOR(pg_catalog.=) r.prrelid "
      "join pg_catalog.pg_namespace n on n.oid OPERATOR(pg_catalog.=) c.relnamespace where {}",
      condition(connection, excluded, "n.nspname", "c.relname"));
  if (connection.server_version() >= 150000) {
    sql += fmt::format(
        " union all select pg_catalog.format('%I names the schema %I', p.pubname, n.nspname) "
        "from pg_catalog.pg_publication_namespace m "
        "join pg_catalog.pg_publication p on p.oid OPERATOR(pg_catalog.=) m.pnpubid "
        "join pg_catalog.pg_namespace n on n.oid OPERATOR(pg_catalog.=) m.pnnspid where {}",
        condition(connection, excluded, "n.nspname", ""));
  }
  return sql + " order by 1";
}

}  // namespace

// patternToSQLRegex() in PostgreSQL's src/fe_utils/string_utils.c
DumpPattern parse_dump_pattern(std::string_view pattern) {
  constexpr std::string_view kSpecial = "|*+?()[]{}.^\\";
  std::vector<std::string> parts(1);
  bool is_quoted = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    std::string& part = parts.back();
    if (c == '"') {
      const bool is_doubled = is_quoted && pattern.substr(i + 1).starts_with('"');
      if (is_doubled) {
        part += c;
        ++i;
      } else {
        is_quoted = !is_quoted;
      }
    } else if (c == '$' || (is_quoted && kSpecial.find(c) != std::string_view::npos)) {
      part += '\\';
      part += c;
    } else if (is_quoted) {
      part += c;
    } else if (c == '.') {
      parts.emplace_back();
    } else if (c == '*') {
      part += ".*";
    } else if (c == '?') {
      part += '.';
    } else {
      part += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  const auto whole = [](const std::string& part) { return fmt::format("^({})$", part); };
  return {parts.size() < 2 ? "" : whole(parts[parts.size() - 2]), whole(parts.back())};
}

std::string publications_warning(PgConnection& connection, std::span<const GivenDumpFlag> flags,
                                 int client_version) {
  if (major_version(client_version) < kFirstMajor) return {};
  const Excluded excluded = excluded_by(flags);
  if (excluded.schemas.empty() && excluded.tables.empty()) return {};
  std::vector<std::string> members;
  for (const auto& row : connection.query(members_sql(connection, excluded))) {
    members.push_back(row.at(0));
  }
  if (members.empty()) return {};
  const size_t more = members.size() - std::min(members.size(), kMostNamed);
  members.resize(members.size() - more);
  return fmt::format(
      "the publication {}{}, which this backup leaves out: pg_dump {} writes the publication all "
      "the same, so that only a restore with --no-publications gets through",
      fmt::join(members, "; the publication "),
      more == 0 ? "" : fmt::format(" (and {} more)", more), major_version(client_version));
}

}  // namespace pgbackup
