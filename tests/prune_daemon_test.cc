#include <stdexcept>
#include <thread>
#include <vector>

#include "common/base/error.h"
#include "prune/daemon.h"
#include "tests/fake_clock.h"
#include "tests/test.h"
#include "tests/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

/// Runs the daemon with `body` as the run; after `count` runs a stop is requested. The starts of
/// the runs, in minutes since the first.
class DaemonFixture {
 public:
  FakeClock clock;
  TestLog log{clock};
  std::stop_source stop;
  std::vector<long> starts;

  template <class Body>
  void serve(size_t count, const Body& body) {
    const UtcTime begin = clock.now();
    PruneDaemon daemon(
        hours(1),
        [&] {
          starts.push_back(std::chrono::duration_cast<minutes>(clock.now() - begin).count());
          if (starts.size() == count) stop.request_stop();
          body(daemon_);
        },
        clock, log.log());
    daemon_ = &daemon;
    daemon.serve(stop.get_token());
  }
  [[nodiscard]] bool logged(std::string_view text) const {
    return log.text().find(text) != std::string::npos;
  }

 private:
  PruneDaemon* daemon_ = nullptr;
};

TEST_CASE_METHOD(DaemonFixture, "A run at start, then one per interval from start to start") {
  serve(4, [&](PruneDaemon*) { clock.advance(minutes(10)); });
  CHECK(starts == std::vector<long>{0, 60, 120, 180});
}

TEST_CASE_METHOD(DaemonFixture,
                 "After a run longer than the interval the next one follows at once") {
  serve(3, [&](PruneDaemon*) { clock.advance(starts.size() == 1 ? minutes(150) : minutes(1)); });
  CHECK(starts == std::vector<long>{0, 150, 210});
}

TEST_CASE_METHOD(DaemonFixture,
                 "A run that fails in whatever way is logged and the next one comes") {
  serve(4, [&](PruneDaemon*) {
    if (starts.size() == 1) throw Error(ErrorKind::denied, "403 AccessDenied", "check the key");
    if (starts.size() == 2) throw Error(ErrorKind::conflict, "the clocks disagree");
    if (starts.size() == 3) throw std::runtime_error("odd");
  });
  CHECK(starts == std::vector<long>{0, 60, 120, 180});
  CHECK(logged("error failed: 403 AccessDenied hint=\"check the key\""));
  CHECK(logged("error refused: the clocks disagree"));
  CHECK(logged("error failed: unexpected: odd"));
}

TEST_CASE_METHOD(DaemonFixture, "A request during a run makes another one follow it, once") {
  serve(3, [&](PruneDaemon* daemon) {
    clock.advance(minutes(5));
    if (starts.size() > 1) return;
    daemon->run_now();
    daemon->run_now();
  });
  CHECK(starts == std::vector<long>{0, 5, 65});
}

TEST_CASE_METHOD(DaemonFixture,
                 "A stop ends it after the run that is going on, without complaint") {
  serve(1, [&](PruneDaemon*) { throw Error(ErrorKind::canceled, "stopped on request"); });
  CHECK(starts.size() == 1);
  CHECK(log.text().empty());
}

TEST_CASE_METHOD(DaemonFixture, "A stop before the first run: there is none") {
  stop.request_stop();
  serve(9, [](PruneDaemon*) {});
  CHECK(starts.empty());
}

TEST_CASE("A request and a stop from another thread end a real wait") {
  SystemClock clock;
  TestLog log(clock);
  std::stop_source stop;
  int runs = 0;
  PruneDaemon* daemon = nullptr;
  std::jthread asking;
  PruneDaemon made(
      hours(1),
      [&] {
        ++runs;
        asking = std::jthread([&, last = runs == 3] {
          if (last) {
            stop.request_stop();
          } else {
            daemon->run_now();
          }
        });
      },
      clock, log.log());
  daemon = &made;
  made.serve(stop.get_token());
  CHECK(runs == 3);
}

}  // namespace
}  // namespace pgbackup
