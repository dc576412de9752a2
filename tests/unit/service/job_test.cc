#include "common/service/job.h"

#include <functional>
#include <stdexcept>
#include <thread>

#include "common/base/error.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// A daemon whose runs are scripted; it is stopped after the last one.
class Scripted {
 public:
  explicit Scripted(std::chrono::seconds interval)
      : daemon({.noun = "backup",
                .schedule = Schedule::every(interval),
                .newest =
                    [this] {
                      looks.push_back(clock.now());
                      return newest();
                    },
                .run = [this] { run(); },
                .counts_from = [this](UtcTime started) { return counts_from(started); },
                .about_run = [this] { return about; }},
               clock, log.log()) {}

  /// Minutes from the start to each run.
  std::vector<long> serve(size_t runs) {
    runs_ = runs;
    const UtcTime begun = clock.now();
    daemon.serve(stop.get_token());
    std::vector<long> result;
    for (const UtcTime start : starts) {
      result.push_back(std::chrono::duration_cast<minutes>(start - begun).count());
    }
    return result;
  }

  FakeClock clock;
  TestLog log{clock};
  std::stop_source stop;
  Job daemon;
  std::function<std::optional<UtcTime>()> newest = [] { return std::nullopt; };
  std::function<UtcTime(UtcTime)> counts_from = [](UtcTime started) { return started; };
  std::function<void(size_t)> on_run = [](size_t) {};  ///< gets the run's number, from 1
  LogFields about;
  std::vector<UtcTime> starts;
  std::vector<UtcTime> looks;

 private:
  void run() {
    starts.push_back(clock.now());
    if (starts.size() == runs_) stop.request_stop();
    on_run(starts.size());
  }

  size_t runs_ = 0;
};

TEST_CASE("Runs follow each other from start to start, the first at once") {
  Scripted scripted(hours(6));
  scripted.on_run = [&](size_t) { scripted.clock.advance(minutes(20)); };
  CHECK(scripted.serve(3) == std::vector<long>{0, 360, 720});
}

TEST_CASE("A young backup in the store makes the daemon wait the rest of the interval") {
  Scripted scripted(hours(6));
  scripted.newest = [&] { return scripted.clock.now() - hours(2); };
  CHECK(scripted.serve(2) == std::vector<long>{240, 600});
  CHECK(scripted.looks.size() == 1);
}

TEST_CASE("A failed run is repeated after 1, 2, 4 minutes and does not end the daemon") {
  Scripted scripted(hours(6));
  scripted.on_run = [](size_t run) {
    if (run <= 4) throw Error(ErrorKind::failed, "pg_dump exited with 1");
  };
  CHECK(scripted.serve(6) == std::vector<long>{0, 1, 3, 7, 15, 375});
  CHECK(contains(scripted.log.text(), "pg_dump exited with 1"));
}

TEST_CASE("A run that completes an older one does not put off the next") {
  Scripted scripted(hours(6));
  const UtcTime begun = scripted.clock.now();
  scripted.on_run = [](size_t run) {
    if (run <= 4) throw Error(ErrorKind::failed, "a target failed");
  };
  scripted.counts_from = [&](UtcTime started) {
    return started < begun + hours(6) ? begun : started;
  };
  CHECK(scripted.serve(6) == std::vector<long>{0, 1, 3, 7, 15, 360});
  CHECK(scripted.daemon.status().last_success == begun + hours(6));
}

TEST_CASE("Repeats of a failed run end when the next regular one is due") {
  Scripted scripted(minutes(10));
  scripted.on_run = [](size_t run) {
    if (run <= 4) throw Error(ErrorKind::failed, "no");
  };
  CHECK(scripted.serve(5) == std::vector<long>{0, 1, 3, 7, 10});
}

TEST_CASE("A store that cannot be read at start is asked again, and no backup is made blindly") {
  Scripted scripted(hours(6));
  scripted.newest = [&]() -> std::optional<UtcTime> {
    if (scripted.looks.size() < 3) throw Error(ErrorKind::transient, "no store");
    return scripted.clock.now() - hours(1);
  };
  CHECK(scripted.serve(1) == std::vector<long>{3 + 300});
}

