#include "prune/wal_prune.h"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Calls = std::vector<std::string>;

struct Killed : Error {
  Killed() : Error(ErrorKind::canceled, "killed") {}
};

/// A server with a base backup every five days, the newest of a day ago, and a segment every hour:
/// the segment of the backup of N days ago is 1000 - 24 N.
class WalPruneFixture : public WalFixture {
 public:
  WalPruneFixture() {
    add_segments(1, 600, 1000, hours(0));
    for (const int age : {11, 6, 1}) keys.push_back(add_base(days(age), at(age)));
    rules.retention.keep_last = 2;  // that of 11 days ago goes
  }
  static uint64_t at(int days_ago) { return 1000 - 24 * static_cast<uint64_t>(days_ago); }
  [[nodiscard]] bool says(const std::string& text) const { return out.says(text); }
  [[nodiscard]] bool logged(std::string_view text) const { return contains(log.text(), text); }
  /// Returns the sentence with which the run ended, or an empty string.
  std::string ending() {
    const auto error = error_of([&] {
      run();
      return 0;
    });
    return error ? error->message() : "";
  }

  std::vector<std::string> keys;  ///< of the manifests, oldest first
  const std::set<std::string> all = segments(1, 600, 1000);
  const std::set<std::string> left = segments(1, at(6), 1000);  ///< after a run
};

TEST_CASE_METHOD(WalPruneFixture, "A run deletes a base backup, then the log before the next one") {
  Calls calls;
  seen.before = [&](std::string_view call, std::string_view key) {
    if (call.starts_with("remove")) calls.emplace_back(key);
  };
  run();
  CHECK(bases() == 2);
  CHECK(wal() == left);
  REQUIRE(calls.size() == 3 + at(6) - 600);
  CHECK(calls[0] == keys[0]);
  CHECK(calls[3] == wal_key("7", segment_name(1, 600), {}));
  CHECK(std::is_sorted(calls.begin() + 3, calls.end()));
  CHECK(logged("deleted write-ahead log server=7 objects=256 bytes=\"768 B\""));
  CHECK(says("deleted 1 backup and 256 objects of write-ahead logs, swept 0 orphaned objects"));
  run();
  CHECK(wal() == left);
}

TEST_CASE_METHOD(WalPruneFixture, "Where the store takes many at once, so do the logs") {
  store.batch = 100;
  Calls calls;
  seen.before = [&](std::string_view call, std::string_view key) {
    if (call == "remove_all") calls.emplace_back(key);
  };
  run();
  CHECK(wal() == left);
  CHECK(calls.size() == 1 + 1 + 3);
}

TEST_CASE_METHOD(WalPruneFixture, "A dry run deletes nothing and says what would go") {
  dry_run = true;
  run();
  CHECK(wal() == all);
  CHECK(bases() == 3);
  CHECK(says("  delete  256 objects (768 B)\n"));
  CHECK(says(", delete 256 objects of write-ahead logs (768 B)"));
}

TEST_CASE_METHOD(WalPruneFixture,
                 "Base backups are held, locked and counted as other backups are") {
  SECTION("a hold keeps the log, too") {
    put(backup_folder(Group::cluster(), id(days(11))) + "/hold", days(1), "");
    run();
    CHECK(bases() == 3);
    CHECK(wal() == segments(1, at(11), 1000));
  }
  SECTION("so does Object Lock") {
    Manifest locked = base(days(11), position(at(11), 40));
    locked.locked_until = now + days(1);
    add(locked);
    run();
    CHECK(bases() == 3);
    CHECK(wal() == segments(1, at(11), 1000));
  }
  SECTION("so does the minimum") {
    rules.retention.min_backups = 3;
    run();
    CHECK(bases() == 3);
    CHECK(wal() == segments(1, at(11), 1000));
  }
  SECTION("an age counts as elsewhere") {
    rules.retention = {.max_age = days(2)};
    run();
    CHECK(bases() == 1);
    CHECK(wal() == segments(1, at(1), 1000));
  }
}

TEST_CASE_METHOD(WalPruneFixture, "A damaged base backup keeps its log, and freezes the group") {
  store.objects.erase(backup_folder(Group::cluster(), id(days(11))) + "/base.tar.zst");
  CHECK(contains(ending(), "nothing of _cluster was touched: a backup is damaged"));
  CHECK(bases() == 3);
  CHECK(wal() == all);
  CHECK(says("nothing goes: the base backups are frozen"));
}

