#include "backup/restore_target.h"

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

}  // namespace

std::vector<TableName> list_tables(PgConnection& target) {
  std::vector<TableName> tables;
  for (auto& row : target.query(kTablesSql)) {
    tables.push_back({std::move(row.at(0)), std::move(row.at(1))});
  }
  return tables;
}

void refuse_if_not_empty(PgConnection& target, std::string_view name, DumpForm form) {
  const std::vector<TableName> tables = list_tables(target);
  if (tables.empty()) return;
  throw Error(
      ErrorKind::conflict,
      fmt::format("{} is not empty: it holds {} tables, views or sequences, such as {}.{}", name,
                  tables.size(), tables[0].schema, tables[0].name),
      fmt::format("restore into another database (--target-database NAME --create){}",
                  form == DumpForm::sql ? "" : ", or let --clean drop what the backup holds"));
}

bool is_read_only(PgConnection& target) {
  // The setting itself is off in our own session.
  return target
             .query(
                 "SELECT reset_val FROM pg_catalog.pg_settings "
                 "WHERE name OPERATOR(pg_catalog.=) 'default_transaction_read_only'")
             .at(0)
             .at(0) == "on";
}

Environment restore_environment(const Environment& environment, const std::string& application,
                                bool is_read_only) {
  Environment changed = environment;
  changed["PGAPPNAME"] = application;
  changed["LC_ALL"] = "C";
  if (!is_read_only) return changed;
  std::string& options = changed["PGOPTIONS"];
  options += (options.empty() ? "" : " ");
  options += "-c default_transaction_read_only=off";
  return changed;
}

}  // namespace pgbackup
