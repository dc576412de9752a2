// What holds for every history of servers, timelines, gaps and base backups, whatever the rules:
// tried with many that are made up, the same ones each time.
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"

namespace pgbackup {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

struct Killed : Error {
  Killed() : Error(ErrorKind::canceled, "killed") {}
};

/// One server's life: its log grows by an hour's segment at a time. Now and then the server is
/// promoted, or restored to an earlier position; a segment is lost, stored in pieces or both.
class History {
 public:
  History(WalFixture& fixture, std::mt19937& random, std::string server)
      : fixture_(fixture), random_(random), server_(std::move(server)) {}

  void live(int first_hours_ago) {
    for (int age = first_hours_ago; age >= 0; --age) {
      write(hours(age));
      if (one_in(30)) take_base(hours(age));
      if (one_in(60)) branch(hours(age));
    }
  }

 private:
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  bool one_in(unsigned count) { return below(count) == 0; }

  void write(WalFixture::Age age) {
    const std::string name = segment_name(timeline_, segment_);
    if (!one_in(25)) {
      if (!one_in(8)) fixture_.add_file(name, age, server_);
      if (one_in(3)) {
        fixture_.put(wal_piece_key(server_, name, 0, kHalf, {}), age + minutes(40));
        if (!one_in(4)) {
          fixture_.put(wal_piece_key(server_, name, kHalf, kDefaultSegmentBytes, {}), age);
        }
      }
      if (one_in(20)) fixture_.add_file(name + ".00000028.backup", age, server_);
      if (one_in(30)) fixture_.put(wal_key(server_, name, {Compression::gzip}), age);
    }
    ++segment_;
  }

  void take_base(WalFixture::Age age) {
    // A standby's begins at its last checkpoint.
    const uint64_t behind = std::min<uint64_t>(segment_ - branch_, below(4));
    Manifest made = fixture_.base(age, position(segment_ - behind, 40), timeline_);
    made.id.replace(made.id.size() - 8, 8, fmt::format("{:08x}", ++bases_ * 10 + server_[0]));
    made.system_identifier = server_;
    fixture_.add(made);
    // It is complete when its log is stored; what is lost later makes it a damaged one.
    if (!one_in(100)) {
      fixture_.add_file(segment_name(timeline_, segment_ - behind), age, server_);
    }
    if (one_in(15)) fixture_.put(backup_folder(made.group, made.id) + "/hold", age, "");
  }

  void branch(WalFixture::Age age) {
    const uint64_t back = one_in(2) ? 0 : below(40);
    segment_ -= std::min(segment_ - 1, back);
    branch_ = segment_;
    const Lsn at = position(segment_, 1000);
    switches_.push_back({timeline_, at});
    std::string text;
    for (const TimelineSwitch& step : switches_) {
      text += fmt::format("{}\t{}\tx\n", step.parent, format_lsn(step.at));
    }
    fixture_.add_history(++timeline_, text, age, server_);
    if (one_in(3))
      fixture_.add_file(segment_name(timeline_ - 1, segment_) + ".partial", age, server_);
  }

  static constexpr uint64_t kHalf = kDefaultSegmentBytes / 2;