TEST_CASE_METHOD(WalPruneFixture, "Where a guard objects, nothing of any log goes") {
  struct Row {
    std::string what;
    std::function<void(WalPruneFixture&)> change;
    std::string sentence;
  };
  for (const Row& row : std::vector<Row>{
           {"suspect",
            [](WalPruneFixture& f) {
              for (const int age : {10, 9, 8}) {
                Manifest made = f.base(days(age), position(at(age), 40));
                made.streams[0].uncompressed_bytes = 1000;
                f.add(made);
              }
            },
            "the newest backup (" + id(days(1)) + ") is suspect: it has 0 B, less than half"},
           {"stalled",
            [](WalPruneFixture& f) {
              Manifest made = f.base(days(1), position(at(1), 40));
              made.next_due = f.now - hours(12);
              f.add(made);
            },
            "backups have stalled"},
           {"two servers take turns",
            [](WalPruneFixture& f) {
              f.add_segments(1, 1, 3, days(2), "8");
              f.add_base_of("8", days(9), 1);
              f.add_base_of("8", days(3), 2);
            },
            "two servers (system identifiers 8 and 7) take turns in memory:_cluster"},
           {"too much at once",
            [](WalPruneFixture& f) { f.rules.guards.max_remove = parse_removal_limit("10%"); },
            "PRUNE_MAX_REMOVE=10%"},
           {"backdated",
            [](WalPruneFixture& f) {
              const std::string key = f.add(f.base(days(10), position(at(10), 40)));
              f.store.objects.at(key).modified = f.now - hours(1);
            },
            "a backup is backdated"}}) {
    CAPTURE(row.what);
    WalPruneFixture one;
    row.change(one);
    const size_t before = one.bases();
    const auto wal = one.wal();
    const std::string sentence = one.ending();
    CAPTURE(sentence);
    CHECK(contains(sentence, "nothing of _cluster was touched: "));
    CHECK(contains(sentence, row.sentence));
    CHECK(one.wal() == wal);
    CHECK(one.bases() == before);
  }
}

TEST_CASE_METHOD(WalPruneFixture, "The guards are asked before a part of a log goes, too") {
  rules.retention.keep_last = 3;  // no base backup goes, but the log before the oldest
  Manifest made = base(days(1), position(at(1), 40));
  made.next_due = now - hours(12);
  add(made);
  CHECK(contains(ending(), "backups have stalled"));
  CHECK(wal() == all);
  rules.guards.when_stalled = OnDoubt::allow;
  CHECK(ending().empty());
  CHECK(wal() == segments(1, at(11), 1000));
  rules.guards.when_stalled = OnDoubt::freeze;
  CHECK(ending().empty());  // nothing would go
}

TEST_CASE_METHOD(WalPruneFixture, "Another server that took over for good is only mentioned") {
  add_segments(1, 1, 100, hours(0), "8");
  add_base_of("8", hours(2), 98);
  rules.retention.keep_last = 3;
  CHECK(ending().empty());
  CHECK(
      logged("another server than before writes into memory:_cluster: system identifier 8, was "
             "7"));
  CHECK(bases() == 3);
  CHECK(store.objects.contains(wal_key("7", segment_name(1, at(6)), {})));
  CHECK_FALSE(store.objects.contains(wal_key("7", segment_name(1, at(6) - 1), {})));
}

TEST_CASE_METHOD(WalPruneFixture,
                 "Once the last base backup of a server that was replaced is gone, its log goes") {
  store.objects.clear();
  add_segments(1, 1, 9, days(40));
  add_history(2, "1\t0/1000000\tx\n", days(40));
  add_base(days(40), 9);
  for (const int age : {12, 7, 2}) add_base_of("8", days(age), at(age));
  add_segments(1, 700, 1000, hours(0), "8");
  rules.retention.keep_last = 3;
  run();
  CHECK(bases() == 3);
  CHECK(wal() == [&] {
    std::set<std::string> names = segments(1, at(12), 1000);
    names.insert("00000002.history");
    return names;
  }());
}

