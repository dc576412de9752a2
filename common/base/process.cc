#include "common/base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/base/error.h"
#include "common/base/handle.h"

namespace pgbackup {
namespace {

constexpr size_t kErrorsKept = size_t{64} << 10U;
/// The table of contents of a database with a million objects fits.
constexpr size_t kEarlyOutputKept = size_t{256} << 20U;
/// An unprivileged process may ask for no more (/proc/sys/fs/pipe-max-size); a large pipe needs
/// fewer switches.
constexpr int kPipeBytes = 1 << 20;
constexpr int kFirstInheritedFd = 3;

/// Holds file actions and attributes of posix_spawn, and frees them together.
struct SpawnSettings {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};

  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
};

/// Blocks no signals in the child (main blocks them for its threads) and ignores none: a shell
/// without job control ignores some for what it starts with `&`.
void set_attributes(posix_spawnattr_t* attributes, pid_t group) {
  sigset_t none;
  sigset_t restored;
  sigemptyset(&none);
  sigfillset(&restored);
  posix_spawnattr_setpgroup(attributes, group);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &restored);
  posix_spawnattr_setflags(attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

void set_nonblocking(const Fd& fd) {
  if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) throw_errno("fcntl");
}

/// Returns copies of `fds` with numbers that the child does not use.
std::vector<Fd> moved_up(const std::vector<int>& fds) {
  std::vector<Fd> moved;
  for (const int fd : fds) {
    moved.emplace_back(fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10));
    if (fd >= 0 && !moved.back().is_open()) throw_errno("cannot hand down a descriptor");
  }
  return moved;
}

}  // namespace

std::string child_fd_path(size_t index) {
  return fmt::format("/proc/self/fd/{}", kFirstInheritedFd + static_cast<int>(index));
}

std::vector<std::filesystem::path> path_folders(std::string_view path) {
  std::vector<std::filesystem::path> folders;
  while (!path.empty()) {
    const std::string_view folder = path.substr(0, path.find(':'));
    path.remove_prefix(std::min(folder.size() + 1, path.size()));
    if (!folder.empty()) folders.emplace_back(folder);
  }
  return folders;
}

