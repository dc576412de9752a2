#include "backup/postgres/database_list.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/catalog/group.h"

namespace pgbackup {
namespace {

/// Names databases in which managed PostgreSQL keeps its own tools: of Amazon, Google, Microsoft,
/// Aiven and DigitalOcean. Customers have no privileges there.
constexpr std::array<std::string_view, 7> kOfProviders = {
    "rdsadmin",  "cloudsqladmin", "alloydbadmin", "azure_maintenance",
    "azure_sys", "_aiven",        "_dodb"};

/// Selects every database but the two that each server has for itself: its name, then the row of
/// reason_to_leave_out(). DATCONNLIMIT_INVALID_DB in PostgreSQL's src/include/catalog/pg_database.h
/// is -2.
constexpr const char* kDatabasesSql =
    "SELECT datname, datallowconn, datistemplate, datconnlimit OPERATOR(pg_catalog.=) -2, "
    "pg_catalog.has_database_privilege(oid, 'CONNECT') FROM pg_catalog.pg_database "
    "WHERE NOT (datistemplate AND datname OPERATOR(pg_catalog.=) "
    "ANY ('{template0,template1}'::pg_catalog.name[])) ORDER BY datname";

bool is_excluded(const DatabaseSelection& selection, const std::string& name) {
  return std::any_of(selection.exclude.begin(), selection.exclude.end(),
                     [&](const std::string& pattern) {
                       return pattern == name || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
                     });
}

/// Refuses databases with the names of other groups. Such a database fails alone: among all it is
/// left out with a warning, but naming it is an error (`failed`).
void refuse_our_names(const DatabaseSelection& selection, std::vector<std::string>& names,
                      Log& log) {
  const std::array<std::pair<Group, const char*>, 2> reserved = {
      {{Group::globals(), "roles and tablespaces"}, {Group::cluster(), "base backups"}}};
  for (const auto& [group, what] : reserved) {
    if (std::erase(names, group.name()) == 0) continue;
    const char* const hint = "rename it, or name it in EXCLUDE_DATABASES";
    if (!selection.all) {
      throw Error(ErrorKind::failed,
                  fmt::format("the database {} cannot be backed up: its name is reserved for {}",
                              group.name(), what),
                  hint);
    }
    log.warn("a database cannot be backed up: its name is reserved",
             {{"database", group.name()}, {"for", what}, {"hint", hint}});
  }
}

FoundDatabases ask_server(const DatabaseSelection& selection, const PgConfig& pg, Log& log,
                          const std::stop_token& stop) {
  PgConnection connection = connect_maintenance(pg, stop);
  FoundDatabases found;
  std::vector<std::string> of_providers;
  for (const auto& row : connection.query(kDatabasesSql)) {
    const std::string& name = row.at(0);
    if (is_excluded(selection, name)) continue;
    if (std::find(kOfProviders.begin(), kOfProviders.end(), name) != kOfProviders.end()) {
      of_providers.push_back(name);
      continue;
    }
    const std::string reason = reason_to_leave_out({row.begin() + 1, row.end()});
    if (reason.empty()) {
      found.names.push_back(name);
    } else {
      found.left_out.push_back({name, reason});
    }
  }
  if (!of_providers.empty()) {
    log.info("left out as the provider's own",
             {{"databases", fmt::format("{}", fmt::join(of_providers, ", "))}});
  }
  for (const LeftOut& item : found.left_out) {
    log.warn("a database is left out",
             {{"database", item.database},
              {"reason", item.reason},
              {"hint", "name it in EXCLUDE_DATABASES if that is intended"}});
  }
  return found;
}

}  // namespace

std::vector<std::string> parse_names(std::string_view text) {
  std::vector<std::string> names;
  for (Word& word : split_list(text)) {
    const bool is_new = std::find(names.begin(), names.end(), word.text) == names.end();
    if (is_new) names.push_back(std::move(word.text));
  }
  return names;
}

DatabaseSelection parse_databases(std::string_view text) {
  const std::vector<Word> words = split_list(text);
  const bool is_all = words.size() == 1 && words[0].raw == "all";
  if (is_all) return {.names = {}, .all = true, .exclude = {}};
  return {.names = parse_names(text), .all = false, .exclude = {}};
}

std::string reason_to_leave_out(const std::vector<std::string>& row) {
  const auto is = [&](size_t column) { return row.at(column) == "t"; };
  if (is(2)) return "an interrupted DROP DATABASE left it, and it can only be dropped";
  if (is(1)) return "it is a template (IS_TEMPLATE)";
  if (!is(0)) return "it accepts no connections (ALLOW_CONNECTIONS)";
  if (!is(3)) return "the role may not connect to it (GRANT CONNECT)";
  return "";
}

FoundDatabases find_databases(const DatabaseSelection& selection, const PgConfig& pg, Log& log,
                              const std::stop_token& stop) {
  FoundDatabases found{.names = selection.names, .left_out = {}};
  if (selection.all) {
    found = ask_server(selection, pg, log, stop);
  } else if (found.names.empty()) {  // a service names it
    PgConnection connection(pg, stop);
    found.names = {connection.query("SELECT pg_catalog.current_database()").at(0).at(0)};
  }
  std::erase_if(found.names, [&](const std::string& name) { return is_excluded(selection, name); });
  refuse_our_names(selection, found.names, log);
  if (found.names.empty()) {
    throw Error(ErrorKind::failed, "no database is left to back up",
                "look at DATABASES and EXCLUDE_DATABASES, and at what the role may connect to");
  }
  return found;
}

}  // namespace pgbackup
