// File descriptors: each is owned, closed once and always close-on-exec. Waits on descriptors end
// by a stop request or a deadline.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

struct pollfd;

namespace pgbackup {

/// Owns a file descriptor. Move-only.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { close(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int release();
  void close() noexcept;

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read_end;
  Fd write_end;
};

/// Opens those of the descriptors 0, 1 and 2 that are closed. Must run before anything else is
/// opened: a file or socket that got such a number would receive output meant for stdout or stderr.
/// Reading and writing there still fails.
void open_standard_descriptors() noexcept;

/// Makes a pipe. Throws `failed` when no descriptor is left.
[[nodiscard]] Pipe make_pipe();

/// Returns a file in memory with mode 0600 that holds `contents`; child processes reach it as
/// /proc/self/fd/N. Used to pass a secret to a program that wants a file, without a disk and
/// without clean-up.
[[nodiscard]] Fd make_memory_file(const char* name, std::string_view contents);

/// Returns the text of a small file (64 KiB at most) without the newline that editors and `echo`
/// leave at the end. Returns nullopt with errno set when the file cannot be read or does not end
/// (/dev/zero).
[[nodiscard]] std::optional<std::string> read_text_file(const std::string& path);

/// Writes all of `bytes` to a blocking descriptor (a file).
void write_all(int fd, std::string_view bytes, std::string_view what);

/// Wakes poll() when a stop is requested.
class StopFd {
 public:
  explicit StopFd(const std::stop_token& stop);

  /// Calls poll(2) on `fds` and on the stop request, at most until `deadline` (forever when it is
  /// max()). Returns false when the deadline passed. Throws `canceled` when a stop was requested.
  bool wait(std::span<pollfd> fds, std::chrono::steady_clock::time_point deadline) const;

 private:
  struct Notify {
    int fd;
    void operator()() const noexcept;
  };

  Fd event_;
  std::stop_token token_;
  std::stop_callback<Notify> callback_;
};

inline constexpr auto kNoDeadline = std::chrono::steady_clock::time_point::max();

}  // namespace pgbackup
