#include "backup/restore/clean_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "common/base/error.h"
#include "common/base/process.h"
#include "common/codec/sink.h"

namespace pgbackup {
namespace {

/// Limits the table of contents to that of a database with a million objects.
constexpr size_t kMostListBytes = size_t{256} << 20U;
constexpr std::chrono::minutes kListLimit{10};

/// Selects PostgreSQL's pg_depend, by the relation that each dependent object belongs to.
/// https://www.postgresql.org/docs/current/catalog-pg-depend.html
constexpr const char* kDependenciesSql =
    "SELECT DISTINCT dn.nspname, dc.relname, rn.nspname, x.name FROM ("
    "SELECT d.objid AS dependent, r.relnamespace AS schema, r.relname AS name, r.oid AS referenced "
    "FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) "
    "d.refobjid WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass "
    "AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass "
    "UNION ALL SELECT w.ev_class, r.relnamespace, r.relname, r.oid FROM pg_catalog.pg_depend d "
    "JOIN pg_catalog.pg_rewrite w ON w.oid OPERATOR(pg_catalog.=) d.objid "
    "JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) d.refobjid "
    "WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass "
    "AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass "
    "UNION ALL SELECT a.adrelid, r.relnamespace, r.relname, r.oid FROM pg_catalog.pg_depend d "
    "JOIN pg_catalog.pg_attrdef a ON a.oid OPERATOR(pg_catalog.=) d.objid "
    "JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) d.refobjid "
    "WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_attrdef'::pg_catalog.regclass "
    "AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass "
    "UNION ALL SELECT c.conrelid, r.relnamespace, r.relname, r.oid FROM pg_catalog.pg_constraint c "
    "JOIN pg_catalog.pg_class r ON r.oid OPERATOR(pg_catalog.=) c.confrelid "
    "WHERE c.contype OPERATOR(pg_catalog.=) 'f'::pg_catalog.\"char\" "
    "UNION ALL SELECT d.objid, t.typnamespace, t.typname, t.typrelid FROM pg_catalog.pg_depend d "
    "JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) d.refobjid "
    "WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass "
    "AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass) x "
    "JOIN pg_catalog.pg_class dc ON dc.oid OPERATOR(pg_catalog.=) x.dependent "
    "JOIN pg_catalog.pg_namespace dn ON dn.oid OPERATOR(pg_catalog.=) dc.relnamespace "
    "JOIN pg_catalog.pg_namespace rn ON rn.oid OPERATOR(pg_catalog.=) x.schema "
    "WHERE x.dependent OPERATOR(pg_catalog.<>) x.referenced "
    "AND dn.nspname OPERATOR(pg_catalog.<>) 'information_schema' "
    "AND dn.nspname OPERATOR(pg_catalog.!~) '^pg_' "
    "AND dc.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f}'::pg_catalog.\"char\"[]) "
    "ORDER BY 1, 2, 3, 4";

/// Names the schema that pg_dump never drops, since initdb makes it.
constexpr std::string_view kPublic = "public";

std::string title(const TableName& table) { return fmt::format("{}.{}", table.schema, table.name); }

/// Writes to the stdin of `pg_restore --list`, which stops reading when it has seen enough.
class ListSink final : public Sink {
 public:
  explicit ListSink(Process& process) : process_(process) {}
  void write(std::string_view bytes) override { open_ = open_ && process_.write(bytes); }
  void finish() override {}
  [[nodiscard]] bool is_open() const { return open_; }

