// A child process, started from an argv and never by a shell. The child has its own process group,
// which ends with this program however that happens (lifeline.h), the original signal mask, no
// descriptor of ours but the one meant for it, stdin and stdout as pipes, and stderr apart.
// Reading, writing and waiting also drain stderr, so that a talkative child cannot block. Used by
// one thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/fd.h"
#include "common/base/lifeline.h"

namespace pgbackup {

struct ProcessSpec {
  std::vector<std::string> argv;         ///< argv[0] is a path; PATH is not searched
  std::vector<std::string> environment;  ///< `NAME=value`, the whole environment
  /// Descriptors that the child gets as numbers 3, 4, ...; -1 leaves a number out. The child opens
  /// them by child_fd_path().
  std::vector<int> inherited_fds{};
  /// The longest time from the start to the end; zero: no bound. Every call throws `transient` once
  /// it is over.
  std::chrono::seconds limit{0};
};

/// Returns the path by which the child opens inherited_fds[index] of ProcessSpec.
[[nodiscard]] std::string child_fd_path(size_t index);

/// Returns the directories that PATH names, in their order, without empty ones.
[[nodiscard]] std::vector<std::filesystem::path> path_folders(std::string_view path);
/// Returns the first program of that name in the directories of PATH; empty where there is none.
[[nodiscard]] std::filesystem::path find_program(std::string_view path, std::string_view name);

class Process {
 public:
  /// Starts the child. Throws `failed` with the program's name when it cannot be started.
  Process(const ProcessSpec& spec, const std::stop_token& stop);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Kills the process group and reaps the child, if it still runs.
  ~Process();

  /// Reads what the child wrote to stdout. Returns 0 at its end, which says nothing about success.
  /// Throws `canceled`.
  size_t read(std::span<char> buffer);
  /// Writes all of `bytes` to the child's stdin. Returns false when the child closed it.
  bool write(std::string_view bytes);
  /// Waits until the child has written `line` to stderr, and drops the line from errors(). Returns
  /// false when the child closed stderr before. Throws `canceled`.
  bool wait_for_error_line(std::string_view line);
  /// Passes what the child writes to stdout, while we write or wait, to `take` and not to read().
  /// `take` may throw.
  void forward_output(std::function<void(std::string_view)> take) { take_ = std::move(take); }
  /// Passes all that the child writes to stderr from now on to `take` as well, as it comes.
  void watch_errors(std::function<void(std::string_view)> take) { watch_ = std::move(take); }
  /// Ends the child's input. Without this call the child never sees the end of its input, even
  /// after kill() or when this program is killed.
  void close_stdin() noexcept;
  /// Waits for the child's end, and ends what it has left in its group. Returns true when the child
  /// exited with 0. Throws `canceled`.
  bool wait();
  /// Sends SIGKILL to the whole group, and waits for its end.
  void kill() noexcept;

  /// Returns `exited with 1` or `was killed by signal 9 (Killed)`. Valid after wait() or kill().
  [[nodiscard]] std::string status_text() const;
  /// Returns whether SIGKILL ended the child, as the kernel does when memory runs out. Valid after
  /// wait() or kill().
  [[nodiscard]] bool was_killed() const;
  /// Returns the end of stderr, at least 64 KiB of it, without whitespace at its end.
  [[nodiscard]] std::string errors() const;

 private:
  void wait_for(std::span<pollfd> fds) const;
  void keep_early_output();
  void drain_stderr();
  void keep(std::string_view text);

  std::string name_;
  StopFd stop_;
  std::chrono::steady_clock::time_point deadline_;
  pid_t pid_ = -1;
  Fd pidfd_;
  Fd stdin_;
  Fd stdout_;
  Fd stderr_;
  std::optional<Lifeline> lifeline_;  ///< while the child runs
  std::function<void(std::string_view)> take_;
  std::string early_output_;  ///< what came while we wrote or waited
  size_t early_taken_ = 0;    ///< how much of `early_output_` read() has returned
  std::string errors_;
  std::function<void(std::string_view)> watch_;
  bool running_ = false;
  int status_ = 0;
};

}  // namespace pgbackup