TEST_CASE("A request runs now, and the next run counts from there") {
  Scripted scripted(hours(6));
  scripted.newest = [&] { return scripted.clock.now(); };
  scripted.daemon.run_now();
  CHECK(scripted.serve(2) == std::vector<long>{0, 360});
}

TEST_CASE("A request during a run starts another one behind it") {
  Scripted scripted(hours(6));
  scripted.on_run = [&](size_t run) {
    if (run == 1) scripted.daemon.run_now();
    scripted.clock.advance(minutes(5));
  };
  CHECK(scripted.serve(3) == std::vector<long>{0, 5, 365});
}

TEST_CASE("A stop ends the daemon, in the middle of a run too") {
  Scripted scripted(hours(6));
  scripted.on_run = [](size_t) { throw Error(ErrorKind::canceled, "stopped on request"); };
  CHECK(scripted.serve(1) == std::vector<long>{0});
  CHECK(contains(scripted.log.text(), "what was under way is undone"));
  CHECK_FALSE(contains(scripted.log.text(), "error"));
}

TEST_CASE("A stop before the first run: there is none") {
  Scripted scripted(hours(6));
  scripted.stop.request_stop();
  CHECK(scripted.serve(9).empty());
}

TEST_CASE("Whatever a run throws is logged with its hint, and a refusal is called one") {
  Scripted scripted(hours(6));
  scripted.on_run = [](size_t run) {
    if (run == 1) throw Error(ErrorKind::denied, "403 AccessDenied", "check the key");
    if (run == 2) throw Error(ErrorKind::conflict, "the clocks disagree");
    if (run == 3) throw std::runtime_error("odd");
  };
  CHECK(scripted.serve(4) == std::vector<long>{0, 1, 3, 7});
  CHECK(contains(scripted.log.text(),
                 "error failed job=backup cause=\"403 AccessDenied\" failures=1"));
  CHECK(contains(scripted.log.text(), "hint=\"check the key\""));
  CHECK(contains(scripted.log.text(), "error refused job=backup cause=\"the clocks disagree\""));
  CHECK(contains(scripted.log.text(), "cause=\"unexpected error: odd\""));
}

TEST_CASE("The line of a failed run says what the run was for") {
  Scripted scripted(hours(6));
  scripted.on_run = [&](size_t run) {
    if (run == 1) throw Error(ErrorKind::failed, "no connection");
    scripted.about = {{"database", "app"}, {"run", "20261120T031500Z-9f3a1c2b"}};
    if (run == 2) throw Error(ErrorKind::failed, "pg_dump exited with 1");
  };
  scripted.serve(3);
  CHECK(contains(scripted.log.text(), "error failed job=backup cause=\"no connection\""));
  CHECK(contains(scripted.log.text(),
                 "error failed job=backup database=app run=20261120T031500Z-9f3a1c2b "
                 "cause=\"pg_dump exited with 1\" failures=2"));
}

TEST_CASE("No exception of any type ends a daemon") {
  Scripted scripted(hours(6));
  scripted.on_run = [](size_t run) {
    if (run == 1) throw std::bad_alloc();
    if (run == 2) throw 7;
  };
  CHECK(scripted.serve(3) == std::vector<long>{0, 1, 3});
  CHECK(
      contains(scripted.log.text(), "error failed job=backup cause=\"out of memory\" failures=1"));
}

