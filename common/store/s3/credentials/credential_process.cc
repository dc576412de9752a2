#include "common/store/s3/credentials/credential_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/process.h"
#include "common/base/text.h"
#include "common/store/s3/credentials/credential_documents.h"

namespace pgbackup {
namespace {

constexpr std::chrono::seconds kLimit{60};
constexpr size_t kMaxOutputBytes = size_t{64} << 10U;

/// Returns the file to start.
std::string program_file(const CredentialContext& context, const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const std::filesystem::path found = find_program(variable(context, "PATH"), name);
  if (!found.empty()) return found.string();
  throw Error(ErrorKind::usage, fmt::format("there is no program {} in PATH", name));
}

/// Returns whether a variable holds a secret of pg-backup alone. The context's environment is
/// without our own secrets, but pg-prune does not know those of pg-backup, with which it may share
/// a file of settings.
bool is_of_pg_backup(std::string_view name) {
  constexpr std::array<std::string_view, 9> kNames = {
      "DB_PASSWORD",  "POSTGRES_PASSWORD",        "PGPASS",
      "DATABASE_URL", "TARGET_PASSWORD",          "TARGET_URL",
      "VERIFY_URL",   "BACKUP_AGE_IDENTITY_FILE", "BACKUP_SIGN_KEY"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](std::string_view start) { return name.starts_with(start); });
}

/// Returns what the program may need, including AWS_*: a profile may build on the keys of another
/// one.
std::vector<std::string> environment_of(const CredentialContext& context) {
  std::vector<std::string> result;
  for (const auto& [name, value] : context.environment) {
    if (!is_of_pg_backup(name)) result.push_back(fmt::format("{}={}", name, value));
  }
  return result;
}

std::string output_of(Process& process) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (const size_t got = process.read(buffer)) {
    text.append(buffer.data(), got);
    if (text.size() > kMaxOutputBytes) {
      wipe(text);
      throw Error(ErrorKind::corrupt, fmt::format("prints more than {} bytes", kMaxOutputBytes));
    }
  }
  explicit_bzero(buffer.data(), buffer.size());
  return text;
}

/// Returns the last line of the program's error output.
std::string complaint_of(const Process& process) {
  const std::string errors = process.errors();
  const std::string line = short_line(errors.substr(errors.rfind('\n') + 1));
  return line.empty() ? "" : ": " + line;
}

}  // namespace

std::vector<std::string> split_command(std::string_view command) {
  std::vector<std::string> words;
  bool is_in_word = false;
  char quote = '\0';
  for (size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote == '\0' && is_whitespace(c)) {
      is_in_word = false;
      continue;
    }
    if (!is_in_word) words.emplace_back();
    is_in_word = true;
    if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < command.size()) {
      words.back() += command[++i];
    } else {
      words.back() += c;
    }
  }
  if (quote != '\0') throw Error(ErrorKind::usage, "credential_process: a quote has no end");
  if (words.empty()) throw Error(ErrorKind::usage, "credential_process names no program");
  return words;
}

Credentials run_credential_process(const CredentialContext& context, std::string_view command,
                                   const std::stop_token& stop) {
  std::vector<std::string> argv = split_command(command);
  argv.front() = program_file(context, argv.front());
  return with_context("credential_process " + argv.front(), [&] {
    Process process({.argv = argv, .environment = environment_of(context), .limit = kLimit}, stop);
    process.close_stdin();
    std::string output = output_of(process);
    if (!process.wait()) {
      wipe(output);
      throw Error(ErrorKind::failed, process.status_text() + complaint_of(process));
    }
    Credentials credentials = parse_process_document(output);
    wipe(output);
    return credentials;
  });
}

}  // namespace pgbackup
