#include "backup/postgres/client_program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "common/base/error.h"
#include "common/catalog/manifest.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// Names the directory where Debian and the PostgreSQL project's packages put each major version.
constexpr const char* kVersionsFolder = "/usr/lib/postgresql";

/// Returns the directories to search, without repeats.
std::vector<fs::path> search_folders(const fs::path& bindir, const Environment& environment) {
  std::vector<fs::path> folders;
  if (!bindir.empty()) folders.push_back(bindir);
  std::error_code ignored;  // a missing directory holds nothing
  std::vector<fs::path> versions;
  for (fs::directory_iterator entry(kVersionsFolder, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    versions.push_back(entry->path() / "bin");
  }
  std::sort(versions.begin(), versions.end());
  folders.insert(folders.end(), versions.begin(), versions.end());
  if (const auto path = environment.find("PATH"); path != environment.end()) {
    for (fs::path& folder : path_folders(path->second)) folders.push_back(std::move(folder));
  }
  return folders;
}

/// Returns what `program` --version prints, or "" for a program that cannot be started or does not
/// answer, and so is no candidate.
std::string version_output(const fs::path& program, const Environment& environment,
                           const std::stop_token& stop) {
  constexpr std::chrono::seconds kLimit{10};
  try {
    Process process({.argv = {program.string(), "--version"},
                     .environment = client_environment(environment, false),
                     .limit = kLimit},
                    stop);
    std::string text;
    std::array<char, 512> buffer{};
    while (const size_t got = process.read(buffer)) text.append(buffer.data(), got);
    return process.wait() ? text : "";
  } catch (...) {
    static_cast<void>(current_failure());
    return "";
  }
}

/// Returns whether a client does not get the variable: keys of the store, which our programs read
/// elsewhere, and what would override the password file or the encoding.
bool is_withheld(std::string_view name, bool has_password) {
  // What programs say is read as UTF-8, and data is in the encoding that we name.
  if (name == "PGCLIENTENCODING") return true;
  return name.starts_with("AWS_") || (has_password && name == "PGPASSFILE");
}

}  // namespace

const ClientProgram& choose_client(std::span<const ClientProgram> found, std::string_view name,
                                   int server_version) {
  const int wanted = major_version(server_version);
  const ClientProgram* best = nullptr;
  const ClientProgram* newest = nullptr;
  for (const ClientProgram& client : found) {
    const int major = major_version(client.version);
    if (newest == nullptr || client.version > newest->version) newest = &client;
    if (major < wanted) continue;
    const int best_major = best == nullptr ? 0 : major_version(best->version);
    if (best == nullptr || major < best_major ||
        (major == best_major && client.version > best->version)) {
      best = &client;
    }
  }
  if (best != nullptr) return *best;
  if (newest == nullptr) {
    throw Error(
        ErrorKind::failed, fmt::format("there is no {} on this machine", name),
        fmt::format("install postgresql-client-{}, or name its directory in PG_BINDIR", wanted));
  }
  throw Error(
      ErrorKind::failed,
      fmt::format("the server is PostgreSQL {}, but the newest {} here is {} ({})",
                  format_pg_version(server_version), name, format_pg_version(newest->version),
                  newest->path.string()),
      fmt::format("install postgresql-client-{}, or name its directory in PG_BINDIR", wanted));
}

std::vector<ClientProgram> find_clients(std::string_view name, const fs::path& bindir,
                                        const Environment& environment,
                                        const std::stop_token& stop) {
  std::vector<ClientProgram> found;
  std::set<fs::path> seen;
  for (const fs::path& folder : search_folders(bindir, environment)) {
    const fs::path program = folder / name;
    if (!seen.insert(program).second || access(program.c_str(), X_OK) != 0) continue;
    const int version = parse_client_version(version_output(program, environment, stop));
    if (version > 0) found.push_back({program, version});
  }
  return found;
}

int parse_client_version(std::string_view text) {
  constexpr std::string_view kMark = "(PostgreSQL) ";
  const size_t mark = text.find(kMark);
  if (mark == std::string_view::npos) return 0;
  text.remove_prefix(mark + kMark.size());
  std::array<int, 3> numbers{};
  size_t count = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (count < numbers.size()) {
    const auto [stopped, error] = std::from_chars(at, end, numbers[count]);
    if (error != std::errc()) break;
    ++count;
    at = stopped;
    if (at == end || *at != '.') break;
    ++at;
  }
  if (count == 0) return 0;
  // Development versions (`19devel`, `18rc1`) have no second number.
  if (numbers[0] >= 10) return numbers[0] * 10000 + (count > 1 ? numbers[1] : 0);
  return numbers[0] * 10000 + numbers[1] * 100 + numbers[2];
}

std::string connection_string(const PgConfig& config) {
  std::string text;
  for (const auto& [key, value] : connection_settings(config)) {
    text += fmt::format("{}{}='", text.empty() ? "" : " ", key);
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text;
}

std::vector<std::string> client_environment(const Environment& environment, bool has_password,
                                            std::chrono::seconds connect_limit) {
  std::vector<std::string> result;
  for (const auto& [name, value] : environment) {
    if (!is_withheld(name, has_password)) result.push_back(fmt::format("{}={}", name, value));
  }
  if (has_password) result.push_back(fmt::format("PGPASSFILE={}", child_fd_path(0)));
  if (!environment.contains("PGCONNECT_TIMEOUT")) {
    result.push_back(fmt::format("PGCONNECT_TIMEOUT={}", connect_limit.count()));
  }
  return result;
}

ClientProcess::ClientProcess(ClientCommand command, const PgConfig& config,
                             const Environment& environment, const std::stop_token& stop)
    : passfile_(make_passfile(config)),
      process_(
          [&] {
            ProcessSpec spec{.argv = {command.program.path.string()},
                             .environment = {},
                             .inherited_fds = {passfile_.get()},
                             .limit = command.limit};
            spec.inherited_fds.insert(spec.inherited_fds.end(), command.further_fds.begin(),
                                      command.further_fds.end());
            spec.argv.insert(spec.argv.end(), std::make_move_iterator(command.arguments.begin()),
                             std::make_move_iterator(command.arguments.end()));
            spec.argv.emplace_back("--no-password");
            spec.argv.push_back("--dbname=" + connection_string(config));
            const size_t places = list_places(connection_settings(config)).size();
            spec.environment =
                client_environment(environment, passfile_.is_open(), place_limit(places));
            return spec;
          }(),
          stop) {}

size_t ClientProcess::read(std::span<char> buffer) {
  const size_t got = process_.read(buffer);
  if (got > 0) forget_password();
  return got;
}

void ClientProcess::forget_password() {
  if (!passfile_.is_open()) return;
  if (ftruncate(passfile_.get(), 0) != 0) throw_errno("cannot empty the passfile");
  passfile_.close();
}

}  // namespace pgbackup