/// Is a year ahead and set right during the first sleep.
class WrongClock final : public Clock {
 public:
  [[nodiscard]] UtcTime now() const override { return clock_.now() + ahead_; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override {
    return clock_.steady();
  }
  void sleep(std::chrono::milliseconds duration, const std::stop_token& stop) override {
    clock_.sleep(duration, stop);
    ahead_ = hours(0);
  }
  [[nodiscard]] UtcTime right_time() const { return clock_.now(); }

 private:
  FakeClock clock_;
  hours ahead_{24 * 365};
};

TEST_CASE("A clock that is set back does not make the daemon wait for the old time to come again") {
  WrongClock clock;
  TestLog log(clock);
  std::stop_source stop;
  std::vector<UtcTime> starts;
  Job daemon({.noun = "backup",
              .schedule = Schedule::every(hours(24)),
              .newest = {},
              .run =
                  [&] {
                    starts.push_back(clock.right_time());
                    if (starts.size() == 3) stop.request_stop();
                  }},
             clock, log.log());
  daemon.serve(stop.get_token());
  REQUIRE(starts.size() == 3);
  CHECK(starts[1] - starts[0] == seconds(1));
  CHECK(starts[2] - starts[1] == hours(24));
}

TEST_CASE("Repeats of a run by request end when the regular one is due") {
  Scripted scripted(hours(6));
  scripted.on_run = [&](size_t run) {
    if (run == 1) scripted.daemon.run_now();
    if (run > 1) throw Error(ErrorKind::failed, "no");
  };
  CHECK(scripted.serve(13) ==
        std::vector<long>{0, 0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 360});
}

TEST_CASE("What is added by chance delays what is not due yet, and nothing else") {
  FakeClock clock;
  TestLog log(clock);
  std::stop_source stop;
  std::vector<long> starts;
  const UtcTime begun = clock.now();
  long drawn = 0;
  Job daemon({.noun = "backup",
              .schedule = Schedule::every(hours(2)),
              .newest = [&] { return begun - hours(1); },
              .run =
                  [&] {
                    starts.push_back((clock.now() - begun) / minutes(1));
                    if (starts.size() == 5) stop.request_stop();
                    if (starts.size() == 2) throw Error(ErrorKind::failed, "no");
                    if (starts.size() == 3) clock.advance(hours(5));
                  },
              .jitter = minutes(30),
              .draw =
                  [&](seconds most) {
                    CHECK(most == minutes(30));
                    return seconds(minutes(10 * ++drawn));
                  }},
             clock, log.log());
  daemon.serve(stop.get_token());
  // Due after one hour, then two later; a repeat a minute later; at once what was due meanwhile.
  CHECK(starts == std::vector<long>{70, 210, 211, 511, 661});
  CHECK(log.text().find("a run took longer than the time until the next one was due job=backup") !=
        std::string::npos);
  CHECK(log.text().find("late=3h") != std::string::npos);
}

TEST_CASE("A daemon that need not look at the store runs at start") {
  FakeClock clock;
  TestLog log(clock);
  std::stop_source stop;
  const UtcTime begun = clock.now();
  Job daemon({.noun = "pruning",
              .schedule = Schedule::every(hours(1)),
              .newest = {},
              .run = [&] { stop.request_stop(); }},
             clock, log.log());
  daemon.serve(stop.get_token());
  CHECK(daemon.status().last_success == begun);
}

TEST_CASE("The status tells of the newest success, of failures, and of a run that goes on") {
  Scripted scripted(hours(6));
  scripted.newest = [&] { return scripted.clock.now() - hours(2); };
  const UtcTime begun = scripted.clock.now();
  scripted.on_run = [&](size_t run) {
    const JobStatus status = scripted.daemon.status();
    CHECK(status.running_since == scripted.clock.now());
    CHECK_FALSE(status.has_succeeded);
    CHECK(status.begun == begun);
    if (run == 1) CHECK(status.last_success == begun - hours(2));
    if (run < 3) throw Error(ErrorKind::failed, "server away");
    CHECK(status.failures == 2);
    CHECK(status.last_error == "server away");
  };
  scripted.serve(3);
  const JobStatus status = scripted.daemon.status();
  CHECK_FALSE(status.running_since);
  CHECK(status.has_succeeded);
  CHECK(status.failures == 0);
  CHECK(status.last_error.empty());
  CHECK(status.last_success == scripted.starts.back());
}

TEST_CASE("A request and a stop from another thread end a real wait") {
  SystemClock clock;
  TestLog log(clock);
  std::stop_source stop;
  std::function<void()> on_run;
  Job daemon({.noun = "backup",
              .schedule = Schedule::every(hours(1)),
              .newest = {},
              .run = [&] { on_run(); }},
             clock, log.log());
  int runs = 0;
  std::jthread asking;
  on_run = [&] {
    ++runs;
    asking = std::jthread([&, is_last = runs == 2] {
      if (is_last) {
        stop.request_stop();
      } else {
        daemon.run_now();
      }
    });
  };
  daemon.serve(stop.get_token());
  CHECK(runs == 2);
}

}  // namespace
}  // namespace pgbackup
