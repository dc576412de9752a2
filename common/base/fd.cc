#include "common/base/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "common/base/error.h"

namespace pgbackup {

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::close() noexcept {
  if (fd_ >= 0) ::close(release());
}

void open_standard_descriptors() noexcept {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) != -1) continue;
    // open() takes the lowest free number. The mode is the wrong one on purpose: reading and
    // writing there must fail.
    const int mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (open("/dev/null", mode) != fd && open("/", O_RDONLY | O_DIRECTORY) != fd) _exit(1);
  }
}

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("cannot make a pipe");
  return {Fd(ends[0]), Fd(ends[1])};
}

Fd make_memory_file(const char* name, std::string_view contents) {
  Fd file(memfd_create(name, MFD_CLOEXEC));
  if (!file.is_open()) throw_errno("cannot make a file in memory");
  if (fchmod(file.get(), 0600) != 0) throw_errno("cannot protect a file in memory");
  write_all(file.get(), contents, "cannot write a file in memory");
  return file;
}

std::optional<std::string> read_text_file(const std::string& path) {
  constexpr size_t kMaxBytes = size_t{64} << 10U;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return std::nullopt;
  std::string text;
  std::array<char, 4096> buffer{};
  while (const ssize_t got = ::read(file.get(), buffer.data(), buffer.size())) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > kMaxBytes) {
      errno = EFBIG;
      return std::nullopt;
    }
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  explicit_bzero(buffer.data(), buffer.size());
  return text;
}

void write_all(int fd, std::string_view bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno(what);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void StopFd::Notify::operator()() const noexcept {
  const uint64_t one = 1;
  static_cast<void>(::write(fd, &one, sizeof one));  // can only fail when it is set already
}

StopFd::StopFd(const std::stop_token& stop)
    : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      token_(stop),
      callback_(stop, Notify{event_.get()}) {
  if (!event_.is_open()) throw_errno("cannot make an eventfd");
}

bool StopFd::wait(std::span<pollfd> fds, std::chrono::steady_clock::time_point deadline) const {
  using std::chrono::milliseconds;
  std::vector<pollfd> all(fds.begin(), fds.end());
  all.push_back({event_.get(), POLLIN, 0});
  while (true) {
    int timeout = -1;
    if (deadline != kNoDeadline) {
      const auto left =
          std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
      timeout = static_cast<int>(std::clamp<long>(left.count(), 0, 3'600'000));
    }
    const int ready = poll(all.data(), all.size(), timeout);
    if (ready < 0 && errno != EINTR) throw_errno("poll");
    if (token_.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
    if (ready > 0) {
      std::copy_n(all.begin(), fds.size(), fds.begin());
      return true;
    }
    if (deadline != kNoDeadline && std::chrono::steady_clock::now() >= deadline) return false;
  }
}

}  // namespace pgbackup
