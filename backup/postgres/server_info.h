// What a backup notes about a server, and about the database that it is connected to.
#pragma once

#include <cstdint>
#include <string>

#include "backup/postgres/connection.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

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
