#include "backup/verify/restored_server.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

#include "backup/verify/judge_restore.h"
#include "backup/verify/server_process.h"
#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/text.h"
#include "common/catalog/manifest.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr int kOriginsAsSetting =
    18;  ///< the first major version with max_active_replication_origins

void write_new_file(const fs::path& path, std::string_view text) {
  constexpr mode_t kOnlyUs = 0600;
  fs::remove(path);
  const Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kOnlyUs));
  if (!file.is_open()) throw_errno(fmt::format("cannot create {}", path.string()));
  write_all(file.get(), text, fmt::format("cannot write {}", path.string()));
}

/// Returns all that the child writes to stdout, of which nobody needs more than a little.
std::string read_little(Process& process) {
  constexpr size_t kMost = size_t{64} << 10U;
  std::array<char, 4096> buffer{};
  std::string text;
  while (const size_t got = process.read(buffer)) {
    if (text.size() < kMost) text.append(buffer.data(), got);
  }
  return text;
}

/// Returns the number behind `name` in what pg_controldata prints, or 0.
int control_value(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

RestoredServer::RestoredServer(const fs::path& directory, const ClientProgram& program,
                               uint64_t need_bytes, const VerifyMeans& means)
    : means_(means),
      program_(program),
      role_("verify_" + random_hex(8)),
      folder_(directory, need_bytes, means.log) {
  require_short_socket(folder_.path());
}

fs::path RestoredServer::tablespace(uint32_t oid) const {
  return folder_.path() / fmt::format("tablespace_{}", oid);
}

/// A transaction that was prepared on the server needs room here, too, and so do its locks.
void RestoredServer::read_needs() {
  constexpr std::chrono::minutes kLimit{1};
  Process control({.argv = {(bindir() / "pg_controldata").string(), "-D", data().string()},
                   .environment = server_environment(means_.environment),
                   .limit = kLimit},
                  means_.stop);
  control.close_stdin();
  const std::string text = read_little(control);
  if (!control.wait()) {
    throw judge_server(
        fmt::format("pg_controldata {}: {}", control.status_text(), control.errors()));
  }
  constexpr int kFewest = 2;
  constexpr int kFewestLocks = 64;
  const int prepared = control_value(text, "max_prepared_xacts setting:");
  const int locks = control_value(text, "max_locks_per_xact setting:");
  needs_ = {fmt::format("max_prepared_transactions={}", std::max(kFewest, prepared)),
            fmt::format("max_locks_per_transaction={}", std::max(kFewestLocks, locks))};
}

/// The settings come last, since the last one of a name counts.
std::vector<std::string> RestoredServer::arguments() const {
  std::vector<std::string> result = {"-D", data().string()};
  const auto add = [&](const std::vector<std::string>& more) {
    result.insert(result.end(), more.begin(), more.end());
  };
  add(server_settings(folder_.path()));
  const auto file = [&](const char* name) { return (folder_.path() / name).string(); };
  std::vector<std::string> settings = {"config_file=" + file("postgresql.conf"),
                                       "hba_file=" + file("pg_hba.conf"),
                                       "ident_file=" + file("pg_ident.conf"),
                                       "archive_mode=off",
                                       "hot_standby=off",
                                       "max_logical_replication_workers=0",
                                       "max_worker_processes=0",
                                       "max_replication_slots=1000",
                                       "shared_preload_libraries=",
                                       "session_preload_libraries="};
  if (major_version(program_.version) >= kOriginsAsSetting) {
    settings.emplace_back("max_active_replication_origins=1000");
  }
  settings.insert(settings.end(), needs_.begin(), needs_.end());
  for (const std::string& setting : settings) add({"-c", setting});
  return result;
}

void RestoredServer::write_settings(std::string_view settings) const {
  write_new_file(folder_.path() / "postgresql.conf", "");
  write_new_file(folder_.path() / "pg_hba.conf", fmt::format("local all {} trust\n", role_));
  write_new_file(folder_.path() / "pg_ident.conf", "");
  write_new_file(data() / "postgresql.auto.conf", settings);
}

void RestoredServer::recover(std::string_view settings) {
  write_settings(settings);
  read_needs();
  std::vector<std::string> argv = {program_.path.string(), "--single"};
  for (std::string& argument : arguments()) argv.push_back(std::move(argument));
  argv.emplace_back("template1");
  Process backend({.argv = std::move(argv), .environment = server_environment(means_.environment)},
                  means_.stop);
  const bool is_read = backend.write(
      "SET session_replication_role = replica\nSET default_transaction_read_only = off\n" +
      fmt::format("CREATE ROLE {} LOGIN SUPERUSER\n", role_));
  backend.close_stdin();
  static_cast<void>(read_little(backend));
  const bool has_ended_well = backend.wait();
  if (is_read && has_ended_well) return;
  const std::string message = fmt::format("the recovery of the base backup {}: {}",
                                          backend.status_text(), complaints_of(backend.errors()));
  if (backend.was_killed()) throw Error(ErrorKind::failed, message, kKilledHint);
  throw judge_server(message);
}

void RestoredServer::start() {
  std::vector<std::string> argv = {program_.path.string(), "-p", std::to_string(kScratchPort)};
  for (std::string& argument : arguments()) argv.push_back(std::move(argument));
  process_ = start_server(std::move(argv), means_);
}

/// A database or a role may have settings, which must have no effect either.
PgConfig RestoredServer::superuser() const {
  return {.host = folder_.path().string(),
          .port = kScratchPort,
          .port_is_set = true,
          .database = "template1",
          .user = role_,
          .password = {},
          .passfile = {},
          .further = {{"sslmode", "disable"},
                      {"passfile", "/dev/null"},
                      {"options",
                       "-c session_replication_role=replica -c default_transaction_read_only=off "
                       "-c role=none -c session_preload_libraries= -c local_preload_libraries= "
                       "-c statement_timeout=0 -c lock_timeout=0 "
                       "-c idle_in_transaction_session_timeout=0 -c ignore_checksum_failure=off "
                       "-c zero_damaged_pages=off"}}};
}

}  // namespace pgbackup
