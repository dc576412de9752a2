#include "backup/restore_target.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"

namespace pgbackup {
std::vector<TableName> list_tables(PgConnection& target) {
  std::vector<TableName> tables;
  for (auto& row : target.query(
           "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = "
           "c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') "
           "and n.nspname <> 'information_schema' and n.nspname !~ '^pg_' "
           "and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass "
           "and d.objid = c.oid and d.deptype in ('e', 'i')) order by 1, 2")) {
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
  return target.query("SELECT pg_catalog.current_setting('default_transaction_read_only')")
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
