#include "backup/postgres/server_info.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "backup/postgres/database_properties.h"
#include "common/base/error.h"

namespace pgbackup {
namespace {

template <class Number>
Number to_number(const std::string& text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Selects the name, the number of tables, their bytes, and whether there are large objects.
constexpr const char* kSizesSql =
    "SELECT pg_catalog.current_database(), "
    "pg_catalog.count(*) "
    "FILTER (WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog.\"char\"[])), "
    "coalesce(pg_catalog.sum(c.relpages::pg_catalog.int8 "
    "OPERATOR(pg_catalog.+) coalesce(t.relpages, 0)), 0)::pg_catalog.int8 "
    "OPERATOR(pg_catalog.*) pg_catalog.current_setting('block_size')::pg_catalog.int8, "
    "EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata) "
    "FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
    "LEFT JOIN pg_catalog.pg_class t ON t.oid OPERATOR(pg_catalog.=) c.reltoastrelid "
    "WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,m}'::pg_catalog.\"char\"[]) "
    "AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema' "
    "AND n.nspname OPERATOR(pg_catalog.!~) '^pg_'";

/// Returns the query for the locale of a database: its columns in pg_database were renamed twice.
std::string properties_sql(int version) {
  std::string provider = "'c'";
  std::string locale = "''";
  if (version >= 150000) {
    provider = "datlocprovider";
    locale = version >= 170000 ? "datlocale" : "daticulocale";
  }
  return fmt::format(
      "SELECT pg_catalog.pg_encoding_to_char(encoding), {}, datcollate, datctype, {} "
      "FROM pg_catalog.pg_database "
      "WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()",
      provider, locale);
}

std::string read_system_identifier(PgConnection& connection) {
  try {
    return connection.query("SELECT system_identifier FROM pg_catalog.pg_control_system()")
        .at(0)
        .at(0);
  } catch (const Error& error) {
    // Some providers revoke the privilege; the manifest then does without.
    if (error.kind() == ErrorKind::canceled || error.kind() == ErrorKind::transient) throw;
    return "";
  }
}

}  // namespace

DatabaseProperties read_properties(PgConnection& connection) {
  const PgRows rows = connection.query(properties_sql(connection.server_version()));
  const std::vector<std::string>& row = rows.at(0);
  DatabaseProperties properties{row[0], row[1], row[2], row[3], row[4], {}};
  for (const auto& setting : connection.query(
           "SELECT pg_catalog.unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s "
           "JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase "
           "WHERE s.setrole OPERATOR(pg_catalog.=) 0 "
           "AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()")) {
    properties.settings.push_back(setting.at(0));
  }
  read_further_properties(connection, properties);
  return properties;
}

ServerInfo read_globals_info(PgConnection& connection) {
  const PgRows rows = connection.query(
      "SELECT pg_catalog.current_database(), "
      "pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')");
  ServerInfo info{.database = rows.at(0).at(0),
                  .version = connection.server_version(),
                  .system_identifier = read_system_identifier(connection),
                  .properties = {}};
  info.may_read_passwords = rows.at(0).at(1) == "t";
  return info;
}

ServerInfo read_server_info(PgConnection& connection) {
  const PgRows sizes = connection.query(kSizesSql);
  return {.database = sizes.at(0).at(0),
          .version = connection.server_version(),
          .system_identifier = read_system_identifier(connection),
          .tables = to_number<int64_t>(sizes.at(0).at(1)),
          .table_bytes = to_number<uint64_t>(sizes.at(0).at(2)),
          .properties = read_properties(connection),
          .has_large_objects = sizes.at(0).at(3) == "t"};
}

}  // namespace pgbackup