TEST_CASE_METHOD(WalPruneFixture, "The last base backup of a server whose log goes on stays") {
  // Its base backups are so rare that those of the other server alone are among the last three.
  store.objects.clear();
  add_segments(1, 1, 200, hours(0));
  const std::string older = add_base(days(8), 2);
  const std::string last = add_base(days(7), 30);
  add_segments(1, 300, 500, hours(0), "8");
  for (int i = 0; i < 12; ++i) add_base_of("8", hours(12 * i + 1), 500 - 12 * uint64_t(i));
  rules.retention.keep_last = 3;
  run();
  CHECK(store.objects.contains(last));
  CHECK_FALSE(store.objects.contains(older));
  CHECK(bases() == 4);
  CHECK(wal() == [&] {
    std::set<std::string> names = segments(1, 30, 200);
    names.merge(segments(1, 476, 500));
    return names;
  }());
  CHECK(says("the last base backup of its server, whose write-ahead log goes on"));
}

TEST_CASE_METHOD(WalPruneFixture,
                 "A log of which there is no base backup stays, and is explained") {
  for (const std::string& key : keys) store.objects.erase(key);
  rules.sweep_after = days(100);
  rules.retention = {.max_age = days(100)};
  run();
  CHECK(wal() == all);
  CHECK(says("  nothing goes: there is no base backup that stays\n"));
}

TEST_CASE_METHOD(WalPruneFixture, "A manifest that cannot be read keeps all logs, and is told") {
  rules.retention.keep_last = 3;
  SECTION("it is damaged") {
    store.objects[keys[0]].bytes = "{}";
    CHECK(contains(ending(), "a manifest cannot be read: memory:" + keys[0] +
                                 ": the manifest is "
                                 "damaged"));
  }
  SECTION("it is a newer version's") {
    store.objects[keys[1]].bytes = R"({"format": 4})";
    CHECK(contains(ending(), "this one does not know manifest format 4"));
  }
  SECTION("it is another backup's") {
    store.objects[keys[1]].bytes = store.objects[keys[0]].bytes;
    CHECK(contains(ending(), "it is the manifest of _cluster " + id(days(11))));
  }
  SECTION("it may not be read") {
    seen.before = [&](std::string_view call, std::string_view key) {
      if (call == "open" && key == keys[0]) throw Error(ErrorKind::denied, "403");
    };
    CHECK(contains(ending(), "a manifest cannot be read: "));
  }
  SECTION("the store does not answer") {
    seen.before = [&](std::string_view call, std::string_view key) {
      if (call == "open" && key == keys[0]) throw Error(ErrorKind::transient, "503");
    };
    CHECK(contains(ending(), "503"));
  }
  SECTION("it has been deleted since the listing") {
    seen.before = [&](std::string_view call, std::string_view key) {
      if (call == "open" && key == keys[0]) store.objects.erase(keys[0]);
    };
    CHECK(ending().empty());
    CHECK(says("nothing goes: the base backup " + id(days(11)) + " has been deleted meanwhile"));
  }
  CHECK(wal() == all);
}

TEST_CASE_METHOD(WalPruneFixture, "A base backup that lacks its own log is damaged") {
  std::string lost;
  std::string base = id(days(1));
  SECTION("a segment of the newest") { lost = segment_name(1, at(1)); }
  SECTION("of the one that would go") {
    lost = segment_name(1, at(11));
    base = id(days(11));
  }
  store.objects.erase(wal_key("7", lost, {}));
  const auto before = wal();
  const std::string sentence = ending();
  CHECK(contains(sentence,
                 "nothing of _cluster was touched: a backup is damaged: memory:_cluster/" + base +
                     ": segment " + lost + " of its write-ahead log is missing or incomplete; "));
  CHECK(bases() == 3);
  CHECK(wal() == before);
  CHECK(says("  keep    " + base + "  "));
  CHECK(says("damaged: kept, but never counted"));
}

TEST_CASE_METHOD(WalPruneFixture, "Base backups without any log are all damaged") {
  for (const std::string& name : all) store.objects.erase(wal_key("7", name, {}));
  CHECK(contains(ending(), "nothing of _cluster was touched: 3 backups are damaged"));
  CHECK(bases() == 3);
  rules.retention.keep_last = 3;  // nothing would go, so nothing is objected to
  CHECK(ending().empty());
  CHECK(says(id(days(6)) + " cannot be restored: " + segment_name(1, at(6)) +
             " is missing or incomplete"));
}

