#include "backup/restore/existing_objects.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "common/base/error.h"

namespace pgbackup {
namespace {

/// Selects the name of a function as pg_dump writes it: with the types of its arguments.
/// See format_function_signature() in PostgreSQL's src/bin/pg_dump/pg_dump.c.
constexpr const char* kSignature =
    "pg_catalog.concat(p.proname, '(', CASE WHEN p.prokind OPERATOR(pg_catalog.=) 'a' "
    "AND p.pronargs OPERATOR(pg_catalog.=) 0 THEN '*' ELSE (SELECT pg_catalog.string_agg("
    "pg_catalog.format_type(t.type, NULL), ', ' ORDER BY t.number) FROM "
    "pg_catalog.unnest(p.proargtypes::pg_catalog.oid[]) WITH ORDINALITY t(type, number)) END, ')')";

/// Joins a catalog to its schemas, without PostgreSQL's own.
std::string in_schemas(const char* kind, const char* name, const char* catalog, const char* schema,
                       const char* filter = "true") {
  return fmt::format(
      "SELECT {}, n.nspname, {} FROM pg_catalog.{} JOIN pg_catalog.pg_namespace n "
      "ON n.oid OPERATOR(pg_catalog.=) {} WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_' "
      "AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema' AND {}",
      kind, name, catalog, schema, filter);
}

std::string objects_sql() {
  const std::vector<std::string> parts = {
      in_schemas("'TABLE'", "c.relname", "pg_class c", "c.relnamespace",
                 "c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f,S}'::pg_catalog.\"char\"[])"),
      in_schemas("'TYPE'", "t.typname", "pg_type t", "t.typnamespace"),
      in_schemas("'FUNCTION'", kSignature, "pg_proc p", "p.pronamespace"),
      in_schemas("'OPERATOR'", "o.oprname", "pg_operator o", "o.oprnamespace"),
      in_schemas("'OPERATOR CLASS'", "o.opcname", "pg_opclass o", "o.opcnamespace"),
      in_schemas("'OPERATOR FAMILY'", "o.opfname", "pg_opfamily o", "o.opfnamespace"),
      in_schemas("'COLLATION'", "c.collname", "pg_collation c", "c.collnamespace"),
      in_schemas("'CONVERSION'", "c.conname", "pg_conversion c", "c.connamespace"),
      in_schemas("'TEXT SEARCH CONFIGURATION'", "c.cfgname", "pg_ts_config c", "c.cfgnamespace"),
      in_schemas("'TEXT SEARCH DICTIONARY'", "d.dictname", "pg_ts_dict d", "d.dictnamespace"),
      in_schemas("'TEXT SEARCH PARSER'", "p.prsname", "pg_ts_parser p", "p.prsnamespace"),
      in_schemas("'TEXT SEARCH TEMPLATE'", "t.tmplname", "pg_ts_template t", "t.tmplnamespace"),
      "SELECT 'SCHEMA', '', n.nspname FROM pg_catalog.pg_namespace n",
      "SELECT 'EXTENSION', '', e.extname FROM pg_catalog.pg_extension e",
      "SELECT 'PROCEDURAL LANGUAGE', '', l.lanname FROM pg_catalog.pg_language l",
      "SELECT 'ACCESS METHOD', '', a.amname FROM pg_catalog.pg_am a",
      "SELECT 'PUBLICATION', '', p.pubname FROM pg_catalog.pg_publication p",
      "SELECT 'EVENT TRIGGER', '', e.evtname FROM pg_catalog.pg_event_trigger e",
      "SELECT 'SERVER', '', s.srvname FROM pg_catalog.pg_foreign_server s",
      "SELECT 'FOREIGN DATA WRAPPER', '', f.fdwname FROM pg_catalog.pg_foreign_data_wrapper f",
      R"(SELECT 'CAST', '', pg_catalog.format('CAST (%s AS %s)',
         pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL))
         FROM pg_catalog.pg_cast c)"};
  return fmt::format("{}", fmt::join(parts, " UNION ALL "));
}

}  // namespace

ExistingObjects list_existing(PgConnection& target) {
  ExistingObjects existing;
  for (const auto& row : target.query(objects_sql())) {
    existing.add(object_key(row.at(0), row.at(1), row.at(2)));
  }
  return existing;
}

void refuse_unfit_tables(PgConnection& target, const Part& part, const ExistingObjects& existing) {
  std::vector<std::string> unfit;
  for (const TocEntry* entry : part.entries) {
    if (entry->kind != "TABLE DATA") continue;
    const std::string title = fmt::format("{}.{}", entry->schema, entry->name);
    if (!existing.holds({.kind = "TABLE", .schema = entry->schema, .name = entry->name})) {
      unfit.push_back(title + " does not exist");
      continue;
    }
    const PgRows rows = target.query(fmt::format("SELECT FROM ONLY {}.{} LIMIT 1",
                                                 target.quote_identifier(entry->schema),
                                                 target.quote_identifier(entry->name)));
    if (!rows.empty()) unfit.push_back(title + " holds rows");
  }
  if (unfit.empty()) return;
  throw Error(ErrorKind::conflict,
              fmt::format("rows alone go only into tables that exist and are empty: {}",
                          fmt::join(unfit, ", ")),
              "empty the tables first (TRUNCATE), or restore into another database");
}

}  // namespace pgbackup