 private:
  Process& process_;
  bool open_ = true;
};

}  // namespace

/// Reads lines such as `215; 1259 16386 TABLE public users owner`. Names may hold whitespace, so
/// what stands before the owner is compared as a whole.
ArchiveContents::ArchiveContents(std::string_view list) {
  constexpr std::string_view kSchema = " SCHEMA - ";
  while (!list.empty()) {
    const std::string_view line = list.substr(0, list.find('\n'));
    list.remove_prefix(std::min(line.size() + 1, list.size()));
    for (const std::string_view type : {" TABLE ", " VIEW ", " SEQUENCE ", " TYPE ", " DOMAIN "}) {
      const size_t at = line.find(type);
      if (at != std::string_view::npos) known_.emplace(line.substr(at + type.size()));
    }
    const size_t at = line.find(kSchema);
    if (at != std::string_view::npos) schemas_.emplace(line.substr(at + kSchema.size()));
  }
}

ArchiveContents::ArchiveContents(const Part& part) {
  for (const TocEntry* entry : part.entries) {
    const bool is_known = is_relation(*entry) || entry->kind == "SEQUENCE" ||
                          entry->kind == "TYPE" || entry->kind == "DOMAIN";
    const std::string name = fmt::format("{} {}", entry->name, entry->owner);
    if (is_known) known_.insert(fmt::format("{} {}", entry->schema, name));
    if (entry->kind == "SCHEMA") schemas_.insert(name);
  }
}

bool ArchiveContents::holds(const TableName& name) const {
  const std::string start = fmt::format("{} {} ", name.schema, name.name);
  const auto found = known_.lower_bound(start);
  return found != known_.end() && found->starts_with(start);
}

bool ArchiveContents::holds_schema(std::string_view name) const {
  const std::string start = fmt::format("{} ", name);
  const auto found = schemas_.lower_bound(start);
  return name != kPublic && found != schemas_.end() && found->starts_with(start);
}

std::string table_of_contents(StoredDump& dump, const ClientProgram& pg_restore,
                              const Environment& environment, const std::stop_token& stop) {
  Process process({.argv = {pg_restore.path.string(), "--list", "--format=custom"},
                   .environment = client_environment(environment, false),
                   .limit = kListLimit},
                  stop);
  ListSink sink(process);
  dump.copy_head(sink, [&] { return !sink.is_open(); });
  process.close_stdin();
  std::string text;
  std::array<char, 65536> buffer{};
  while (const size_t got = process.read(buffer)) {
    text.append(buffer.data(), got);
    if (text.size() > kMostListBytes) {
      throw Error(ErrorKind::corrupt, "the archive's table of contents has more than 256 MiB");
    }
  }
  if (!process.wait()) {
    throw Error(ErrorKind::corrupt,
                fmt::format("pg_restore cannot read the archive: {}", process.errors()));
  }
  return text;
}

std::vector<Dependency> list_dependencies(PgConnection& target) {
  std::vector<Dependency> all;
  for (const auto& row : target.query(kDependenciesSql)) {
    all.push_back({{row.at(0), row.at(1)}, {row.at(2), row.at(3)}});
  }
  return all;
}

std::vector<std::string> tables_unknown_to(const std::vector<TableName>& tables,
                                           const ArchiveContents& contents) {
  std::vector<std::string> unknown;
  for (const TableName& table : tables) {
    if (!contents.holds(table)) unknown.push_back(title(table));
  }
  return unknown;
}

std::vector<std::string> tables_in_the_way(const std::vector<TableName>& tables,
                                           const std::vector<Dependency>& all,
                                           const ArchiveContents& contents) {
  std::vector<std::string> found;
  for (const TableName& table : tables) {
    if (contents.holds(table)) continue;
    if (contents.holds_schema(table.schema)) {
      found.push_back(fmt::format("{} (in the schema {})", title(table), table.schema));
      continue;
    }
    const auto uses_known = [&](const Dependency& dependency) {
      return dependency.dependent.schema == table.schema &&
             dependency.dependent.name == table.name && contents.holds(dependency.on);
    };
    const auto first = std::find_if(all.begin(), all.end(), uses_known);
    if (first != all.end()) {
      found.push_back(fmt::format("{} (depends on {})", title(table), title(first->on)));
    }
  }
  return found;
}

void refuse_what_is_in_the_way(PgConnection& target, const std::vector<TableName>& tables,
                               const ArchiveContents& contents) {
  const std::vector<std::string> found =
      tables_in_the_way(tables, list_dependencies(target), contents);
  if (found.empty()) return;
  throw Error(ErrorKind::conflict,
              fmt::format("--clean would fail, or drop what the backup does not know: {}",
                          fmt::join(found, ", ")),
              "drop or move them first (DETACH a partition), or restore into a new database: "
              "--target-database NAME --create");
}

}  // namespace pgbackup
