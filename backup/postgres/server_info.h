// What a backup notes about a server, and about the database that it is connected to. Only reads;
// the manifest is common/catalog/manifest.h.
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
  uint64_t table_bytes = 0;  ///< on disk, without indexes: about the size of a dump
  DatabaseProperties properties;
  bool has_large_objects = false;
  bool may_read_passwords = false;  ///< the passwords of roles; set by read_globals_info()
};

[[nodiscard]] ServerInfo read_server_info(PgConnection& connection);
/// Returns what belongs to the connected database itself.
[[nodiscard]] DatabaseProperties read_properties(PgConnection& connection);
/// Returns what belongs to the whole server, without what is of one database.
[[nodiscard]] ServerInfo read_globals_info(PgConnection& connection);

}  // namespace pgbackup
