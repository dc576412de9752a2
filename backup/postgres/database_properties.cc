#include "backup/postgres/database_properties.h"

#include <fmt/format.h>

#include <charconv>

namespace pgbackup {
namespace {

/// Selects the privileges on the database. Grants of several grantors are one; a role that is gone
/// has none. PUBLIC has no name.
constexpr const char* kGrantsSql =
    "SELECT CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN '' ELSE r.rolname "
    "END, a.privilege_type, pg_catalog.bool_or(a.is_grantable) FROM pg_catalog.pg_database d "
    "CROSS JOIN LATERAL pg_catalog.aclexplode(d.datacl) a LEFT JOIN pg_catalog.pg_roles r "
    "ON r.oid OPERATOR(pg_catalog.=) a.grantee "
    "WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() "
    "AND (a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid OR r.rolname IS NOT NULL) "
    "GROUP BY 1, 2 ORDER BY 1, 2";

constexpr const char* kRoleSettingsSql =
    "SELECT r.rolname, c.setting FROM pg_catalog.pg_db_role_setting s "
    "JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase "
    "JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) s.setrole "
    "CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) WITH ORDINALITY c(setting, place) "
    "WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() "
    "ORDER BY r.rolname, c.place";

int to_limit(const std::string& text) {
  int limit = -1;
  std::from_chars(text.data(), text.data() + text.size(), limit);
  return limit;
}

}  // namespace

std::string further_properties_sql(int version) {
  return fmt::format(
      "SELECT pg_catalog.pg_get_userbyid(d.datdba), "
      "pg_catalog.shobj_description(d.oid, 'pg_database'), t.spcname, d.datconnlimit, "
      "d.datistemplate, d.datacl IS NULL, {} FROM pg_catalog.pg_database d "
      "JOIN pg_catalog.pg_tablespace t ON t.oid OPERATOR(pg_catalog.=) d.dattablespace "
      "WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()",
      version >= kFirstWithIcuRules ? "d.daticurules" : "''");
}

void read_further_properties(PgConnection& connection, DatabaseProperties& properties) {
  const PgRows rows = connection.query(further_properties_sql(connection.server_version()));
  const std::vector<std::string>& row = rows.at(0);
  properties.owner = row.at(0);
  properties.comment = row.at(1);
  if (row.at(2) != "pg_default") properties.tablespace = row.at(2);
  properties.connection_limit = to_limit(row.at(3));
  properties.is_template = row.at(4) == "t";
  properties.icu_rules = row.at(6);
  if (row.at(5) == "f") {
    std::vector<DatabaseGrant>& grants = properties.grants.emplace();
    for (const auto& grant : connection.query(kGrantsSql)) {
      grants.push_back({grant.at(0), grant.at(1), grant.at(2) == "t"});
    }
  }
  for (const auto& setting : connection.query(kRoleSettingsSql)) {
    properties.role_settings.push_back({setting.at(0), setting.at(1)});
  }
}

}  // namespace pgbackup
