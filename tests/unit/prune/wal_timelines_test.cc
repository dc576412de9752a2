// Which base backups stay because a timeline whose log goes on can be restored from no other.
#include <fmt/format.h>

#include <set>
#include <string>

#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;

/// Returns the history of a timeline that branched off timeline 1.
std::string switch_at(Lsn at) { return fmt::format("1\t{}\tx\n", format_lsn(at)); }

/// A server that was restored to a moment between its two base backups, of 8 and of 4 days ago, and
/// goes on along timeline 2 for two days. Its rules keep one base backup.
class RestoredServerFixture : public WalFixture {
 public:
  RestoredServerFixture() {
    add_segments(1, 800, 940, days(2));
    before = add_base(days(8), 810);
    behind = add_base(days(4), 900);
    history = add_history(2, switch_at(position(850, 1000)), days(2));
    add_segments(2, 850, 897, hours(0));
  }
  [[nodiscard]] bool has(const std::string& key) const { return store.objects.contains(key); }

  std::string before;
  std::string behind;
  std::string history;
};

TEST_CASE_METHOD(RestoredServerFixture,
                 "The last base backup that leads to a timeline whose log goes on stays") {
  const std::string older = add_base(days(9), 801);
  run();
  CHECK(has(before));
  CHECK(has(behind));
  CHECK_FALSE(has(older));
  CHECK(wal() == [&] {
    std::set<std::string> names = segments(1, 810, 940);
    names.merge(segments(2, 850, 897));
    names.insert("00000002.history");
    return names;
  }());
  CHECK(out.says("the last base backup that leads to a timeline whose write-ahead log goes on"));
}

TEST_CASE_METHOD(
    RestoredServerFixture,
    "Once the timeline has a base backup, that of the one that was left goes in time") {
  const std::string own = add_base(hours(1), 896, 2);
  SECTION("not while the log of that may go on") {
    run();
    CHECK_FALSE(has(before));
    CHECK(has(behind));
  }
  SECTION("but after a week") {
    for (auto& [key, object] : store.objects) {
      if (key.find("/00000001/") != std::string::npos) object.modified -= days(6);
    }
    run();
    CHECK_FALSE(has(before));
    CHECK_FALSE(has(behind));
  }
  CHECK(has(own));
}

TEST_CASE_METHOD(RestoredServerFixture,
                 "Base backups that may lead to a timeline of unknown history stay") {
  SECTION("it is missing") { store.objects.erase(history); }
  SECTION("it is damaged") { store.objects[history].bytes = "1\tx\n"; }
  run();
  CHECK(has(before));
  CHECK(has(behind));
}

TEST_CASE_METHOD(RestoredServerFixture,
                 "A held base backup before a gap is no way to a timeline that another leads to") {
  const std::string held = add_base(days(9), 801);
  put(held.substr(0, held.rfind('/')) + "/hold", days(1), "");
  store.objects.erase(wal_key("7", segment_name(1, 805), {}));
  run();
  CHECK(has(held));
  CHECK(has(before));
}

TEST_CASE_METHOD(WalFixture, "A restore that was tried out does not cost the server its own") {
  add_segments(1, 960, 1000, hours(0));
  const std::string own = add_base(days(1), 976);
  add_history(2, switch_at(position(976, 4000)), hours(3));
  add_segment(2, 976, hours(3));
  const std::string tried = add_base(hours(3), 977, 2);
  add_segment(2, 977, hours(2));
  run();
  CHECK(store.objects.contains(own));
  CHECK(store.objects.contains(tried));
}

}  // namespace
}  // namespace pgbackup
