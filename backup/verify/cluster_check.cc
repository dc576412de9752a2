#include "backup/verify/cluster_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <optional>

#include "backup/postgres/connection.h"
#include "backup/postgres/version_advice.h"
#include "backup/verify/judge_restore.h"
#include "backup/verify/server_process.h"
#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/text.h"
#include "common/catalog/manifest.h"

namespace pgbackup {
namespace {

constexpr int kFindings = 2;  ///< the exit code of pg_amcheck that has found damage

/// What is known of one database before pg_amcheck looks at it.
struct DatabaseLook {
  bool has_amcheck = false;     ///< the extension can be made there
  bool sorts_the_same = false;  ///< by the versions of all its collations that indexes use
};

/// Returns a query that tells whether the database sorts as it did on its server. Before PostgreSQL
/// 15 a database does not say by which version of its collation its indexes were made.
std::string same_order_sql(int version) {
  constexpr int kKnowsVersion = 15;
  const std::string_view of_database =
      major_version(version) >= kKnowsVersion
          ? "d.datcollversion IS NOT DISTINCT FROM "
            "pg_catalog.pg_database_collation_actual_version(d.oid)"
          : "d.datcollate::pg_catalog.text OPERATOR(pg_catalog.=) ANY "
            "('{C,POSIX,C.UTF-8,C.utf8}'::pg_catalog.text[])";
  return fmt::format(
      "SELECT {} AND NOT EXISTS ("
      "SELECT FROM pg_catalog.pg_collation c WHERE c.collversion IS NOT NULL "
      "AND EXISTS (SELECT FROM pg_catalog.pg_index i "
      "WHERE c.oid OPERATOR(pg_catalog.=) ANY (i.indcollation)) "
      "AND c.collversion IS DISTINCT FROM pg_catalog.pg_collation_actual_version(c.oid)) "
      "FROM pg_catalog.pg_database d "
      "WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()",
      of_database);
}

bool sorts_the_same(PgConnection& database) {
  try {
    return database.query(same_order_sql(database.server_version())).at(0).at(0) == "t";
  } catch (...) {
    const Error error = current_failure();
    if (error.kind() == ErrorKind::canceled) throw error;
    return false;  // a collation that this machine does not have
  }
}

/// Connects to the database. What the server answers to that is the backup's, unless it lacks
/// something.
DatabaseLook look_at(const PgConfig& config, const VerifyMeans& means) {
  try {
    PgConnection database(config, means.stop);
    const PgRows amcheck = database.query(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_available_extensions e "
        "WHERE e.name OPERATOR(pg_catalog.=) 'amcheck')");
    return {.has_amcheck = amcheck.at(0).at(0) == "t", .sorts_the_same = sorts_the_same(database)};
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled) throw;
    throw judge_answer(fmt::format("the database {} cannot be looked at: {}",
                                   fmt::format("'{}'", short_line(config.database)),
                                   error.message()));
  }
}

/// Runs pg_amcheck in one database.
void run_amcheck(const std::filesystem::path& program, const PgConfig& config, bool with_indexes,
                 const VerifyMeans& means) {
  std::vector<std::string> argv = {program.string(), "--no-password", "--install-missing"};
  if (!with_indexes) argv.emplace_back("--no-dependent-indexes");
  argv.push_back(connection_string(config));
  Process amcheck({.argv = std::move(argv), .environment = server_environment(means.environment)},
                  means.stop);
  amcheck.close_stdin();
  constexpr size_t kMost = 2000;
  std::array<char, 4096> buffer{};
  std::string found;
  while (const size_t got = amcheck.read(buffer)) {
    if (found.size() < kMost) found.append(buffer.data(), got);
  }
  if (amcheck.wait()) return;
  found.resize(std::min(found.size(), kMost));
  const std::string what =
      fmt::format("pg_amcheck of the database {} {}",
                  fmt::format("'{}'", short_line(config.database)), amcheck.status_text());
  if (amcheck.status_text() == fmt::format("exited with {}", kFindings)) {
    throw judge_server(fmt::format("{}: {}", what, trimmed(found)));
  }
  throw Error(ErrorKind::failed, fmt::format("{}: {}", what, amcheck.errors()));
}

}  // namespace

std::vector<std::string> check_cluster(const RestoredServer& server, const VerifyMeans& means) {
  const PgConfig superuser = server.superuser();
  std::vector<std::string> databases;
  {
    PgConnection connection(superuser, means.stop);
    for (const auto& row :
         connection.query("SELECT d.datname FROM pg_catalog.pg_database d WHERE d.datallowconn "
                          "AND d.datconnlimit OPERATOR(pg_catalog.<>) -2 ORDER BY d.oid")) {
      databases.push_back(row.at(0));
    }
  }
  const std::filesystem::path program = server.bindir() / "pg_amcheck";
  const bool is_there = access(program.c_str(), X_OK) == 0;
  std::vector<std::string> unchecked;
  std::vector<std::string> without_indexes;
  for (const std::string& name : databases) {
    const PgConfig config = superuser.with_database(name);
    const DatabaseLook look = look_at(config, means);
    if (!is_there || !look.has_amcheck) {
      unchecked.push_back(fmt::format("'{}'", short_line(name)));
      continue;
    }
    if (!look.sorts_the_same) without_indexes.push_back(fmt::format("'{}'", short_line(name)));
    means.log.debug("pg_amcheck looks at a database", {{"database", name}});
    run_amcheck(program, config, look.sorts_the_same, means);
  }
  std::vector<std::string> notes = {
      fmt::format("{} databases were connected to", databases.size())};
  if (!is_there) {
    notes.emplace_back("pg_amcheck is not installed, so tables and indexes were not looked at");
  } else if (!unchecked.empty()) {
    notes.push_back(
        fmt::format("the extension amcheck is not installed, so tables and indexes were "
                    "not looked at in {}",
                    fmt::join(unchecked, ", ")));
  } else {
    notes.emplace_back("pg_amcheck has found nothing");
  }
  if (!without_indexes.empty()) {
    notes.push_back(
        fmt::format("collations here may sort otherwise than on the server, so indexes "
                    "were not looked at in {}",
                    fmt::join(without_indexes, ", ")));
  }
  return notes;
}

}  // namespace pgbackup
