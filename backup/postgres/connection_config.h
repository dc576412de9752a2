// How to reach PostgreSQL: the settings of a connection, from our own options or from a URL, in the
// forms in which libpq takes them. Connects to nothing: connection.h does.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backup/postgres/hosts.h"
#include "common/base/fd.h"
#include "common/base/secret.h"

namespace pgbackup {

/// Holds our own settings. An empty one is left to libpq: its PG* variables, service and password
/// files.
struct PgConfig {
  std::string host;
  int port = 5432;
  bool port_is_set = false;  ///< set by the user, and so stronger than a service file's port
  std::string database;
  std::string user;
  Secret password;
  std::string named_by = "DB";  ///< what the names of its settings begin with, for hints
  Secret passfile;  ///< contents of a password file that libpq refuses because others may read it
  /// Holds further keywords of libpq and their values, from a URL.
  PgSettings further{};

  [[nodiscard]] PgConfig with_database(std::string name) const;
};

/// Returns the connection settings without the password as libpq keywords and values; `database`
/// may be any name.
[[nodiscard]] PgSettings connection_settings(const PgConfig& config);

/// Returns the password file for libpq, in memory; not open where libpq shall read its own.
/// https://www.postgresql.org/docs/current/libpq-pgpass.html
[[nodiscard]] Fd make_passfile(const PgConfig& config);

}  // namespace pgbackup
