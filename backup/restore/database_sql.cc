#include "backup/restore/database_sql.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "backup/postgres/database_properties.h"

namespace pgbackup {
namespace {

/// Gives the first version where a database may have another locale provider than libc.
constexpr int kFirstWithProviders = 150000;
constexpr int kFirstWithBuiltin = 170000;
/// Gives the first version that writes an empty list as NULL.
constexpr int kFirstWithNullList = 190000;

/// Names the settings that hold a list of names, kept as `"$user", public`; each name is a literal
/// of its own in SQL. See variable_is_guc_list_quote() in PostgreSQL's src/bin/pg_dump/dumputils.c.
constexpr std::array<std::string_view, 6> kListSettings = {
    "local_preload_libraries",  "search_path",      "session_preload_libraries",
    "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories"};

/// Names the settings under which a session could not restore, or not even begin.
constexpr std::array<std::string_view, 6> kHindering = {"array_nulls",
                                                        "default_transaction_read_only",
                                                        "local_preload_libraries",
                                                        "session_preload_libraries",
                                                        "transaction_read_only",
                                                        "role"};

/// Names the privileges on a database. https://www.postgresql.org/docs/current/ddl-priv.html
constexpr std::array<std::string_view, 3> kPrivileges = {"CONNECT", "CREATE", "TEMPORARY"};

template <size_t count>
bool is_among(const std::array<std::string_view, count>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string in_quotes(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  result += quote;
  return result;
}

/// Returns whether the server has the locale provider of the dumped database.
bool has_provider(const DatabaseProperties& properties, int version) {
  if (properties.locale_provider == "i") return version >= kFirstWithProviders;
  if (properties.locale_provider == "b") return version >= kFirstWithBuiltin;
  return true;
}

/// Returns the clause for the locale provider; without it the new database would get template0's.
std::string provider_clause(const RestoreRequest& request, const DatabaseProperties& properties,
                            int version) {
  if (version < kFirstWithProviders) return "";
  const bool is_missing = !has_provider(properties, version);
  if (properties.locale_provider == "i") {
    const bool has_rules = !properties.icu_rules.empty() && version >= kFirstWithIcuRules;
    return fmt::format(" LOCALE_PROVIDER icu ICU_LOCALE {}{}", sql_literal(properties.locale),
                       has_rules ? " ICU_RULES " + sql_literal(properties.icu_rules) : "");
  }
  if (properties.locale_provider == "b" && !(is_missing && !request.locale.empty())) {
    return fmt::format(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}",
                       sql_literal(properties.locale));
  }
  return " LOCALE_PROVIDER libc";
}

/// Returns the literal, or literals, after `SET name TO`.
std::string setting_value(const std::string& variable, const std::string& value, int version) {
  if (!is_among(kListSettings, variable)) return sql_literal(value);
  std::vector<std::string> literals;
  for (const std::string& name : split_name_list(value)) literals.push_back(sql_literal(name));
  if (literals.empty()) return version >= kFirstWithNullList ? "NULL" : "''";
  return fmt::format("{}", fmt::join(literals, ", "));
}

/// Returns the statement for a setting of `subject`, such as `DATABASE "app"`.
PropertySql setting_sql(const std::string& subject, const std::string& setting, int version) {
  const size_t equals = setting.find('=');
  const std::string variable = setting.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : setting.substr(equals + 1);
  return {fmt::format("the setting {}", variable),
          fmt::format("ALTER {} SET {} TO {}", subject, sql_identifier(variable),
                      setting_value(variable, value, version))};
}

bool hinders(const std::string& setting) {
  return is_among(kHindering, std::string_view(setting).substr(0, setting.find('=')));
}

std::string database_of(const RestoreRequest& request) {
  return "DATABASE " + sql_identifier(request.target_database);
}

void add_owner(const RestoreRequest& request, const DatabaseProperties& properties,
               std::vector<PropertySql>& all) {
  const std::string& owner = request.no_owner ? request.role : properties.owner;
  if (owner.empty()) return;
  all.push_back({fmt::format("the owner {}", owner),
                 fmt::format("ALTER {} OWNER TO {}", database_of(request), sql_identifier(owner))});
}

/// Adds the privileges; those that were never changed are those of a new database.
void add_grants(const RestoreRequest& request, const DatabaseProperties& properties,
                std::vector<PropertySql>& all) {
  if (request.no_privileges || !properties.grants) return;
  const std::string database = database_of(request);
  all.push_back({"the revocation of everybody's privileges",
                 fmt::format("REVOKE ALL ON {} FROM PUBLIC", database)});
  for (const DatabaseGrant& grant : *properties.grants) {
    if (!is_among(kPrivileges, grant.privilege)) continue;
    const std::string who = grant.role.empty() ? "PUBLIC" : sql_identifier(grant.role);
    all.push_back({fmt::format("the privilege {} of {}", grant.privilege,
                               grant.role.empty() ? "everybody" : grant.role),
                   fmt::format("GRANT {} ON {} TO {}{}", grant.privilege, database, who,
                               grant.is_grantable ? " WITH GRANT OPTION" : "")});
  }
}

}  // namespace

std::string sql_identifier(std::string_view name) { return in_quotes(name, '"'); }

std::string sql_literal(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return in_quotes(text, '\'');
  std::string doubled;
  for (const char c : text) doubled.append(c == '\\' ? 2 : 1, c);
  return " E" + in_quotes(doubled, '\'');
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

std::string create_database_sql(const RestoreRequest& request, const DatabaseProperties* properties,
                                int version, int mark, bool has_tablespace) {
  std::string sql = fmt::format("CREATE {} WITH TEMPLATE template0", database_of(request));
  if (properties != nullptr) sql += " ENCODING " + sql_literal(properties->encoding);
  const auto add_locale = [&](const std::string& collate, const std::string& ctype) {
    sql += fmt::format(" LC_COLLATE {} LC_CTYPE {}", sql_literal(collate), sql_literal(ctype));
  };
  if (!request.locale.empty()) {
    add_locale(request.locale, request.locale);
  } else if (properties != nullptr) {
    add_locale(properties->collate, properties->ctype);
  }
  if (properties != nullptr) sql += provider_clause(request, *properties, version);
  if (properties != nullptr && has_tablespace)
    sql += " TABLESPACE " + sql_identifier(properties->tablespace);
  return sql + fmt::format(" CONNECTION LIMIT {}", mark);
}

std::vector<std::string> lost_properties(const RestoreRequest& request,
                                         const DatabaseProperties& properties, int version) {
  if (!has_provider(properties, version) &&
      (properties.locale_provider == "i" || !request.locale.empty())) {
    return {fmt::format(
        "the locale '{}' comes from a provider that this server does not have: texts "
        "sort by {} instead",
        properties.locale, request.locale.empty() ? properties.collate : request.locale)};
  }
  if (!properties.icu_rules.empty() && version < kFirstWithIcuRules) {
    return {"this server knows no ICU rules of a database: texts sort without them"};
  }
  return {};
}

std::vector<PropertySql> sql_before_restore(const RestoreRequest& request,
                                            const DatabaseProperties& properties, int version) {
  std::vector<PropertySql> all;
  add_owner(request, properties, all);
  add_grants(request, properties, all);
  if (!request.no_comments && !properties.comment.empty()) {
    all.push_back({"the comment", fmt::format("COMMENT ON {} IS {}", database_of(request),
                                              sql_literal(properties.comment))});
  }
  for (const std::string& setting : properties.settings) {
    if (!hinders(setting)) all.push_back(setting_sql(database_of(request), setting, version));
  }
  return all;
}

std::vector<PropertySql> sql_after_restore(const RestoreRequest& request,
                                           const DatabaseProperties* properties, int version) {
  const std::string database = database_of(request);
  std::vector<PropertySql> all;
  if (properties != nullptr) {
    for (const std::string& setting : properties->settings) {
      if (hinders(setting)) all.push_back(setting_sql(database, setting, version));
    }
    for (const RoleSetting& setting : properties->role_settings) {
      all.push_back(
          setting_sql(fmt::format("ROLE {} IN {}", sql_identifier(setting.role), database),
                      setting.setting, version));
      all.back().what += " of the role " + setting.role;
    }
    if (properties->is_template) {
      all.push_back(
          {"the property IS_TEMPLATE", fmt::format("ALTER {} IS_TEMPLATE true", database)});
    }
  }
  const int limit = properties == nullptr ? -1 : properties->connection_limit;
  all.push_back(
      {"the connection limit", fmt::format("ALTER {} CONNECTION LIMIT {}", database, limit)});
  return all;
}

}  // namespace pgbackup
