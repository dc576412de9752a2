#include "backup/physical/wal_wait.h"

#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::minutes;

struct Fixture {
  FakeClock clock;
  MemoryStore store{clock};
  NeededWal wal{.system_id = "1",
                .timeline = 1,
                .begin = {5 * kDefaultSegmentBytes + 40},
                .end = {7 * kDefaultSegmentBytes + 200},
                .segment_bytes = kDefaultSegmentBytes,
                .patience = minutes(5)};

  [[nodiscard]] std::string name(uint64_t number) const {
    return segment_name({.timeline = 1, .number = number}, kDefaultSegmentBytes);
  }
  void add(uint64_t number) { store.put(wal_key("1", name(number), {}), "x"); }
  void add_piece(uint64_t number, uint64_t end) {
    store.put(wal_piece_key("1", name(number), 0, end, {}), "x");
  }
  std::optional<Error> wait(const std::function<void()>& check = [] {}) {
    return error_of([&] { wait_for_wal(store, wal, clock, {}, check); });
  }
};

TEST_CASE_METHOD(Fixture, "What is stored already is not waited for") {
  add(5);
  add(6);
  add_piece(7, 200);
  CHECK_FALSE(wait());
  CHECK(clock.now() == FakeClock().now());
}

TEST_CASE_METHOD(Fixture, "WAL that comes while somebody waits is seen, also after a long time") {
  int looks = 0;
  CHECK_FALSE(wait([&] {
    ++looks;
    clock.advance(minutes(4));
    if (looks == 1) add(5);
    if (looks == 2) add_piece(6, 10);
    if (looks == 3) add(6);
    if (looks == 4) add_piece(7, 201);
  }));
  CHECK(looks >= 4);
}

TEST_CASE_METHOD(Fixture,
                 "The first segment that is missing is named when nothing comes any more") {
  add(5);
  add(7);
  const auto error = wait();
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::failed);
  CHECK(error->message().starts_with(name(6) + " is not in the store"));
  CHECK(clock.now() >= FakeClock().now() + minutes(5));
  add(6);
  store.objects.erase(wal_key("1", name(7), {}));
  add_piece(7, 199);
  REQUIRE(wait());
  CHECK(wait()->message().starts_with(name(7)));
}

TEST_CASE_METHOD(Fixture, "Who gives up ends the wait at once") {
  const auto error = wait([] { throw Error(ErrorKind::transient, "no connection"); });
  REQUIRE(error);
  CHECK(error->message() == "no connection");
  CHECK(clock.now() == FakeClock().now());
}

}  // namespace
}  // namespace pgbackup
