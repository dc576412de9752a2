// A child process: argv only (never a shell), its own process group, which ends with us however we
// end (lifeline.h), the original signal mask, no descriptor of ours but the one meant for it, stdin
// and stdout as pipes, stderr kept apart. Reading, writing and waiting also drain stderr, so that a
// talkative child cannot block. One thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
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
  std::vector<std::string> argv;         ///< argv[0] is a path; no search
  std::vector<std::string> environment;  ///< `NAME=value`, all of it
  /// Handed down as descriptor 3, or not at all; see kChildFdPath.
  int inherited_fd = -1;
  /// From the start to the end; zero: no bound. Every call throws `transient` once it is over.
  std::chrono::seconds limit{0};
};

/// Where the child finds ProcessSpec::inherited_fd.
inline constexpr const char* kChildFdPath = "/proc/self/fd/3";

class Process {
 public:
  /// Starts it. Throws `failed` naming the program when it cannot be started.
  Process(const ProcessSpec& spec, const std::stop_token& stop);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Kills the process group and reaps the child, if it still runs.
  ~Process();

  /// What the child wrote to stdout; 0 at its end, which says nothing about success. Throws
  /// `canceled`.
  size_t read(std::span<char> buffer);
  /// Writes all of `bytes` to the child's stdin. Returns false when the child closed it.
  bool write(std::string_view bytes);
  /// Waits until the child has written `line` to stderr, and takes it out of errors(). Returns
  /// false when it closed stderr before. Throws `canceled`.
  bool wait_for_error_line(std::string_view line);
  /// From now on what the child writes to stdout while we write or wait goes to `take`, which may
  /// throw, and not to read().
  void forward_output(std::function<void(std::string_view)> take) { take_ = std::move(take); }
  /// From now on all that the child writes to stderr also goes to `take`, as it comes.
  void watch_errors(std::function<void(std::string_view)> take) { watch_ = std::move(take); }
  /// The child sees the end of its input. Without it, after a kill, or when we are killed, it never
  /// does.
  void close_stdin() noexcept;
  /// Waits for the end, and ends what the child has left in its group. Returns true when the child
  /// exited with 0. Throws `canceled`.
  bool wait();
  /// SIGKILL to the whole group, and waits.
  void kill() noexcept;

  /// `exited with 1`, `was killed by signal 9 (Killed)`. After wait() or kill().
  [[nodiscard]] std::string status_text() const;
  /// By SIGKILL, as the kernel does when memory runs out. After wait() or kill().
  [[nodiscard]] bool was_killed() const;
  /// The end of stderr, at least 64 KiB of it, without trailing blanks.
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
  std::string early_output_;  ///< came while we wrote or waited
  size_t early_taken_ = 0;    ///< of it, by read()
  std::string errors_;
  std::function<void(std::string_view)> watch_;
  bool running_ = false;
  int status_ = 0;
};

}  // namespace pgbackup
