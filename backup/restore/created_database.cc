#include "backup/restore/created_database.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <string_view>
#include <thread>
#include <vector>

#include "backup/restore/database_sql.h"
#include "common/base/error.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

constexpr auto kCreateLimit = std::chrono::minutes(10);
constexpr auto kPollInterval = std::chrono::milliseconds(200);
/// Limits the waiting, so that it ends within the 10 s that a container is given.
constexpr int kPollIntervals = 40;

constexpr unsigned kMarks = 147'000'000;

int random_mark() {
  const std::string digits = random_hex(4);
  unsigned number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return kFirstMark + static_cast<int>(number % kMarks);
}

/// Connects, waiting where the limit of connections is reached: a role with few connections may
/// have to wait until the session of pg_restore has ended.
PgConnection connect_soon(const PgConfig& config, const std::stop_token& stop) {
  for (int step = 0;; ++step) {
    try {
      return connect_maintenance(config, stop);
    } catch (const Error& error) {
      const bool is_full = error.message().find("too many connections") != std::string::npos;
      if (!is_full || step == kPollIntervals) throw;
      std::this_thread::sleep_for(kPollInterval);
    }
  }
}

/// Returns whether the session still answers, and so has answered before, too.
bool is_alive(PgConnection& connection) {
  try {
    connection.query("SELECT 1");
    return true;
  } catch (...) {
    return false;
  }
}

/// Executes the statements. Warns of each that fails: the data is worth more.
void apply(PgConnection& maintenance, const std::vector<PropertySql>& statements, Log& log) {
  for (const PropertySql& statement : statements) {
    try {
      maintenance.query(statement.sql);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::canceled || error.kind() == ErrorKind::transient) throw;
      log.warn("the database is restored without a property",
               {{"without", statement.what}, {"cause", error.message()}});
    }
  }
}

std::string create_hint(const Error& error) {
  if (error.kind() == ErrorKind::denied) {
    return "set TARGET_USER and TARGET_PASSWORD to a role that may "
           "create databases (CREATEDB)";
  }
  for (const std::string_view sign :
       {"locale name", "locale provider", "does not match locale", "collator", "ICU"}) {
    if (error.message().find(sign) == std::string::npos) continue;
    return "install the locale on the server, or name another of its locales with --locale, such "
           "as --locale C.UTF-8; or create the database by hand and restore without --create";
  }
  return error.hint();
}

}  // namespace

CreatedDatabase::CreatedDatabase(const PgConfig& config, const RestoreRequest& request,
                                 const DatabaseProperties* properties, Log& log)
    : config_(config),
      request_(request),
      properties_(properties),
      log_(log),
      mark_(random_mark()) {}

void CreatedDatabase::create(PgConnection& maintenance) {
  refuse_existing(maintenance);
  const int version = maintenance.server_version();
  if (properties_ != nullptr) {
    for (const auto& text : lost_properties(request_, *properties_, version)) {
      log_.warn("about the database", {{"database", request_.target_database}, {"warning", text}});
    }
  }
  const PgRows session = maintenance.query(
      "SELECT a.pid, a.backend_start FROM pg_catalog.pg_stat_activity a "
      "WHERE a.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()");
  const std::string sql =
      create_database_sql(request_, properties_, version, mark_, may_use_tablespace(maintenance));
  try {
    maintenance.query(sql, {}, kCreateLimit);
  } catch (...) {
    const Error error = current_error();
    if (error.kind() == ErrorKind::conflict) refuse_existing(maintenance);  // made since we looked
    if (!is_alive(maintenance)) {
      if (!session.empty()) end_session(session[0]);
      drop();
    }
    throw Error(error.kind(), error.message(), create_hint(error));
  }
}

void CreatedDatabase::prepare(const std::stop_token& stop) {
  if (properties_ == nullptr) return;
  PgConnection maintenance = connect_soon(config_, stop);
  apply(maintenance, sql_before_restore(request_, *properties_, maintenance.server_version()),
        log_);
}

void CreatedDatabase::complete() {
  try {
    PgConnection maintenance = connect_soon(config_, {});
    apply(maintenance, sql_after_restore(request_, properties_, maintenance.server_version()),
          log_);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled) throw;
    log_.warn(
        "the data is back, but not settings of roles and the connection limit of the database",
        {{"database", request_.target_database}, {"cause", error.message()}});
  }
}

void CreatedDatabase::drop() {
  const std::string& name = request_.target_database;
  try {
    PgConnection maintenance = connect_soon(config_, {});
    const PgRows found = maintenance.query(
        "SELECT 1 FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) $1 "
        "AND d.datconnlimit OPERATOR(pg_catalog.=) $2::pg_catalog.int4",
        {name, std::to_string(mark_)});
    if (found.empty()) return;
    // pg_restore's session may still be ending. FORCE came with PostgreSQL 13.
    maintenance.query(fmt::format("DROP DATABASE {}{}", sql_identifier(name),
                                  maintenance.server_version() >= 130000 ? " WITH (FORCE)" : ""));
    log_.info("dropped the database again", {{"database", name}});
  } catch (...) {
    log_.error("could not drop the database again",
               {{"database", name}, {"cause", current_error().what()}});
  }
}

void CreatedDatabase::refuse_existing(PgConnection& maintenance) {
  const std::string& name = request_.target_database;
  const PgRows found = maintenance.query(
      "SELECT d.datconnlimit OPERATOR(pg_catalog.>=) $2::pg_catalog.int4 "
      "FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) $1",
      {name, std::to_string(kFirstMark)});
  if (found.empty()) return;
  throw Error(ErrorKind::conflict, fmt::format("the database '{}' exists already", name),
              found[0].at(0) == "t"
                  ? fmt::format("a restore was broken off there, or still runs: if none does, drop "
                                "it (DROP DATABASE {}) and restore again",
                                sql_identifier(name))
                  : "leave out --create to restore into it, or name another --target-database");
}

bool CreatedDatabase::may_use_tablespace(PgConnection& maintenance) {
  if (properties_ == nullptr || properties_->tablespace.empty() || request_.no_tablespaces) {
    return false;
  }
  const PgRows found = maintenance.query(
      "SELECT pg_catalog.has_tablespace_privilege(t.oid, 'CREATE') FROM pg_catalog.pg_tablespace t "
      "WHERE t.spcname OPERATOR(pg_catalog.=) $1",
      {properties_->tablespace});
  if (!found.empty() && found[0].at(0) == "t") return true;
  log_.warn("the database goes to the default tablespace",
            {{"database", request_.target_database},
             {"tablespace", properties_->tablespace},
             {"cause", found.empty() ? "it does not exist on this server"
                                     : "it is not open to this role (CREATE)"}});
  return false;
}

/// Ends `session` and waits for its end: the server goes on with a statement whose client has gone,
/// so until then the database may still appear.
void CreatedDatabase::end_session(const std::vector<std::string>& session) {
  try {
    PgConnection other = connect_soon(config_, {});
    for (int step = 0; step < kPollIntervals; ++step) {
      const PgRows ended = other.query(
          "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a "
          "WHERE a.pid OPERATOR(pg_catalog.=) $1::pg_catalog.int4 "
          "AND a.backend_start OPERATOR(pg_catalog.=) $2::pg_catalog.timestamptz",
          session);
      if (ended.empty()) return;
      std::this_thread::sleep_for(kPollInterval);
    }
    log_.error("the server still creates the database: drop it when it is there",
               {{"database", request_.target_database}});
  } catch (...) {
    log_.error("could not stop CREATE DATABASE",
               {{"database", request_.target_database}, {"cause", current_error().what()}});
  }
}

}  // namespace pgbackup
