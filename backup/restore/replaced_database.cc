#include "backup/restore/replaced_database.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "backup/postgres/server_info.h"
#include "backup/restore/created_database.h"
#include "backup/restore/database_sql.h"
#include "backup/restore/target_database.h"
#include "common/base/error.h"

namespace pgbackup {
namespace {

/// The longest name of PostgreSQL in bytes: NAMEDATALEN - 1.
constexpr size_t kLongestName = 63;
constexpr std::string_view kRestoringInfix = "_restoring_";
constexpr std::string_view kBeforeInfix = "_before_";
/// Applications connect again as soon as their sessions are ended.
constexpr int kAttempts = 5;
constexpr auto kSwapPause = std::chrono::milliseconds(500);

/// Selects what rename_both() needs: whether the role owns the database, and may create others.
constexpr const char* kRightsSql =
    "SELECT r.rolsuper OR (r.rolcreatedb AND pg_catalog.pg_has_role(d.datdba, 'USAGE')), "
    "d.datistemplate, (SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_xacts p "
    "WHERE p.database OPERATOR(pg_catalog.=) d.datname) "
    "FROM pg_catalog.pg_database d, pg_catalog.pg_roles r "
    "WHERE d.datname OPERATOR(pg_catalog.=) $1 AND r.rolname OPERATOR(pg_catalog.=) current_user";

constexpr const char* kEndSessionsSql =
    "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a "
    "WHERE a.datname OPERATOR(pg_catalog.=) $1 "
    "AND a.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()";

/// Returns whether a rename failed because of a session in the database.
bool is_in_use(const Error& error) {
  return error.message().find("is being accessed by other users") != std::string::npos;
}

std::string rename_sql(const std::string& from, const std::string& to) {
  return fmt::format("ALTER DATABASE {} RENAME TO {}", sql_identifier(from), sql_identifier(to));
}

}  // namespace

std::string with_suffix(std::string_view name, std::string_view suffix) {
  size_t length = std::min(name.size(), kLongestName - suffix.size());
  // Bytes that go on with a character are 10xxxxxx.
  while (length > 0 && length < name.size() &&
         (static_cast<unsigned char>(name[length]) & 0xC0U) == 0x80U) {
    --length;
  }
  return fmt::format("{}{}", name.substr(0, length), suffix);
}

ReplacedDatabase::ReplacedDatabase(const PgConfig& config, const std::string& name, UtcTime now,
                                   Log& log)
    : config_(config),
      name_(name),
      temporary_(with_suffix(name, fmt::format("{}{}", kRestoringInfix, format_basic(now)))),
      kept_(with_suffix(name, fmt::format("{}{}", kBeforeInfix, format_basic(now)))),
      log_(log) {}

void ReplacedDatabase::check(PgConnection& maintenance) {
  if (name_ == "postgres") {
    throw Error(ErrorKind::usage, "postgres is the database that tools connect to: it has to stay",
                "restore it with --clean");
  }
  name_leftovers(maintenance);
  const PgRows rows = maintenance.query(kRightsSql, {name_});
  if (rows.empty()) return;
  if (rows[0].at(1) == "t") {
    throw Error(ErrorKind::conflict, fmt::format("'{}' is a template (IS_TEMPLATE)", name_));
  }
  if (rows[0].at(0) != "t") {
    throw Error(ErrorKind::denied, fmt::format("this role may not rename '{}'", name_),
                "use the owner of the database, with CREATEDB, or a superuser");
  }
  if (rows[0].at(2) != "0") {
    throw Error(ErrorKind::conflict,
                fmt::format("'{}' has prepared transactions, which hinder the renaming", name_),
                "end them with COMMIT PREPARED or ROLLBACK PREPARED: pg_prepared_xacts lists them");
  }
}

std::optional<DatabaseProperties> ReplacedDatabase::read_old_properties(
    const std::stop_token& stop) {
  {
    PgConnection maintenance = connect_maintenance(config_, stop);
    if (!database_exists(maintenance, name_)) return std::nullopt;
  }
  PgConnection old(config_.with_database(name_), stop);
  return read_properties(old);
}

void ReplacedDatabase::swap() {
  PgConnection maintenance = connect_maintenance(config_, {});
  const bool has_old = database_exists(maintenance, name_);
  for (int attempt = 1;; ++attempt) {
    try {
      rename_both(maintenance, has_old);
      break;
    } catch (const Error& error) {
      if (is_in_use(error) && attempt < kAttempts) {
        maintenance.query("ROLLBACK");
        std::this_thread::sleep_for(kSwapPause);
        continue;
      }
      // The answer to COMMIT may have been lost.
      PgConnection again = connect_maintenance(config_, {});
      if (!database_exists(again, temporary_) && database_exists(again, name_)) break;
      throw Error(error.kind(),
                  fmt::format("'{}' is restored as '{}', but the names could not be swapped: {}",
                              name_, temporary_, error.message()),
                  has_old ? fmt::format("swap them by hand: BEGIN; {}; {}; COMMIT",
                                        rename_sql(name_, kept_), rename_sql(temporary_, name_))
                          : rename_sql(temporary_, name_));
    }
  }
  if (!has_old) return;
  log_.info("the old database is kept",
            {{"database", kept_}, {"hint", "DROP DATABASE " + sql_identifier(kept_)}});
}

void ReplacedDatabase::rename_both(PgConnection& maintenance, bool has_old) {
  maintenance.query(kEndSessionsSql, {name_});
  maintenance.query("BEGIN");
  if (has_old) maintenance.query(rename_sql(name_, kept_));
  maintenance.query(rename_sql(temporary_, name_));
  maintenance.query("COMMIT");
}

void ReplacedDatabase::name_leftovers(PgConnection& maintenance) {
  const size_t stamp = std::string_view("20261120T031500Z").size();
  for (const auto& row : maintenance.query(
           "SELECT d.datname, d.datconnlimit OPERATOR(pg_catalog.>=) $1::pg_catalog.int4 "
           "FROM pg_catalog.pg_database d ORDER BY 1",
           {std::to_string(kFirstMark)})) {
    const std::string& found = row.at(0);
    if (found.size() < stamp) continue;
    const std::string_view time = std::string_view(found).substr(found.size() - stamp);
    if (!parse_basic(time)) continue;
    const auto is_ours = [&](std::string_view infix) {
      return found == with_suffix(name_, fmt::format("{}{}", infix, time));
    };
    if (is_ours(kBeforeInfix)) {
      log_.info("a database is kept from an earlier replacement",
                {{"database", found}, {"hint", "DROP DATABASE " + sql_identifier(found)}});
    } else if (is_ours(kRestoringInfix)) {
      log_.warn("an earlier restore left a database, or still runs",
                {{"database", found},
                 {"state", row.at(1) == "t" ? "not complete" : "complete, but not in place"},
                 {"hint", "DROP DATABASE " + sql_identifier(found)}});
    }
  }
}

}  // namespace pgbackup