  WalFixture& fixture_;
  std::mt19937& random_;
  std::string server_;
  Timeline timeline_ = 1;
  uint64_t segment_ = 50;
  uint64_t branch_ = 50;
  unsigned bases_ = 0;
  std::vector<TimelineSwitch> switches_;
};

/// Maps each base backup and each timeline that can be reached from it to how far.
using Reaches = std::map<std::pair<std::string, Timeline>, uint64_t>;

Reaches reaches_of(WalFixture& fixture) {
  Reaches reaches;
  const StoredLogs logs =
      read_stored_logs(fixture.store, "", fixture.log.log(), FoldedPieces::listed);
  for (const Backup& backup : read_catalog(fixture.store, Group::cluster())) {
    if (!backup.complete) continue;
    const Manifest manifest = read_manifest(fixture.store, backup);
    const auto log = logs.find(manifest.system_identifier);
    if (log == logs.end()) continue;
    const ClusterFacts& facts = manifest.cluster;
    for (Timeline timeline = 1; timeline < 20; ++timeline) {
      const auto history = log->second.histories.find(timeline);
      const bool is_known = history != log->second.histories.end();
      const auto way = way_between(facts.timeline, timeline,
                                   is_known ? history->second : std::vector<TimelineSwitch>{});
      if (!way) continue;
      reaches[{backup.id, timeline}] =
          follow(log->second.wal, *way, facts.start, facts.segment_bytes).until.value;
    }
  }
  return reaches;
}

/// Returns whether all that is left reaches as far as before.
bool is_unharmed(const Reaches& before, const Reaches& after) {
  return std::all_of(after.begin(), after.end(), [&](const auto& reach) {
    const auto known = before.find(reach.first);
    return known != before.end() && known->second == reach.second;
  });
}

class Trial : public WalFixture {
 public:
  explicit Trial(unsigned seed) : random_(seed) {
    rules.guards = {.when_stalled = OnDoubt::allow,
                    .on_suspect = OnDoubt::allow,
                    .on_backdated = OnDoubt::allow};
    rules.retention = {.keep_last = static_cast<int>(1 + random_() % 4)};
    if (random_() % 3 == 0) rules.retention.max_age = hours(24 * (1 + random_() % 8));
    store.batch = random_() % 2 == 0 ? 1 : 7;
    History(*this, random_, "7").live(24 * 12);
    if (random_() % 4 == 0) History(*this, random_, "8").live(24 * 12);
    if (random_() % 4 == 0) add_unfinished(hours(random_() % 200), minutes(random_() % 90));
    before = reaches_of(*this);
    objects = store.objects.size();
  }
  /// A guard may object.
  bool succeeds() {
    return !error_of([&] {
      run();
      return 0;
    });
  }

  Reaches before;
  size_t objects = 0;
  std::mt19937 random_;
};

TEST_CASE("Every base backup that stays reaches as far as before, on every timeline") {
  size_t pruned = 0;
  size_t bases = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Trial trial(seed);
    static_cast<void>(trial.succeeds());
    const Reaches after = reaches_of(trial);
    CHECK(is_unharmed(trial.before, after));
    pruned += trial.store.objects.size() < trial.objects ? 1 : 0;
    bases += after.size();
    // A second run finds nothing to do.
    const auto left = trial.store.objects.size();
    static_cast<void>(trial.succeeds());
    CHECK(trial.store.objects.size() == left);
  }
  CHECK(pruned > 40);
  CHECK(bases > 60);
}

TEST_CASE("Whenever a run is killed, every base backup that is listed reaches as far as before") {
  size_t killed = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Trial trial(seed);
    int left = static_cast<int>(trial.random_() % 60);
    const auto die = [&left](std::string_view call, std::string_view) {
      if (call.starts_with("remove") && left-- <= 0) throw Killed();
    };
    (seed % 2 == 0 ? trial.seen.before : trial.seen.after) = die;
    static_cast<void>(trial.succeeds());
    killed += left < 0 ? 1 : 0;
    CHECK(is_unharmed(trial.before, reaches_of(trial)));
    left = 1 << 30;
    static_cast<void>(trial.succeeds());
    CHECK(is_unharmed(trial.before, reaches_of(trial)));
  }
  CHECK(killed > 30);
}

TEST_CASE("Whenever it is killed within what a store deletes at once, it is the same") {
  size_t killed = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Trial trial(seed);
    trial.store.batch = 7;
    int left = static_cast<int>(trial.random_() % 100);
    trial.store.before_removal = [&left](const std::string&) {
      if (left-- <= 0) throw Killed();
    };
    static_cast<void>(trial.succeeds());
    killed += left < 0 ? 1 : 0;
    CHECK(is_unharmed(trial.before, reaches_of(trial)));
    trial.store.before_removal = {};
    static_cast<void>(trial.succeeds());
    CHECK(is_unharmed(trial.before, reaches_of(trial)));
  }
  CHECK(killed > 20);
}

TEST_CASE("Whatever cannot be deleted, every base backup that is listed reaches as far as before") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Trial trial(seed);
    trial.store.batch = 7;
    std::mt19937 fate(seed);
    trial.store.before_removal = [&](const std::string&) {
      if (fate() % 3 == 0) throw Error(ErrorKind::denied, "403");
    };
    static_cast<void>(trial.succeeds());
    CHECK(is_unharmed(trial.before, reaches_of(trial)));
  }
}

}  // namespace
}  // namespace pgbackup
