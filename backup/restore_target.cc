#include "backup/restore_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "common/base/error.h"

namespace pgbackup {
namespace {

/// Since PostgreSQL 15 a database may have another locale provider than libc.
constexpr int kFirstWithProviders = 150000;
constexpr auto kCreateLimit = std::chrono::minutes(10);

/// Settings that hold a list of names, kept as `"$user", public`: each is an own literal in SQL.
/// variable_is_guc_list_quote() in PostgreSQL's src/fe_utils/string_utils.c / dumputils.c
constexpr std::array<std::string_view, 6> kListSettings = {
    "local_preload_libraries",  "search_path",      "session_preload_libraries",
    "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories"};

/// The literal, or literals, behind `ALTER DATABASE ... SET name TO`.
std::string setting_value(const PgConnection& connection, const std::string& variable,
                          const std::string& value) {
  if (std::find(kListSettings.begin(), kListSettings.end(), variable) == kListSettings.end()) {
    return connection.quote_literal(value);
  }
  std::vector<std::string> literals;
  for (const std::string& name : split_name_list(value)) {
    literals.push_back(connection.quote_literal(name));
  }
  return fmt::format("{}", fmt::join(literals, ", "));
}

/// Without it the new database would get template0's provider.
std::string provider_clause(const PgConnection& connection, const DatabaseProperties& properties) {
  if (connection.server_version() < kFirstWithProviders) return "";
  if (properties.locale_provider == "i") {
    return fmt::format(" LOCALE_PROVIDER icu ICU_LOCALE {}",
                       connection.quote_literal(properties.locale));
  }
  if (properties.locale_provider == "b") {
    return fmt::format(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}",
                       connection.quote_literal(properties.locale));
  }
  return " LOCALE_PROVIDER libc";
}

std::string properties_clause(const PgConnection& connection,
                              const DatabaseProperties& properties) {
  return fmt::format(
      " ENCODING {} LC_COLLATE {} LC_CTYPE {}{}", connection.quote_literal(properties.encoding),
      connection.quote_literal(properties.collate), connection.quote_literal(properties.ctype),
      provider_clause(connection, properties));
}

}  // namespace

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

std::vector<std::string> tables_unknown_to(const std::vector<TableName>& tables,
                                           std::string_view contents) {
  // `215; 1259 16386 TABLE public users owner`: names may hold blanks, so compare what stands
  // before the owner as a whole.
  std::set<std::string, std::less<>> known;
  while (!contents.empty()) {
    const std::string_view line = contents.substr(0, contents.find('\n'));
    contents.remove_prefix(std::min(line.size() + 1, contents.size()));
    for (const std::string_view type : {" TABLE ", " VIEW ", " SEQUENCE "}) {
      const size_t at = line.find(type);
      if (at != std::string_view::npos) known.emplace(line.substr(at + type.size()));
    }
  }
  std::vector<std::string> unknown;
  for (const TableName& table : tables) {
    const std::string start = fmt::format("{} {} ", table.schema, table.name);
    const auto found = known.lower_bound(start);
    if (found == known.end() || !found->starts_with(start)) {
      unknown.push_back(fmt::format("{}.{}", table.schema, table.name));
    }
  }
  return unknown;
}

std::vector<std::string> split_name_list(std::string_view text) {
  std::vector<std::string> names;
  std::string name;
  bool quoted = false;
  bool begun = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      const bool doubled = quoted && i + 1 < text.size() && text[i + 1] == '"';
      if (doubled) name += text[++i];
      quoted = doubled || !quoted;
      begun = true;
    } else if (c == ',' && !quoted) {
      names.push_back(std::exchange(name, ""));
      begun = false;
    } else if (c != ' ' || quoted) {
      name += c;
      begun = true;
    }
  }
  if (begun || !names.empty()) names.push_back(name);
  return names;
}

void create_database(PgConnection& maintenance, const std::string& name,
                     const DatabaseProperties* properties) {
  const std::string sql = fmt::format(
      "CREATE DATABASE {} WITH TEMPLATE template0{}", maintenance.quote_identifier(name),
      properties == nullptr ? "" : properties_clause(maintenance, *properties));
  try {
    maintenance.query(sql, {}, kCreateLimit);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::conflict) {
      throw Error(ErrorKind::conflict, fmt::format("the database {} exists already", name),
                  "leave out --create to restore into it, or name another --target-database");
    }
    if (error.kind() == ErrorKind::denied) {
      throw Error(ErrorKind::denied, error.message(),
                  "set DB_USER and DB_PASSWORD to a role that may create databases (CREATEDB)");
    }
    throw;
  }
}

void apply_settings(PgConnection& maintenance, const std::string& name,
                    const DatabaseProperties& properties) {
  for (const std::string& setting : properties.settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos) continue;
    const std::string variable = setting.substr(0, equals);
    const std::string value = setting.substr(equals + 1);
    maintenance.query(fmt::format(
        "ALTER DATABASE {} SET {} TO {}", maintenance.quote_identifier(name),
        maintenance.quote_identifier(variable), setting_value(maintenance, variable, value)));
  }
}

void drop_created_database(const PgConfig& config, const std::string& name, Log& log) {
  try {
    PgConnection maintenance = connect_maintenance(config, {});
    // pg_restore's session may still be ending. FORCE came with PostgreSQL 13.
    maintenance.query(fmt::format("DROP DATABASE {}{}", maintenance.quote_identifier(name),
                                  maintenance.server_version() >= 130000 ? " WITH (FORCE)" : ""));
    log.info(fmt::format("dropped the database {} again", name));
  } catch (const Error& error) {
    log.error(fmt::format("could not drop the database {} again: {}", name, error.what()));
  }
}

Environment restore_environment(const Environment& environment) {
  Environment changed = environment;
  std::string& options = changed["PGOPTIONS"];
  options += (options.empty() ? "" : " ");
  options += "-c default_transaction_read_only=off";
  return changed;
}

}  // namespace pgbackup
