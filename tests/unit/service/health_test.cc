#include "common/service/health.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "common/base/fd.h"
#include "tests/support/fake_clock.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr UtcTime kBegun{seconds(1'800'000'000)};  // 2027-01-15T08:00:00Z

JobWork daily() {
  return {.noun = "backup", .schedule = Schedule::every(hours(24)), .newest = {}, .run = {}};
}

JobStatus fresh() { return {.begun = kBegun}; }

JobStatus after_success(UtcTime success) {
  JobStatus status = fresh();
  status.last_success = success;
  return status;
}

bool is_well(const JobStatus& status, UtcTime now, std::optional<seconds> max_age = std::nullopt) {
  return judge(status, daily(), max_age, now).is_well;
}

class Silent final : public ServedJob {
 public:
  void announce() override {}
  void serve(const std::stop_token& /*stop*/) override {}
  [[nodiscard]] Health health(std::optional<std::chrono::seconds> /*max_age*/,
                              UtcTime /*now*/) const override {
    return {.is_well = true, .sentence = {}};
  }
};

TEST_CASE("A daemon is well until its next success is late by the one rule") {
  CHECK(is_well(after_success(kBegun), kBegun + hours(26)));
  CHECK_FALSE(is_well(after_success(kBegun), kBegun + hours(26) + seconds(1)));
  // Found in the store at start, from before it.
  CHECK(is_well(after_success(kBegun - hours(20)), kBegun + hours(6)));
  CHECK_FALSE(is_well(after_success(kBegun - hours(20)), kBegun + hours(7)));
}

TEST_CASE("A failure alone is not late, a run that goes on does not excuse") {
  JobStatus status = after_success(kBegun);
  status.failures = 3;
  CHECK(is_well(status, kBegun + hours(25)));
  CHECK_FALSE(is_well(status, kBegun + hours(27)));
  status.running_since = kBegun + hours(25);
  CHECK_FALSE(is_well(status, kBegun + hours(27)));
  status.failures = 0;
  status.has_succeeded = true;
  CHECK_FALSE(is_well(status, kBegun + hours(27)));
}

TEST_CASE("The first run of a daemon has a period to catch up, unless it fails") {
  // After a weekend off: the newest backup that the store has is three days old.
  JobStatus status = after_success(kBegun - hours(72));
  CHECK_FALSE(is_well(status, kBegun));
  status.running_since = kBegun;
  CHECK(is_well(status, kBegun));
  CHECK(is_well(status, kBegun + hours(26)));
  CHECK_FALSE(is_well(status, kBegun + hours(26) + seconds(1)));
  CHECK(is_well(status, kBegun + seconds(60), seconds(60)));
  CHECK_FALSE(is_well(status, kBegun + seconds(61), seconds(60)));
  CHECK(judge(status, daily(), {}, kBegun).sentence ==
        "the last backup began at 2027-01-12T08:00:00Z, late after 2027-01-16T10:00:00Z; one is "
        "running since 2027-01-15T08:00:00Z, to catch up");
  status.failures = 1;
  CHECK_FALSE(is_well(status, kBegun));
  status.failures = 0;
  status.has_succeeded = true;
  CHECK_FALSE(is_well(status, kBegun));
}

TEST_CASE("Without any success the grace counts from the start, but a first run has its period") {
  JobStatus status = fresh();
  CHECK(is_well(status, kBegun + hours(2)));
  CHECK_FALSE(is_well(status, kBegun + hours(3)));
  status.running_since = kBegun;
  CHECK(is_well(status, kBegun + hours(3)));
  CHECK(is_well(status, kBegun + hours(26)));
  CHECK_FALSE(is_well(status, kBegun + hours(27)));
  status.failures = 1;
  CHECK_FALSE(is_well(status, kBegun + hours(3)));
}

TEST_CASE("A start that is delayed by chance is not late for that") {
  JobWork work = daily();
  work.jitter = hours(3);
  const JobStatus status{.begun = kBegun, .last_success = kBegun};
  CHECK(judge(status, work, {}, kBegun + hours(24 + 3 + 2)).is_well);
  CHECK_FALSE(judge(status, work, {}, kBegun + hours(24 + 3 + 2) + seconds(1)).is_well);
}

TEST_CASE("A maximum age is the only measure where it is set") {
  CHECK(is_well(after_success(kBegun), kBegun + seconds(30), seconds(30)));
  CHECK_FALSE(is_well(after_success(kBegun), kBegun + seconds(31), seconds(30)));
  CHECK(is_well(after_success(kBegun), kBegun + hours(100), hours(100)));
  CHECK(is_well(fresh(), kBegun + seconds(30), seconds(30)));
  CHECK_FALSE(is_well(fresh(), kBegun + seconds(31), seconds(30)));
}

TEST_CASE("A success in the future proves nothing") {
  CHECK_FALSE(is_well(after_success(kBegun + hours(9000)), kBegun));
  CHECK_FALSE(is_well(after_success(kBegun + hours(9000)), kBegun, seconds(30)));
  CHECK(is_well(after_success(kBegun + minutes(4)), kBegun));
}

TEST_CASE("The sentence says what is missing since when, and why") {
  JobStatus status = after_success(kBegun);
  CHECK(judge(status, daily(), {}, kBegun).sentence ==
        "the last backup began at 2027-01-15T08:00:00Z, late after 2027-01-16T10:00:00Z");
  status.failures = 2;
  status.last_error = "PUT s3://b: 503\nand more lines";
  CHECK(judge(status, daily(), {}, kBegun + hours(30)).sentence ==
        "the last backup began at 2027-01-15T08:00:00Z, late since 2027-01-16T10:00:00Z; "
        "2 failed since, the last: PUT s3://b: 503");
  status = fresh();
  status.running_since = kBegun;
  CHECK(judge(status, daily(), seconds(60), kBegun).sentence ==
        "no backup yet since 2027-01-15T08:00:00Z, late after 2027-01-15T08:01:00Z; one is "
        "running since 2027-01-15T08:00:00Z");
}

