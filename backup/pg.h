// Our own connection to PostgreSQL over libpq: the few questions that a backup or restore asks the
// server itself. Data goes through pg_dump and pg_restore (pg_client.h), never through here.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/fd.h"
#include "common/base/handle.h"
#include "common/base/secret.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

/// What is empty is left to libpq: its PG* variables, service and password files.
struct PgConfig {
  std::string host;
  int port = 5432;
  bool port_is_set = false;  ///< by the user: stronger than a service file's
  std::string database;
  std::string user;
  Secret password;
  Secret passfile;  ///< contents of one that libpq would not read, as others may
  /// Further keywords of libpq and their values, from a URL.
  std::vector<std::pair<std::string, std::string>> further{};

  [[nodiscard]] PgConfig with_database(std::string name) const;
};

/// Completes `config` by what `postgres://user:password@host:port/database?...` says. Throws
/// `usage` without quoting it.
void read_database_url(PgConfig& config, const Secret& url);

/// Connection settings without the password as libpq keywords and values; `database` may be any
/// name.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> connection_settings(
    const PgConfig& config);

using PgRows = std::vector<std::vector<std::string>>;  ///< NULL is ""

class PgConnection {
 public:
  /// Connects within 30 s. Throws `transient` with libpq's own words, `canceled`.
  PgConnection(const PgConfig& config, const std::stop_token& stop);

  /// One statement in text form, answered within a minute or `limit`. Throws `denied` for missing
  /// rights (SQLSTATE 42501), `not_found` for an unknown database or other object (3D000, 42704) or
  /// directory (58P01), `conflict` for what exists already (42P04, 42710), else `failed`.
  PgRows query(const std::string& sql, const std::vector<std::string>& parameters = {},
               std::chrono::seconds limit = std::chrono::minutes(1));

  /// From now on messages do not quote the statement, which may hold a secret.
  void hide_statements();

  /// server_version_num
  [[nodiscard]] int server_version() const { return PQserverVersion(connection_.get()); }
  /// Whether the role is one; false where a pooler between does not say.
  [[nodiscard]] bool is_superuser() const;
  [[nodiscard]] std::string quote_identifier(std::string_view name) const;
  [[nodiscard]] std::string quote_literal(std::string_view text) const;

 private:
  void connect();
  void wait_for(short events, std::chrono::steady_clock::time_point deadline, const char* what);

  StopFd stop_;
  Handle<PGconn, PQfinish> connection_;
};

/// What libpq shall read as its password file, in memory; not open where it shall read its own.
/// https://www.postgresql.org/docs/current/libpq-pgpass.html
[[nodiscard]] Fd make_passfile(const PgConfig& config);

/// Connected to `postgres`, else to `template1`: for what belongs to no database.
[[nodiscard]] PgConnection connect_maintenance(const PgConfig& config, const std::stop_token& stop);

/// What a backup notes about the server and the database that it is connected to.
struct ServerInfo {
  std::string database;
  int version = 0;
  std::string system_identifier;  ///< "" where the role may not read it
  int64_t tables = 0;
  uint64_t table_bytes = 0;  ///< on disk, without indexes: about what a dump will hold
  DatabaseProperties properties;
  bool has_large_objects = false;
  bool may_read_passwords = false;  ///< of roles; asked by read_globals_info()
};

[[nodiscard]] ServerInfo read_server_info(PgConnection& connection);
/// Without what is of one database.
[[nodiscard]] ServerInfo read_globals_info(PgConnection& connection);

}  // namespace pgbackup
