#include "backup/age_keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <set>
#include <utility>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/printable.h"
#include "common/base/text.h"
#include "common/codec/age_recipients.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// The most bytes of a file of identities: post-quantum ones have 60 bytes each.
constexpr size_t kMaxIdentityBytes = size_t{256} << 10U;

void require_program(const AgeKeys& keys, std::string_view setting) {
  if (!keys.program.empty()) return;
  throw Error(ErrorKind::usage,
              fmt::format("{} is set, and there is no program age in PATH", setting),
              "install the package age (Debian, Alpine: age)");
}

/// Returns what the program says of its version; "unknown" where it says nothing.
std::string version_of(const AgeKeys& keys) {
  constexpr std::chrono::seconds kLimit{10};
  constexpr size_t kMostBytes = 40;
  Process process({.argv = {keys.program.string(), "--version"},
                   .environment = keys.environment,
                   .limit = kLimit},
                  keys.stop);
  std::string text;
  std::array<char, 512> buffer{};
  while (const size_t got = process.read(buffer)) text.append(buffer.data(), got);
  const bool is_answer = process.wait();
  const std::string_view line = trimmed(std::string_view(text).substr(0, text.find('\n')));
  return is_answer && !line.empty() ? printable(line.substr(0, kMostBytes)) : "unknown";
}

/// Reads to the end of a file, kMaxIdentityBytes at most. Throws `usage`.
Secret read_secret_file(const Fd& file, const std::string& path) {
  std::string bytes(kMaxIdentityBytes + 1, '\0');
  size_t size = 0;
  ssize_t got = 0;
  while (size < bytes.size() &&
         (got = ::read(file.get(), bytes.data() + size, bytes.size() - size)) > 0) {
    size += static_cast<size_t>(got);
  }
  const int error = got < 0 ? errno : 0;
  Secret secret(std::string_view(bytes).substr(0, size));
  wipe(bytes);
  if (error == 0 && size <= kMaxIdentityBytes) return secret;
  throw Error(ErrorKind::usage,
              fmt::format("{}: cannot read {}: {}", kAgeIdentityFile, path,
                          error != 0 ? errno_text(error) : "it is too large for identities"));
}

bool is_protected(std::string_view file) {
  return file.starts_with("age-encryption.org/v") ||
         trimmed(file).starts_with("-----BEGIN AGE ENCRYPTED FILE-----");
}

/// Returns why age could not use a file; empty: nothing is known against it.
std::string complaint_about(std::string_view file) {
  // What the key of OpenSSH begins with where its cipher is `none`.
  constexpr std::string_view kOpen = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";
  constexpr std::string_view kOpenSsh = "-----BEGIN OPENSSH PRIVATE KEY-----";
  const auto has = [&](std::string_view text) { return file.find(text) != std::string::npos; };
  const bool is_locked = (has(kOpenSsh) && !has(kOpen)) || has("BEGIN ENCRYPTED PRIVATE KEY") ||
                         has("Proc-Type: 4,ENCRYPTED");
  if (is_locked) {
    return "is an SSH key with a passphrase, for which age would ask again and again: make a copy "
           "without one (ssh-keygen -p -N '' -f COPY), or use an age identity";
  }
  if (has("AGE-SECRET-KEY-") || has("AGE-PLUGIN-") || has("PRIVATE KEY-----")) return "";
  if (has("age1") || has("ssh-")) {
    return "holds recipients, which close backups: to open one takes the secret key";
  }
  return "holds no identity (AGE-SECRET-KEY-1..., or an SSH key)";
}

/// Returns whether a person can be asked: there is a terminal, and we have it.
bool has_terminal() {
  const Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  return terminal.is_open() && tcgetpgrp(terminal.get()) == getpgrp();
}

