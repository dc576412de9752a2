// A process group that ends when we do, however we end: by SIGKILL, for want of memory, with a
// container. A watcher, which is a process in that group, waits for the end of a socket of ours,
// which the kernel closes for us, and then kills the group. (PR_SET_PDEATHSIG would belong to the
// thread that started the child, would not reach what the child starts, and would come after our
// end of the child's stdin is closed.)
#pragma once

#include <sys/types.h>

#include "common/base/fd.h"

namespace pgbackup {

class Lifeline {
 public:
  /// Starts the watcher in a group of its own. `input` is our end of the stdin of the group's
  /// child. The watcher keeps it open as well: a child whose parent is gone is killed before it
  /// could take that for the end of its input.
  explicit Lifeline(const Fd& input);
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;
  /// Kills what is left of the group, and reaps what of it is a child of ours.
  ~Lifeline();

  [[nodiscard]] pid_t group() const { return watcher_; }
  /// The watcher closes `input`: the child sees its end once we have closed it, too.
  void release_input() const noexcept;
  /// SIGKILL to all of the group.
  void kill() const noexcept;

 private:
  Fd ours_;
  pid_t watcher_;
};

}  // namespace pgbackup
