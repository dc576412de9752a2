// Backups that were stored long after their date, as the guards see them; what the catalog and the
// restore make of them is in the tests of those.
#include <algorithm>

#include "tests/support/error_of.h"
#include "tests/support/evidence_fixture.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Strings = std::vector<std::string>;

/// Manifests put into a bucket by somebody who may write there and nothing else.
class BackdatedFixture : public EvidenceFixture {
 public:
  BackdatedFixture() {
    rules.retention = {.keep_daily = 7};
    add_daily("app", 7);  // what pg-prune leaves
  }
  /// With a date that leaves no room for the genuine ones, and the end that the writer likes.
  void forge(int count, seconds stored, seconds finished) {
    for (int i = 0; i < count; ++i) {
      Manifest forged = manifest("app", days(i) + minutes(30));
      forged.id.back() = 'f';
      forged.finished = now - finished;
      const std::string key = add(forged);
      store.objects[key].modified = now - stored;
    }
  }
};

TEST_CASE_METHOD(BackdatedFixture, "Backdated backups freeze their group") {
  CHECK(objections().empty());
  forge(6, minutes(5), days(9));
  const Strings said = objections();
  REQUIRE(said.size() == 1);
  CHECK(contains(said[0], "backups are backdated (pg-backup list shows them), the newest: "));
  CHECK(contains(said[0], "it was stored at 2026-11-20T11:55:00Z, long after its date"));
  CHECK(contains(said[0], "PRUNE_ON_BACKDATED=allow"));
  const Plan made = guarded();
  CHECK(count_actions(made, Action::remove) == 0);
  CHECK(std::any_of(made.steps.begin(), made.steps.end(),
                    [](const Step& step) { return step.reasons.has(Reason::backdated); }));
  CHECK(fails_with(ErrorKind::conflict, "nothing of app was touched", [&] {
    run();
    return 0;
  }));
  CHECK(store.objects.size() == 26);
  rules.guards.on_backdated = OnDoubt::allow;
  CHECK(objections().empty());
}

TEST_CASE_METHOD(BackdatedFixture, "A run that states a longer time than any takes is no excuse") {
  forge(6, minutes(5), minutes(5));
  rules.retention = {.keep_last = 7};
  CHECK(objections().size() == 1);
}

TEST_CASE_METHOD(EvidenceFixture, "A run of days that says so is of its date") {
  rules.retention = {.keep_last = 3};
  add_daily("app", 7, days(3));
  Manifest slow = manifest("app", hours(47));
  slow.finished = now - minutes(2);
  store.objects[add(slow)].modified = now - minutes(1);
  CHECK(objections().empty());
}

TEST_CASE_METHOD(EvidenceFixture,
                 "A bucket that was copied and then goes on is as good as before") {
  rules.retention = {.keep_daily = 4};
  rules.guards.when_stalled = OnDoubt::allow;
  for (const std::string& key : add_daily("app", 10, days(3))) {
    store.objects[key].modified = now - days(2);
  }
  CHECK(objections().empty());
  add("app", days(1));
  add("app", hours(1));
  CHECK(objections().empty());
  run();
  CHECK(read_catalog(store, db("app")).size() == 3);
}

TEST_CASE_METHOD(BackdatedFixture,
                 "Files of older systems are backdated as well, old ones are not") {
  rules.retention = {.keep_daily = 14};
  rules.guards.max_remove.reset();
  add_object("app/app_20250101T000000Z.dump", minutes(5));  // copied here today
  add_object("app/app_20250102T000000Z.dump", minutes(5));
  CHECK(objections().empty());
  for (int i = 2; i < 6; ++i) {
    const std::string stamp = format_basic(now - days(i) + hours(2));
    add_object("app/app_" + stamp + ".dump", minutes(5));
  }
  CHECK(objections().size() == 1);
}

}  // namespace
}  // namespace pgbackup