/// Starts `age --decrypt` in our own process group, which has the terminal, and returns its id. Its
/// output goes to `output`.
pid_t start_decryption(const AgeKeys& keys, const Fd& input, const Fd& output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string program = keys.program.string();
  std::string verb = "--decrypt";
  std::array<char*, 3> argv = {program.data(), verb.data(), nullptr};
  std::vector<char*> environment;
  for (const std::string& one : keys.environment) {
    environment.push_back(const_cast<char*>(one.c_str()));
  }
  environment.push_back(nullptr);
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return pid;
  throw Error(ErrorKind::failed, fmt::format("cannot start {}: {}", program, errno_text(error)));
}

/// Lets age ask for the passphrase of a file and open it.
Secret open_on_terminal(const AgeKeys& keys, const Secret& file, const std::string& path) {
  if (!has_terminal()) {
    throw Error(ErrorKind::usage,
                fmt::format("{}: a passphrase protects {}, and there is no terminal to ask for it",
                            kAgeIdentityFile, path),
                "start pg-backup on a terminal (docker run -it), or name a file without a "
                "passphrase");
  }
  const Fd input = make_memory_file("protected", file.reveal());
  if (lseek(input.get(), 0, SEEK_SET) != 0) throw_errno("lseek");
  const Fd output = make_memory_file("identity", "");
  const pid_t pid = start_decryption(keys, input, output);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw_errno("waitpid");
  }
  if (status != 0) {
    throw Error(ErrorKind::denied, fmt::format("{}: age has not opened {}", kAgeIdentityFile, path),
                "is the passphrase right?");
  }
  if (lseek(output.get(), 0, SEEK_SET) != 0) throw_errno("lseek");
  return read_secret_file(output, path);
}

}  // namespace

void find_age(AgeKeys& keys, const Environment& environment) {
  keys.environment.clear();
  for (const auto& [name, value] : environment) {
    const bool is_of_others = name.starts_with("AWS_") || name.starts_with("PG");
    if (!is_of_others) keys.environment.push_back(fmt::format("{}={}", name, value));
  }
  const auto path = environment.find("PATH");
  keys.program = path == environment.end() ? fs::path() : find_program(path->second, "age");
}

AgeTrial try_encrypting(const AgeKeys& keys) {
  require_program(keys, kAgeRecipients);
  AgeTrial trial{.version = version_of(keys)};
  const std::vector<std::string> all = list_recipients(keys.recipients);
  trial.recipients = std::set(all.begin(), all.end()).size();
  NullSink nowhere;
  try {
    AgeSink(nowhere, keys).finish();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled) throw;
    throw Error(ErrorKind::usage, fmt::format("{}: {}", kAgeRecipients, error.message()),
                error.hint());
  }
  return trial;
}

void begin_encrypting(AgeOptions& options, Log& log) {
  if (!options.encrypts()) return;
  AgeKeys& keys = options.keys;
  const AgeTrial trial = try_encrypting(keys);
  keys.version = trial.version;
  log.info("backups are encrypted", {{"age", trial.version},
                                     {"program", keys.program.string()},
                                     {"recipients", trial.recipients}});
  if (trial.recipients < 2) log.warn(kOneRecipient, {{"hint", kOneRecipientHint}});
}

void read_identities(AgeOptions& options) {
  options.keys.identities.clear();
  if (options.identity_files.empty()) return;
  require_program(options.keys, kAgeIdentityFile);
  for (const Word& word : split_list(options.identity_files.string())) {
    const std::string& path = word.text;
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) {
      throw Error(ErrorKind::usage,
                  fmt::format("{}: cannot open {}: {}", kAgeIdentityFile, path, errno_text(errno)),
                  errno == EACCES ? fmt::format("the program runs as user id {}", geteuid()) : "");
    }
    Secret identity = read_secret_file(file, path);
    if (is_protected(identity.reveal())) identity = open_on_terminal(options.keys, identity, path);
    if (const std::string complaint = complaint_about(identity.reveal()); !complaint.empty()) {
      throw Error(ErrorKind::usage, fmt::format("{}: {} {}", kAgeIdentityFile, path, complaint));
    }
    options.keys.identities.push_back(std::move(identity));
  }
}

}  // namespace pgbackup
