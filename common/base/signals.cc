#include "common/base/signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "common/base/error.h"

namespace pgbackup {
namespace {

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t watched_signals() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&watched, signal);
  if (!is_ignored(SIGHUP)) sigaddset(&watched, SIGHUP);
  return watched;
}

}  // namespace

Signals::Signals(std::function<void()> on_run_now) : on_run_now_(std::move(on_run_now)) {
  const sigset_t watched = watched_signals();
  pthread_sigmask(SIG_BLOCK, &watched, nullptr);
  // A peer that closes a pipe or socket gives us an error code and does not end us. A wrong signal
  // does not end us, either.
  for (const int signal : {SIGPIPE, SIGUSR2}) static_cast<void>(std::signal(signal, SIG_IGN));
  // A supervisor may have left SIGCHLD ignored: then nobody could learn how a child ended.
  static_cast<void>(std::signal(SIGCHLD, SIG_DFL));
  signals_ = Fd(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_open()) throw_errno("cannot make a signalfd");
  thread_ = std::jthread([this] { wait_for_signals(); });
}

Signals::~Signals() { end_.request_stop(); }

void Signals::wait_for_signals() noexcept {
  while (!end_.stop_requested()) {
    try {
      take_signal();
    } catch (...) {
      continue;  // the end, or no memory to wait with
    }
  }
}

void Signals::take_signal() {
  std::array<pollfd, 1> fds = {{{signals_.get(), POLLIN, 0}}};
  end_fd_.wait(fds, kNoDeadline);
  signalfd_siginfo signal{};
  if (::read(signals_.get(), &signal, sizeof signal) != ssize_t{sizeof signal}) return;
  if (signal.ssi_signo == uint32_t{SIGUSR1}) {
    on_run_now_();
  } else {
    stop_.request_stop();
  }
}

}  // namespace pgbackup
