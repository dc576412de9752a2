#include "backup/restore/target_database.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"

namespace pgbackup {
namespace {

constexpr const char* kTablesSql =
    "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
    "WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,S,f}'::pg_catalog.\"char\"[]) "
    "AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema' "
    "AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' "
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d "
    "WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass "
    "AND d.objid OPERATOR(pg_catalog.=) c.oid "
    "AND d.deptype OPERATOR(pg_catalog.=) ANY ('{e,i}'::pg_catalog.\"char\"[])) ORDER BY 1, 2";

/// Selects settings with a value that a session of pg_restore or psql must not begin with, and the
/// value that it needs. With array_nulls off, NULL in an array becomes the text "NULL". pg_restore
/// lifts limits of time itself, but only after statements that a short one may end.
constexpr const char* kHarmfulSql =
    "SELECT name, CASE WHEN name OPERATOR(pg_catalog.=) 'default_transaction_read_only' THEN 'off' "
    "WHEN name OPERATOR(pg_catalog.=) 'array_nulls' THEN 'on' ELSE '0' END "
    "FROM pg_catalog.pg_settings WHERE "
    "(name OPERATOR(pg_catalog.=) 'default_transaction_read_only' "
    "AND reset_val OPERATOR(pg_catalog.=) 'on') OR "
    "(name OPERATOR(pg_catalog.=) 'array_nulls' AND reset_val OPERATOR(pg_catalog.=) 'off') OR "
    "CASE WHEN name OPERATOR(pg_catalog.=) ANY ('{statement_timeout,lock_timeout,"
    "idle_in_transaction_session_timeout,idle_session_timeout,transaction_timeout}') "
    "THEN reset_val::pg_catalog.int4 BETWEEN 1 AND 10000 ELSE false END";

}  // namespace

std::vector<TableName> list_tables(PgConnection& target) {
  std::vector<TableName> tables;
  for (auto& row : target.query(kTablesSql)) {
    tables.push_back({std::move(row.at(0)), std::move(row.at(1))});
  }
  return tables;
}

bool database_exists(PgConnection& server, const std::string& name) {
  return !server
              .query("SELECT FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) $1",
                     {name})
              .empty();
}

void refuse_if_not_empty(PgConnection& target, std::string_view name, StreamFormat form) {
  const std::vector<TableName> tables = list_tables(target);
  if (tables.empty()) return;
  throw Error(
      ErrorKind::conflict,
      fmt::format("'{}' is not empty: it holds {} tables, views or sequences, such as {}.{}", name,
                  tables.size(), tables[0].schema, tables[0].name),
      fmt::format(
          "restore into another database (--target-database NAME --create){}",
          form == StreamFormat::plain ? "" : ", or let --clean drop what the backup holds"));
}

std::string session_options(PgConnection& target) {
  std::string options;
  // Our own session does not begin like others.
  for (const auto& row : target.query(kHarmfulSql)) {
    options += fmt::format("{}-c {}={}", options.empty() ? "" : " ", row.at(0), row.at(1));
  }
  return options;
}

PgConfig session_config(PgConfig target, const Environment& environment,
                        const std::string& application, const std::string& options) {
  target.further.emplace_back("application_name", application);
  if (options.empty()) return target;
  const auto variable = environment.find("PGOPTIONS");
  std::string all = variable == environment.end() ? "" : variable->second;
  for (const auto& [key, value] : target.further) {
    if (key == "options") all = value;
  }
  target.further.emplace_back("options",
                              fmt::format("{}{}{}", all, all.empty() ? "" : " ", options));
  return target;
}

Environment restore_environment(const Environment& environment) {
  Environment changed = environment;
  changed["LC_ALL"] = std::string("C");
  return changed;
}

}  // namespace pgbackup