TEST_CASE_METHOD(WalPruneFixture, "Where a listing is partial, no log is touched") {
  const auto fail_on = [&](const std::string& wanted) {
    seen.after = [wanted](std::string_view call, std::string_view prefix) {
      if (call == "list" && prefix == wanted) {
        throw PartialListing(ErrorKind::denied, "cannot list a directory");
      }
    };
  };
  SECTION("that of everything") {
    fail_on("");
    CHECK(contains(ending(), "cannot list a directory"));
    CHECK(says("nothing goes: a part of the store cannot be listed"));
  }
  SECTION("that of the logs") {
    fail_on(wal_prefix(""));
    CHECK(contains(ending(), "the write-ahead logs cannot be listed: cannot list a directory"));
  }
  CHECK(wal() == all);
  CHECK(bases() == 2);  // what can be read is pruned
}

TEST_CASE_METHOD(WalPruneFixture, "A listing of logs without end does not stop other work") {
  seen.before = [](std::string_view call, std::string_view prefix) {
    if (call == "list" && prefix == wal_prefix("")) throw Error(ErrorKind::failed, "too many");
  };
  CHECK(contains(ending(), "the write-ahead logs cannot be listed: too many"));
  CHECK(bases() == 2);
  CHECK(wal() == all);
}

TEST_CASE_METHOD(WalPruneFixture, "Without a base backup and a log nothing is asked about them") {
  store.objects.clear();
  Calls calls;
  seen.before = [&](std::string_view call, std::string_view prefix) {
    if (call == "list") calls.emplace_back(prefix);
  };
  run();
  CHECK(calls == Calls{""});
  CHECK_FALSE(says("write-ahead"));
}

class InProgressFixture : public WalPruneFixture {
 public:
  InProgressFixture() { rules.retention.keep_last = 1; }  // what is older than a day goes
};

TEST_CASE_METHOD(InProgressFixture, "A base backup in progress keeps the log since a day before") {
  SECTION("while it has stored something") { add_unfinished(days(8), minutes(1)); }
  SECTION("while its first object is being written") {
    const std::string key = backup_folder(Group::cluster(), id(days(8))) + "/base.tar.zst";
    store.unfinished["x"] = {key, "x", now - minutes(1)};
  }
  run();
  CHECK(bases() == 1);
  CHECK(wal() == segments(1, at(9), 1000));
}

TEST_CASE_METHOD(InProgressFixture, "What a base backup has left that was killed does not") {
  SECTION("its directory") { add_unfinished(days(8), days(8)); }
  SECTION("its first object") {
    const std::string key = backup_folder(Group::cluster(), id(days(8))) + "/base.tar.zst";
    store.unfinished["x"] = {key, "x", now - days(8)};
  }
  SECTION("an upload of one that is complete") {
    const std::string key = backup_folder(Group::cluster(), id(days(1))) + "/base.tar.zst";
    store.unfinished["x"] = {key, "x", now - minutes(1)};
  }
  run();
  CHECK(bases() == 1);
  // The segment of a day ago, and none before it but those of the last day.
  CHECK(wal() == segments(1, at(1), 1000));
}

TEST_CASE_METHOD(InProgressFixture,
                 "A base backup that came to life since the listing keeps its log") {
  const std::string folder = add_unfinished(days(8), days(8));
  seen.before = [&](std::string_view call, std::string_view prefix) {
    if (call == "list" && prefix == folder + "/") put(folder + "/base.tar.zst.0001", seconds(0));
  };
  run();
  CHECK(logged("left alone: written to since it was listed"));
  CHECK(wal() == segments(1, at(9), 1000));
}

TEST_CASE_METHOD(WalPruneFixture,
                 "An unfinished write of a log is swept when nothing comes for long") {
  const auto add = [&](const std::string& key, Age age) {
    store.unfinished[key] = {key, key, now - age};
  };
  const std::string dead = wal_key("7", segment_name(1, 700), {});
  const std::string piece = wal_piece_key("7", segment_name(1, 1002), 0, 100, {});
  const std::string alive = wal_key("7", segment_name(1, 1001), {});
  add(dead, days(7));
  add(piece, days(8));
  add(alive, days(7) - seconds(1));
  add("_cluster/wal/7/notes", days(30));
  run();
  CHECK(store.unfinished.size() == 2);
  CHECK(store.unfinished.contains(alive));
  CHECK(says("  sweep   " + segment_name(1, 700)));
  CHECK(wal() == left);  // no base backup is in progress
}

