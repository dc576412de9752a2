#include "common/base/signals.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "common/base/fd.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

/// Sends `signals` to a process that ends with 0 on a stop request, one after the other. Returns
/// its wait status. `prepare` is called there before it takes signals.
int status_after(
    const std::vector<int>& signals, const std::function<void()>& prepare = [] {}) {
  Pipe ready = make_pipe();
  const pid_t pid = fork();
  if (pid == 0) {
    static_cast<void>(std::signal(SIGHUP, SIG_DFL));  // the tests may run under nohup
    prepare();
    {
      std::atomic<int> runs = 0;
      const Signals taken([&] { ++runs; });
      static_cast<void>(::write(ready.write_end.get(), "r", 1));
      while (!taken.stop_token().stop_requested()) std::this_thread::yield();
      if (runs > 0) _exit(7);
    }
    _exit(0);
  }
  char byte = 0;
  REQUIRE(::read(ready.read_end.get(), &byte, 1) == 1);
  for (const int signal : signals) REQUIRE(::kill(pid, signal) == 0);
  int status = -1;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return status;
}

TEST_CASE("TERM, INT and HUP ask to stop") {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) CHECK(status_after({signal}) == 0);
}

TEST_CASE("USR2 makes nobody deaf") { CHECK(status_after({SIGUSR2, SIGUSR2, SIGTERM}) == 0); }

TEST_CASE("A HUP that nohup has ignored stays ignored") {
  const auto ignore = [] { static_cast<void>(std::signal(SIGHUP, SIG_IGN)); };
  CHECK(status_after({SIGHUP, SIGTERM}, ignore) == 0);
  // Only a signal that was taken could have asked for the stop.
  CHECK(status_after({SIGHUP, SIGUSR1, SIGTERM}, ignore) == 7 << 8);
}

}  // namespace
}  // namespace pgbackup
