#include "common/base/lifeline.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/base/error.h"

namespace pgbackup {
namespace {

struct SocketPair {
  Fd ours;
  Fd theirs;
};

SocketPair make_socket_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw_errno("cannot make a pair of sockets");
  }
  return {Fd(ends[0]), Fd(ends[1])};
}

/// Runs the watcher, a copy of a process in which other threads may hold any lock: only calls that
/// signal-safety(7) allows. Closes all other descriptors, so that no end of a pipe waits for the
/// watcher.
[[noreturn]] void watch(int lifeline, int input) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  // kill(0) would end other processes in the group that we were started in.
  if (setpgid(0, 0) != 0) _exit(1);
  prctl(PR_SET_NAME, "child-watch");
  dup2(lifeline, STDIN_FILENO);
  dup2(input, STDOUT_FILENO);
  closefrom(STDERR_FILENO);
  while (true) {
    char released = 0;
    const ssize_t got = ::read(STDIN_FILENO, &released, sizeof released);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    ::close(STDOUT_FILENO);
  }
  ::kill(0, SIGKILL);
  _exit(0);
}

}  // namespace

Lifeline::Lifeline(const Fd& input) : watcher_(-1) {
  SocketPair ends = make_socket_pair();
  watcher_ = fork();
  if (watcher_ < 0) throw_errno("cannot start a process");
  if (watcher_ == 0) watch(ends.theirs.get(), input.get());
  setpgid(watcher_, watcher_);  // both processes do it: done before anyone relies on it
  ours_ = std::move(ends.ours);
}

Lifeline::~Lifeline() {
  kill();
  // As process 1 of a container we are also the parent of what the child has left behind.
  while (waitpid(-watcher_, nullptr, 0) > 0 || errno == EINTR) {
  }
}

void Lifeline::release_input() const noexcept {
  const char released = 1;
  static_cast<void>(::send(ours_.get(), &released, sizeof released, MSG_NOSIGNAL));
}

void Lifeline::kill() const noexcept { ::kill(-watcher_, SIGKILL); }

}  // namespace pgbackup
