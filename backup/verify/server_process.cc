#include "backup/verify/server_process.h"

#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <utility>

#include "common/base/error.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScratchElsewhere =
    "install postgresql of that major version, or name a disposable server in VERIFY_URL";

}  // namespace

ClientProgram find_server(int version, const VerifyMeans& means) {
  if (geteuid() == 0) {
    throw Error(ErrorKind::usage,
                "PostgreSQL does not run as root, so no server can be started here",
                "run pg-backup as another user, or name a disposable server in VERIFY_URL");
  }
  const std::vector<ClientProgram> found =
      find_clients("postgres", means.bindir, means.environment, means.stop);
  try {
    return choose_client(found, "postgres", version);
  } catch (const Error& error) {
    throw Error(ErrorKind::usage, fmt::format("no server can be started: {}", error.message()),
                kScratchElsewhere);
  }
}

std::vector<std::string> server_environment(const Environment& environment) {
  std::vector<std::string> result = {"LC_ALL=C"};
  if (const auto path = environment.find("PATH"); path != environment.end()) {
    result.push_back("PATH=" + path->second);
  }
  return result;
}

/// Nothing here must survive, and little memory must do.
std::vector<std::string> server_settings(const fs::path& folder) {
  std::vector<std::string> arguments;
  for (const std::string& setting : {std::string("listen_addresses="),
                                     "unix_socket_directories=" + folder.string(),
                                     std::string("unix_socket_permissions=0700"),
                                     std::string("fsync=off"),
                                     std::string("full_page_writes=off"),
                                     std::string("synchronous_commit=off"),
                                     std::string("wal_level=minimal"),
                                     std::string("max_wal_senders=0"),
                                     std::string("min_wal_size=32MB"),
                                     std::string("max_wal_size=128MB"),
                                     std::string("max_connections=20"),
                                     std::string("shared_buffers=32MB"),
                                     std::string("maintenance_work_mem=64MB"),
                                     std::string("dynamic_shared_memory_type=mmap"),
                                     std::string("max_prepared_transactions=2"),
                                     std::string("autovacuum=off"),
                                     std::string("jit=off"),
                                     std::string("log_checkpoints=off"),
                                     std::string("log_min_messages=log"),
                                     std::string("log_min_error_statement=panic"),
                                     std::string("log_line_prefix="),
                                     std::string("lc_messages=C"),
                                     std::string("logging_collector=off"),
                                     std::string("log_destination=stderr")}) {
    arguments.insert(arguments.end(), {"-c", setting});
  }
  return arguments;
}

void require_short_socket(const fs::path& folder) {
  if ((folder / fmt::format(".s.PGSQL.{}", kScratchPort)).string().size() >=
      sizeof(sockaddr_un::sun_path)) {
    throw Error(ErrorKind::usage, "the path of VERIFY_DIR is too long for a Unix socket below it");
  }
}

std::unique_ptr<Process> start_server(std::vector<std::string> argv, const VerifyMeans& means) {
  auto server = std::make_unique<Process>(
      ProcessSpec{.argv = std::move(argv), .environment = server_environment(means.environment)},
      means.stop);
  server->close_stdin();
  if (server->wait_for_error_line("LOG:  database system is ready to accept connections")) {
    return server;
  }
  static_cast<void>(server->wait());
  throw Error(ErrorKind::failed, fmt::format("the server for the restore {}: {}",
                                             server->status_text(), server->errors()));
}

std::string complaints_of(const std::string& errors) {
  std::string complaints;
  std::string_view rest = errors;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with("LOG: ") || line.starts_with("WARNING: ")) continue;
    complaints += fmt::format("{}{}", complaints.empty() ? "" : "\n", line);
  }
  return complaints.empty() ? errors : complaints;
}

}  // namespace pgbackup
