// A process group that ends when this program does, however that happens: by SIGKILL, when memory
// runs out, with its container. A watcher process in that group waits for the end of a socket,
// which the kernel closes with this program, and then kills the group. PR_SET_PDEATHSIG would not
// do: it belongs to the thread that started the child, does not reach what the child starts, and
// comes after our end of the child's stdin is closed.
#pragma once

#include <sys/types.h>

#include "common/base/fd.h"

namespace pgbackup {

class Lifeline {
 public:
  /// Starts the watcher in a group of its own. `input` is our end of the stdin of the group's
  /// child. The watcher keeps `input` open as well, so that a child whose parent is gone is killed
  /// before it could see the end of its input.
  explicit Lifeline(const Fd& input);
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;
  /// Kills the rest of the group, and reaps those of its processes that are our children.
  ~Lifeline();

  [[nodiscard]] pid_t group() const { return watcher_; }
  /// Makes the watcher close `input`. The child sees the end of its input once we have closed it,
  /// too.
  void release_input() const noexcept;
  /// Sends SIGKILL to the whole group.
  void kill() const noexcept;

 private:
  Fd ours_;
  pid_t watcher_;
};

}  // namespace pgbackup