std::filesystem::path find_program(std::string_view path, std::string_view name) {
  for (const std::filesystem::path& folder : path_folders(path)) {
    std::filesystem::path program = folder / name;
    std::error_code ignored;  // what cannot be looked at cannot be started
    const bool is_file = std::filesystem::is_regular_file(program, ignored);
    if (is_file && access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

Process::Process(const ProcessSpec& spec, const std::stop_token& stop)
    : name_(spec.argv.front()),
      stop_(stop),
      deadline_(spec.limit.count() == 0 ? kNoDeadline
                                        : std::chrono::steady_clock::now() + spec.limit) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  // A smaller pipe (a user beyond the pipe quota) is slower, not wrong.
  static_cast<void>(fcntl(in.write_end.get(), F_SETPIPE_SZ, kPipeBytes));
  static_cast<void>(fcntl(out.read_end.get(), F_SETPIPE_SZ, kPipeBytes));

  lifeline_.emplace(in.write_end);
  // dup2 of a descriptor onto itself would keep close-on-exec, so the inherited ones move out
  // of the way.
  const std::vector<Fd> inherited = moved_up(spec.inherited_fds);
  SpawnSettings settings;
  posix_spawn_file_actions_adddup2(&settings.actions, in.read_end.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&settings.actions, out.write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&settings.actions, err.write_end.get(), STDERR_FILENO);
  int next = kFirstInheritedFd;
  for (const Fd& fd : inherited) {
    if (fd.is_open()) {
      posix_spawn_file_actions_adddup2(&settings.actions, fd.get(), next);
    } else {
      posix_spawn_file_actions_addclose(&settings.actions, next);
    }
    ++next;
  }
  // Descriptors that a library has left open, such as libpq's or libcurl's sockets, end here.
  posix_spawn_file_actions_addclosefrom_np(&settings.actions, next);
  set_attributes(&settings.attributes, lifeline_->group());
  const std::vector<char*> argv = pointers(spec.argv);
  const std::vector<char*> environment = pointers(spec.environment);
  const int error = posix_spawn(&pid_, name_.c_str(), &settings.actions, &settings.attributes,
                                argv.data(), environment.data());
  if (error != 0) {
    throw Error(ErrorKind::failed, fmt::format("cannot start {}: {}", name_, errno_text(error)));
  }
  running_ = true;
  // glibc 2.36 declares pidfd_open() without extern "C".
  pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  stdin_ = std::move(in.write_end);
  stdout_ = std::move(out.read_end);
  stderr_ = std::move(err.read_end);
  try {
    if (!pidfd_.is_open()) throw_errno("pidfd_open");
    for (const Fd* fd : {&stdin_, &stdout_, &stderr_}) set_nonblocking(*fd);
  } catch (...) {
    kill();
    throw;
  }
}

void Process::close_stdin() noexcept {
  stdin_.close();
  if (lifeline_) lifeline_->release_input();
}

Process::~Process() { kill(); }

size_t Process::read(std::span<char> buffer) {
  if (early_taken_ < early_output_.size()) {
    const size_t count = early_output_.copy(buffer.data(), buffer.size(), early_taken_);
    early_taken_ += count;
    return count;
  }
  while (stdout_.is_open()) {
    std::array<pollfd, 2> fds = {{{stdout_.get(), POLLIN, 0}, {stderr_.get(), POLLIN, 0}}};
    wait_for(fds);
    if (fds[1].revents != 0) drain_stderr();
    if (fds[0].revents == 0) continue;
    const ssize_t got = ::read(stdout_.get(), buffer.data(), buffer.size());
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EAGAIN && errno != EINTR) throw_errno(name_ + ": cannot read its output");
  }
  return 0;
}

bool Process::write(std::string_view bytes) {
  while (!bytes.empty()) {
    std::array<pollfd, 3> fds = {
        {{stdin_.get(), POLLOUT, 0}, {stderr_.get(), POLLIN, 0}, {stdout_.get(), POLLIN, 0}}};
    wait_for(fds);
    if (fds[1].revents != 0) drain_stderr();
    if (fds[2].revents != 0) keep_early_output();
    if (fds[0].revents == 0) continue;
    const ssize_t written = ::write(stdin_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EPIPE) return false;
    if (written < 0 && errno != EAGAIN && errno != EINTR) {
      throw_errno(name_ + ": cannot write to it");
    }
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

bool Process::wait() {
  while (running_) {
    std::array<pollfd, 3> fds = {
        {{pidfd_.get(), POLLIN, 0}, {stderr_.get(), POLLIN, 0}, {stdout_.get(), POLLIN, 0}}};
    wait_for(fds);
    if (fds[1].revents != 0) drain_stderr();
    if (fds[2].revents != 0) keep_early_output();
    if (fds[0].revents == 0) continue;
    if (waitpid(pid_, &status_, 0) == pid_) {
      running_ = false;
      lifeline_.reset();
    } else if (errno != EINTR) {
      throw_errno(name_ + ": cannot find out how it ended");
    }
  }
  drain_stderr();
  return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}

bool Process::wait_for_error_line(std::string_view line) {
  const std::string wanted = fmt::format("{}\n", line);
  for (;;) {
    const size_t at = errors_.find(wanted);
    if (at != std::string::npos) {
      errors_.erase(at, wanted.size());
      return true;
    }
    if (!stderr_.is_open()) return false;
    std::array<pollfd, 2> fds = {{{stderr_.get(), POLLIN, 0}, {stdout_.get(), POLLIN, 0}}};
    wait_for(fds);
    if (fds[0].revents != 0) drain_stderr();
    if (fds[1].revents != 0) keep_early_output();
  }
}

void Process::kill() noexcept {
  if (!running_) return;
  lifeline_->kill();
  while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  running_ = false;
  lifeline_.reset();
}

std::string Process::status_text() const {
  if (WIFSIGNALED(status_)) {
    const int signal = WTERMSIG(status_);
    return fmt::format("was killed by signal {} ({})", signal, strsignal(signal));
  }
  return fmt::format("exited with {}", WEXITSTATUS(status_));
}

bool Process::was_killed() const { return WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL; }

std::string Process::errors() const {
  std::string text = errors_;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

void Process::wait_for(std::span<pollfd> fds) const {
  if (!stop_.wait(fds, deadline_)) {
    throw Error(ErrorKind::transient, name_ + " takes too long");
  }
}

/// Keeps what the child writes while we write or wait: a child that waits for us to read would wait
/// for ever.
void Process::keep_early_output() {
  std::array<char, 65536> buffer{};
  const ssize_t got = ::read(stdout_.get(), buffer.data(), buffer.size());
  if (got == 0) stdout_.close();
  if (got <= 0) return;
  if (take_) return take_({buffer.data(), static_cast<size_t>(got)});
  early_output_.append(buffer.data(), static_cast<size_t>(got));
  if (early_output_.size() > kEarlyOutputKept) {
    throw Error(ErrorKind::failed,
                fmt::format("{} writes more than {} bytes before it has read its "
                            "input",
                            name_, kEarlyOutputKept));
  }
}

void Process::drain_stderr() {
  std::array<char, 16384> buffer{};
  while (stderr_.is_open()) {
    const ssize_t got = ::read(stderr_.get(), buffer.data(), buffer.size());
    if (got == 0) stderr_.close();
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    keep({buffer.data(), static_cast<size_t>(got)});
  }
}

void Process::keep(std::string_view text) {
  if (watch_) watch_(text);
  errors_ += text;
  if (errors_.size() > 2 * kErrorsKept) errors_.erase(0, errors_.size() - kErrorsKept);
}

}  // namespace pgbackup
