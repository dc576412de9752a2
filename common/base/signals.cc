#include "common/base/signals.h"

#include <pthread.h>

#include <utility>

namespace pgbackup {
namespace {

/// Ends the waiting thread; unused otherwise.
constexpr int kLeave = SIGUSR2;

}  // namespace

Signals::Signals(std::function<void()> on_run_now) : on_run_now_(std::move(on_run_now)) {
  sigemptyset(&watched_);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, kLeave}) sigaddset(&watched_, signal);
  pthread_sigmask(SIG_BLOCK, &watched_, nullptr);
  // A peer that closes a pipe or socket is an error code, not our end.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  // A supervisor may have left it ignored: then nobody could learn how a child ended.
  static_cast<void>(std::signal(SIGCHLD, SIG_DFL));
  thread_ = std::jthread([this] { wait_for_signals(); });
}

Signals::~Signals() { pthread_kill(thread_.native_handle(), kLeave); }

void Signals::wait_for_signals() {
  while (true) {
    int signal = 0;
    if (sigwait(&watched_, &signal) != 0) continue;
    if (signal == kLeave) return;
    if (signal == SIGUSR1) {
      on_run_now_();
    } else {
      stop_.request_stop();
    }
  }
}

}  // namespace pgbackup
