// How to reach PostgreSQL: the settings of a connection, from our own or from a URL, in the forms
// in which libpq takes them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "backup/postgres/hosts.h"
#include "common/base/fd.h"
#include "common/base/secret.h"

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
  PgSettings further{};

  [[nodiscard]] PgConfig with_database(std::string name) const;
};

/// Connection settings without the password as libpq keywords and values; `database` may be any
/// name.
[[nodiscard]] PgSettings connection_settings(const PgConfig& config);

/// What libpq shall read as its password file, in memory; not open where it shall read its own.
/// https://www.postgresql.org/docs/current/libpq-pgpass.html
[[nodiscard]] Fd make_passfile(const PgConfig& config);

}  // namespace pgbackup
