// A PostgreSQL of our own with the data of a base backup: in a directory of its own, on a Unix
// socket alone, and gone when the object is. It must do nothing but be looked at: the settings, the
// pg_hba.conf and the libraries that the backup brings along have no effect, so it archives
// nothing, follows no primary, asks no publisher for changes, and starts no scheduled job. The
// directory belongs to the caller until recover().
//
// It recovers as a stand-alone backend, since that is the superuser of a server whose roles nobody
// here knows, and can make the role by which we look.
// https://www.postgresql.org/docs/current/app-postgres.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/client_program.h"
#include "backup/postgres/connection_config.h"
#include "backup/verify/read_check.h"
#include "backup/verify/scratch_folder.h"
#include "common/base/process.h"

namespace pgbackup {

class RestoredServer {
 public:
  /// Makes a directory below `directory`, with room for `need_bytes`. `program` is a `postgres` of
  /// the major version of the backup. Starts nothing.
  RestoredServer(const std::filesystem::path& directory, const ClientProgram& program,
                 uint64_t need_bytes, const VerifyMeans& means);
  RestoredServer(const RestoredServer&) = delete;
  RestoredServer& operator=(const RestoredServer&) = delete;
  /// Kills the server.
  ~RestoredServer() = default;

  /// Returns where the base backup is to be unpacked to; not there yet.
  [[nodiscard]] std::filesystem::path data() const { return folder_.path() / "data"; }
  /// Returns where a tablespace is to be unpacked to; not there yet.
  [[nodiscard]] std::filesystem::path tablespace(uint32_t oid) const;
  /// Returns where the programs of the server are.
  [[nodiscard]] std::filesystem::path bindir() const { return program_.path.parent_path(); }
  [[nodiscard]] int version() const { return program_.version; }

  /// Recovers what was unpacked, as `settings` alone say, which become the postgresql.auto.conf.
  /// Throws `corrupt` with PostgreSQL's own words where the data does not become consistent, and
  /// `failed` where that says nothing of the backup.
  void recover(std::string_view settings);
  /// Starts the server after recover(). Throws as recover() does.
  void start();

  /// Returns how to connect to a database as a superuser of ours; after start().
  [[nodiscard]] PgConfig superuser() const;

 private:
  [[nodiscard]] std::vector<std::string> arguments() const;
  void read_needs();
  void write_settings(std::string_view settings) const;

  const VerifyMeans& means_;
  ClientProgram program_;
  std::string role_;
  ScratchFolder folder_;
  std::vector<std::string> needs_;    ///< settings without which the data cannot be recovered
  std::unique_ptr<Process> process_;  // last: ends before its directory is removed
};

}  // namespace pgbackup