TEST_CASE_METHOD(WalPruneFixture, "A base backup that could not be deleted keeps its log") {
  SECTION("the store refuses") {
    store.before_removal = [&](const std::string& key) {
      if (key == keys[0]) throw Error(ErrorKind::denied, "403");
    };
    store.batch = 10;
    CHECK(contains(ending(), "403"));
  }
  SECTION("its manifest is locked") {
    store.batch = 10;
    store.lock_of = [&](const std::string& key) {
      return key == keys[0] ? "locked until 2027-01-01T00:00:00Z" : "";
    };
    CHECK(ending().empty());
  }
  SECTION("it is held since the listing") {
    const std::string folder = backup_folder(Group::cluster(), id(days(11)));
    seen.before = [&, folder](std::string_view call, std::string_view prefix) {
      if (call == "list" && prefix == folder) put(folder + "/hold", seconds(0), "");
    };
    CHECK(ending().empty());
  }
  CHECK(bases() == 3);
  CHECK(wal() == segments(1, at(11), 1000));
}

TEST_CASE_METHOD(WalPruneFixture, "What remains of a base backup without a manifest keeps no log") {
  store.before_removal = [&](const std::string& key) {
    if (key.ends_with("base.tar.zst")) throw Error(ErrorKind::denied, "403");
  };
  store.batch = 10;
  CHECK(contains(ending(), "403"));
  CHECK(bases() == 2);
  CHECK(wal() == left);
}

TEST_CASE_METHOD(WalPruneFixture,
                 "An object of a log that cannot be deleted is counted, or locked") {
  store.batch = 100;
  const std::string stuck = wal_key("7", segment_name(1, 650), {});
  SECTION("refused: the others go, and the run fails") {
    store.before_removal = [&](const std::string& key) {
      if (key == stuck) throw Error(ErrorKind::denied, "403 AccessDenied");
    };
    CHECK(contains(ending(), "cannot delete memory:" + stuck + ": 403 AccessDenied"));
    CHECK(says("deleted 1 backup and 255 objects"));
    CHECK(wal().size() == left.size() + 1);
  }
  SECTION("locked: it is kept, and said in one line for many") {
    store.lock_of = [&](const std::string& key) {
      return key.starts_with(wal_prefix("")) && key < stuck ? "locked until 2027-01-01T00:00:00Z"
                                                            : "";
    };
    CHECK(ending().empty());
    CHECK(logged("kept, because the store has locked it object=memory:" +
                 wal_key("7", segment_name(1, 600), {}) +
                 " objects=50 lock=\"locked until 2027-01-01T00:00:00Z\""));
    CHECK(wal().size() == left.size() + 50);
  }
  SECTION("unanswered: after three requests the rest is left") {
    int attempts = 0;
    store.batch = 10;
    store.before_removal = [&](const std::string& key) {
      if (!key.starts_with(wal_prefix(""))) return;
      ++attempts;
      throw Error(ErrorKind::transient, "503");
    };
    CHECK(contains(ending(), "503"));
    CHECK(attempts == 30);
    CHECK(wal() == all);
  }
}

TEST_CASE("Killed at any call, every base backup has its log, and the next run finishes") {
  for (const bool reply_lost : {false, true}) {
    for (int calls = 0;; calls += calls < 12 ? 1 : 37) {
      CAPTURE(reply_lost, calls);
      WalPruneFixture one;
      const auto die = [left = calls](std::string_view call, std::string_view) mutable {
        if (call.starts_with("remove") && left-- <= 0) throw Killed();
      };
      (reply_lost ? one.seen.after : one.seen.before) = die;
      const bool died = !one.ending().empty();
      const uint64_t first = one.store.objects.contains(one.keys[0]) ? one.at(11) : one.at(6);
      const auto wal = one.wal();
      const auto needed = one.segments(1, first, 1000);
      CHECK(std::includes(wal.begin(), wal.end(), needed.begin(), needed.end()));
      (reply_lost ? one.seen.after : one.seen.before) = [](std::string_view, std::string_view) {};
      one.run();
      CHECK(one.wal() == one.left);
      if (!died) break;
    }
  }
}

}  // namespace
}  // namespace pgbackup
