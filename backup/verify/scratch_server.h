// A PostgreSQL of our own for one restore: in a directory of its own, on a Unix socket alone, with
// passwords that nobody else knows, and gone when the object is. What is restored there is not
// trusted: it is restored as a role without any rights outside its database, since a superuser's
// SQL may run programs, with our rights.
// https://www.postgresql.org/docs/current/app-initdb.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "backup/postgres/client_program.h"
#include "backup/postgres/connection_config.h"
#include "backup/verify/read_check.h"
#include "backup/verify/scratch_folder.h"
#include "common/base/process.h"

namespace pgbackup {

class ScratchServer {
 public:
  /// Starts a server of the major version of `server_version`, or of a later one, in `directory`,
  /// with room for `need_bytes`. Throws `usage` as root and where no server is installed, and
  /// `failed` with PostgreSQL's own words.
  ScratchServer(const std::filesystem::path& directory, int server_version, uint64_t need_bytes,
                const VerifyMeans& means);
  ScratchServer(const ScratchServer&) = delete;
  ScratchServer& operator=(const ScratchServer&) = delete;
  /// Kills the server.
  ~ScratchServer() = default;

  /// Returns how to connect as the superuser, whose SQL must be ours.
  [[nodiscard]] PgConfig superuser() const { return config_of(kSuperuser); }
  /// Returns how to connect as the role that owns what is restored; make_owner() has made it.
  [[nodiscard]] PgConfig owner() const { return config_of(kOwner); }
  void make_owner();

  static constexpr const char* kSuperuser = "verify_superuser";
  static constexpr const char* kOwner = "verify_owner";

 private:
  [[nodiscard]] PgConfig config_of(const char* role) const;
  void init(const std::filesystem::path& bindir);
  void start(const std::filesystem::path& bindir);

  const VerifyMeans& means_;
  std::string password_;
  ScratchFolder folder_;
  std::unique_ptr<Process> process_;  // last: ends before its directory is removed
};

}  // namespace pgbackup
