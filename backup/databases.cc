#include "backup/databases.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "backup/words.h"
#include "common/base/error.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

/// Databases in which managed PostgreSQL keeps its own tools: of Amazon, Google, Microsoft, Aiven
/// and DigitalOcean. Customers have no rights there.
constexpr std::array<std::string_view, 7> kOfProviders = {
    "rdsadmin",  "cloudsqladmin", "alloydbadmin", "azure_maintenance",
    "azure_sys", "_aiven",        "_dodb"};

/// An interrupted DROP DATABASE leaves a database with this connection limit, which is lost.
/// DATCONNLIMIT_INVALID_DB in PostgreSQL's src/include/catalog/pg_database.h
constexpr const char* kDatabasesSql =
    "select datname, has_database_privilege(oid, 'connect') from pg_database "
    "where datallowconn and not datistemplate and datconnlimit <> -2 order by datname";

bool is_excluded(const DatabaseSelection& selection, const std::string& name) {
  return std::any_of(selection.exclude.begin(), selection.exclude.end(),
                     [&](const std::string& pattern) {
                       return pattern == name || fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
                     });
}

/// A database that has it fails alone: among all it is left out, when it is named it is an error.
void refuse_our_name(const DatabaseSelection& selection, std::vector<std::string>& names,
                     Log& log) {
  if (std::erase(names, kGlobalsGroup) == 0) return;
  const std::string message =
      fmt::format("the database {} cannot be backed up: its name is that of roles and tablespaces",
                  kGlobalsGroup);
  const char* const hint = "rename it, or name it in EXCLUDE_DATABASES";
  if (!selection.all) throw Error(ErrorKind::failed, message, hint);
  log.warn(message, {{"hint", hint}});
}

std::vector<std::string> ask_server(const DatabaseSelection& selection, const PgConfig& pg,
                                    Log& log, const std::stop_token& stop) {
  PgConnection connection = connect_maintenance(pg, stop);
  std::vector<std::string> names;
  std::vector<std::string> of_providers;
  std::vector<std::string> closed;
  for (const auto& row : connection.query(kDatabasesSql)) {
    const std::string& name = row.at(0);
    if (is_excluded(selection, name)) continue;
    if (std::find(kOfProviders.begin(), kOfProviders.end(), name) != kOfProviders.end()) {
      of_providers.push_back(name);
    } else {
      (row.at(1) == "t" ? names : closed).push_back(name);
    }
  }
  if (!of_providers.empty()) {
    log.info(fmt::format("left out as the provider's own: {}", fmt::join(of_providers, ", ")));
  }
  if (!closed.empty()) {
    log.warn(
        fmt::format("left out, as the role may not connect to them: {}", fmt::join(closed, ", ")),
        {{"hint", "GRANT CONNECT, or name them in EXCLUDE_DATABASES"}});
  }
  return names;
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

std::vector<std::string> find_databases(const DatabaseSelection& selection, const PgConfig& pg,
                                        Log& log, const std::stop_token& stop) {
  std::vector<std::string> names = selection.names;
  if (selection.all) {
    names = ask_server(selection, pg, log, stop);
  } else if (names.empty()) {  // a service names it
    PgConnection connection(pg, stop);
    names = {connection.query("select current_database()").at(0).at(0)};
  }
  std::erase_if(names, [&](const std::string& name) { return is_excluded(selection, name); });
  refuse_our_name(selection, names, log);
  if (names.empty()) {
    throw Error(ErrorKind::failed, "no database is left to back up",
                "look at DATABASES and EXCLUDE_DATABASES, and at what the role may connect to");
  }
  return names;
}

}  // namespace pgbackup