class Served {
 public:
  explicit Served(std::function<Health()> answer) : server(name, std::move(answer), log.log()) {}
  FakeClock clock;
  TestLog log{clock};
  std::string name = "pg-backup-test-" + std::to_string(::getpid());
  HealthServer server;
};

TEST_CASE("Of several jobs one that is late makes the daemon unwell, and what fails is named") {
  FakeClock clock(kBegun);
  TestLog log(clock);
  const Job one(daily(), clock, log.log());
  JobWork hourly = daily();
  hourly.noun = "verification";
  hourly.schedule = Schedule::every(hours(1));
  const Job two(hourly, clock, log.log());
  RunStates states;
  const auto judged = [&](UtcTime now) { return judge_all({&one, &two}, states, {}, now); };
  CHECK(judged(kBegun + minutes(1)).is_well);
  CHECK_FALSE(judged(kBegun + hours(2)).is_well);
  CHECK(judge_all({&one}, states, {}, kBegun + hours(1)).is_well);
  for (const auto* const part : {"no backup yet", "; no verification yet"}) {
    CHECK(judged(kBegun).sentence.find(part) != std::string::npos);
  }
  CHECK(judged(kBegun).sentence.find("failing") == std::string::npos);
  const Silent silent;  // a job with nothing to say leaves no mark
  CHECK(judge_all({&silent, &one, &silent}, states, {}, kBegun).sentence ==
        judge_all({&one}, states, {}, kBegun).sentence);
  states.fail("backup", Group::database("crm"), "s3", Error(ErrorKind::failed, "no"));
  CHECK(judged(kBegun).sentence.ends_with("; failing: crm (s3)"));
}

TEST_CASE("Who asks gets the daemon's answer, as often as it likes and from several sides") {
  bool is_well = true;
  Served served([&] { return Health{is_well, is_well ? "fine" : "not fine"}; });
  for (int i = 0; i < 20; ++i) CHECK(ask_health(served.name).sentence == "fine");
  is_well = false;
  const Health health = ask_health(served.name);
  CHECK_FALSE(health.is_well);
  CHECK(health.sentence == "not fine");
}

TEST_CASE("Several may ask at the same time") {
  Served served([] { return Health{true, std::string(1000, 'x')}; });
  std::vector<int> answers(8, 0);
  {
    std::vector<std::jthread> asking;
    for (int& count : answers) {
      asking.emplace_back([&count, &served] {
        for (int i = 0; i < 50; ++i) count += ask_health(served.name).is_well ? 1 : 0;
      });
    }
  }
  CHECK(answers == std::vector<int>(8, 50));
}

TEST_CASE("Without a daemon the answer says so") {
  const Health health = ask_health("pg-backup-test-nobody");
  CHECK_FALSE(health.is_well);
  CHECK(contains(health.sentence, "no daemon answers at @pg-backup-test-nobody"));
}

/// Takes descriptors until there is none left.
std::vector<Fd> take_all_descriptors() {
  std::vector<Fd> taken;
  taken.reserve(4096);
  while (true) {
    Fd next(::dup(STDERR_FILENO));
    if (!next.is_open()) return taken;
    taken.push_back(std::move(next));
  }
}

/// To the server of that name.
bool connect_to(const std::string& name, const Fd& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(&address.sun_path[1], sizeof address.sun_path - 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

std::string read_some(int fd) {
  std::array<char, 512> buffer{};
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  return got > 0 ? std::string(buffer.data(), static_cast<size_t>(got)) : std::string();
}

TEST_CASE("A question that has to wait for a descriptor is answered when there is one") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit few{256, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  {
    const FakeClock clock;
    Pipe lines = make_pipe();
    std::FILE* const out = fdopen(lines.write_end.release(), "w");
    REQUIRE(out != nullptr);
    Log log(clock, LogLevel::warn, LogFormat::text, out);
    const std::string name = "pg-backup-descriptors-" + std::to_string(getpid());
    const HealthServer server(
        name,
        [] {
          return Health{true, "fine"};
        },
        log);
    const Fd asking(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    std::vector<Fd> taken = take_all_descriptors();
    const bool is_connected = connect_to(name, asking);
    const std::string said = is_connected ? read_some(lines.read_end.get()) : "";
    taken.clear();
    CHECK(contains(said, "could not be answered"));
    CHECK(read_some(asking.get()) == "well: fine\n");
    CHECK(ask_health(name).is_well);
    static_cast<void>(std::fclose(out));
  }
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

TEST_CASE("The end of a server frees its name") {
  std::string name;
  {
    Served served([] { return Health{true, "first"}; });
    name = served.name;
  }
  CHECK(contains(ask_health(name).sentence, "no daemon answers"));
  Served again([] { return Health{true, "second"}; });
  CHECK(ask_health(again.name).sentence == "second");
}

TEST_CASE("A name that is taken is a warning, and the first daemon goes on answering") {
  Served first([] { return Health{true, "first"}; });
  Served second([] { return Health{true, "second"}; });
  CHECK(contains(second.log.text(), "HEALTH_SOCKET"));
  CHECK(ask_health(first.name).sentence == "first");
}

}  // namespace
}  // namespace pgbackup
