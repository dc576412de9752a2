#include "prune/guard.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const UtcTime kNow = *parse_iso("2026-11-20T12:00:00Z");

/// Backups of these ages, oldest first.
std::vector<UtcTime> aged(const std::vector<seconds>& ages) {
  std::vector<UtcTime> times;
  for (const seconds age : ages) times.push_back(kNow - age);
  return times;
}

/// Readings of one a day, the last one `newest` ago; oldest first.
std::vector<Reading> daily(size_t count, seconds newest = hours(1)) {
  std::vector<Reading> readings(count);
  for (size_t i = 0; i < count; ++i) {
    const auto before = static_cast<int>(count - 1 - i);
    readings[i] = {.id = "id-" + std::to_string(i + 1),
                   .time = kNow - newest - days(before),
                   .kind = "dump",
                   .system_identifier = "1",
                   .plain_bytes = 1000,
                   .tables = 10};
  }
  return readings;
}

/// A group in good health, of which some would go.
GroupFacts healthy() {
  GroupFacts facts{.place = "s3://b/app", .complete = 40, .removed = 10, .readings = daily(10)};
  for (const Reading& reading : facts.readings) facts.latest.push_back(reading.time);
  facts.latest.erase(facts.latest.begin(), facts.latest.end() - (kGaps + 1));
  return facts;
}

/// One letter per reading: the server that wrote it; `-`: one that may not be asked who it is.
GroupFacts written_by(const std::string& servers) {
  GroupFacts facts{.place = "s3://b/app", .readings = daily(servers.size())};
  for (size_t i = 0; i < servers.size(); ++i) {
    facts.readings[i].system_identifier = servers[i] == '-' ? "" : std::string(1, servers[i]);
  }
  return facts;
}

TEST_CASE("Clocks that agree within 15 minutes are no objection") {
  for (const long difference : {0L, 1L, -1L, 899L, -899L, 900L, -900L}) {
    CAPTURE(difference);
    CHECK_FALSE(guard_clock(kNow + std::chrono::seconds(difference), kNow));
  }
}

TEST_CASE("Clocks that disagree by more are refused with both times") {
  for (const long difference : {901L, -901L, 3600L, -3600L, 86400L, -86400L, 1'000'000'000L}) {
    CAPTURE(difference);
    const UtcTime local = kNow + std::chrono::seconds(difference);
    const auto sentence = guard_clock(local, kNow);
    REQUIRE(sentence);
    CHECK(sentence->find(format_iso(local) + " here") != std::string::npos);
    CHECK(sentence->find("2026-11-20T12:00:00Z at the store") != std::string::npos);
    CHECK(sentence->find('\n') == std::string::npos);
  }
}

TEST_CASE("A limit of removals is a number from 1 on or a percentage up to 100") {
  for (const auto* text : {"1", "20", "2147483647", "1%", "50%", "100%"}) {
    CAPTURE(text);
    const auto limit = parse_removal_limit(text);
    REQUIRE(limit);
    CHECK(format_removal_limit(*limit) == text);
  }
  for (const auto* text : {"", "%", "0", "0%", "-1", "-1%", "101%", "1.5", "50 %", " 50", "+5",
                           "50%%", "2147483648", "0x10", "half", "%50"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_removal_limit(text));
  }
}

TEST_CASE("Something complete must remain") {
  struct Row {
    size_t complete;
    size_t removed;
    bool objects;
  };
  for (const Row& row : std::vector<Row>{{0, 0, false},
                                         {1, 0, false},
                                         {2, 1, false},
                                         {100, 99, false},
                                         {1, 1, true},
                                         {2, 2, true},
                                         {100, 100, true},
                                         {0, 1, true}}) {
    CAPTURE(row.complete, row.removed);
    const GroupFacts facts{.complete = row.complete, .removed = row.removed};
    CHECK(guard_emptiness(facts).has_value() == row.objects);
  }
}

TEST_CASE("The newest complete backup must remain") {
  CHECK_FALSE(guard_newest({.complete = 3, .removed = 2, .is_newest_removed = false}));
  CHECK(guard_newest({.complete = 3, .removed = 1, .is_newest_removed = true}) ==
        "the newest complete backup would be deleted");
}

TEST_CASE("A group is late when its manifest says so, by the one rule for too old") {
  struct Row {
    seconds age;
    seconds due;  ///< after the backup
    bool stalled;
  };
  for (const Row& row : std::vector<Row>{
           {hours(1), hours(24), false},
           {hours(24), hours(24), false},
           {hours(26), hours(24), false},
           {hours(1), hours(1), false},
           {hours(1) + minutes(5), hours(1), false},
           {days(7) + hours(2), days(7), false},
           {days(7) + hours(2), days(365), false},
           {hours(26) + seconds(1), hours(24), true},
           {hours(1) + minutes(5) + seconds(1), hours(1), true},
           {days(7) + hours(2) + seconds(1), days(7), true},
           {days(40), hours(24), true},
           {days(3650), days(365), true},
           // Nonsense: the next one was due before this one was made.
           {hours(1), -hours(24), true},
       }) {
    CAPTURE(row.age.count(), row.due.count());
    GroupFacts facts{.latest = aged({row.age}), .readings = daily(1, row.age)};
    facts.readings[0].next_due = kNow - row.age + row.due;
    CHECK(guard_stalled(facts, kNow).has_value() == row.stalled);
  }
}

TEST_CASE(
    "Where no manifest says so, a group is late after twice the largest of the last gaps, and a "
    "day") {
  struct Row {
    std::vector<seconds> ages;  ///< oldest first
    bool stalled;
  };
  for (const Row& row : std::vector<Row>{
           {{}, false},
           // Day one: nobody knows how often there is one.
           {{hours(1)}, false},
           {{days(3650)}, false},
           {{days(90), days(90)}, false},
           {{hours(25), hours(1)}, false},
           {{days(3) + hours(2), days(2) + hours(2)}, false},
           // A weekly CronJob.
           {{days(27), days(20), days(13), days(6)}, false},
           {{days(28), days(21), days(14)}, false},
           {{days(28) + hours(2), days(21) + hours(2), days(14) + hours(2)}, false},
           // Weekdays only, on a Monday; then backups by hand.
           {{days(10), days(7), days(6), days(5), days(4), days(3)}, false},
           {{days(2), days(1), hours(1), minutes(59), minutes(58)}, false},
           // Runs that failed for a week, before it went on: the gap is one of the last.
           {{days(20), days(19), days(12), days(11), days(10)}, false},
           // Two backups say nothing yet, and runs by hand are no pace.
           {{days(3) + hours(2) + seconds(1), days(2) + hours(2) + seconds(1)}, false},
           {{minutes(20), minutes(19), minutes(18)}, false},
           {{hours(28), hours(27), hours(26)}, false},
           {{hours(28), hours(27), hours(26) + seconds(1)}, true},
           {{days(4) + hours(2), days(3) + hours(2), days(2) + hours(2)}, false},
           {{days(4) + hours(2), days(3) + hours(2), days(2) + hours(2) + seconds(1)}, true},
           {{days(28) + hours(2) + seconds(1), days(21) + hours(2) + seconds(1),
             days(14) + hours(2) + seconds(1)},
            true},
           {{days(44), days(43), days(42), days(41), days(40)}, true},
           {{hours(30), hours(29), hours(28), hours(27)}, true},
       }) {
    const GroupFacts facts{.latest = aged(row.ages), .readings = daily(row.ages.empty() ? 0 : 1)};
    CAPTURE(row.ages.size(), row.ages.empty() ? 0 : row.ages.back().count());
    CHECK(guard_stalled(facts, kNow).has_value() == row.stalled);
  }
}

TEST_CASE("Of older systems' files the size is what makes them suspect") {
  struct Row {
    std::vector<uint64_t> sizes;  ///< oldest first
    bool suspect;
  };
  for (const Row& row : std::vector<Row>{{{}, false},
                                         {{1}, false},
                                         {{100, 1}, false},
                                         {{100, 100, 1}, false},
                                         {{100, 100, 100, 50}, false},
                                         {{100, 100, 100, 200}, false},
                                         {{1, 1, 1, 100, 1}, false},
                                         {{100, 100, 100, 49}, true},
                                         {{100, 100, 100, 100, 20}, true}}) {
    const GroupFacts facts{.is_newest_ours = false, .old_sizes = row.sizes};
    CAPTURE(row.sizes);
    CHECK(guard_suspect(facts).has_value() == row.suspect);
    CHECK_FALSE(guard_suspect({.old_sizes = row.sizes}));  // the newest is ours
  }
}

TEST_CASE("What the manifest of an older backup says about the next one no longer counts") {
  GroupFacts facts{.latest = aged({days(30), hours(1)}), .readings = daily(1, days(30))};
  facts.readings[0].next_due = kNow - days(29);
  CHECK(guard_stalled(facts, kNow));
  facts.is_newest_ours = false;  // an older system goes on in its place
  CHECK_FALSE(guard_stalled(facts, kNow));
}

TEST_CASE("A stalled group says since when, and one that is retired is not stalled") {
  GroupFacts facts{.latest = aged({days(3), days(3), days(2)}), .readings = daily(3, days(2))};
  facts.readings.back().next_due = kNow - days(1);
  CHECK(
      guard_stalled(facts, kNow) ==
      "backups have stalled: the newest is of 2026-11-18T12:00:00Z, and the next one has been late "
      "since 2026-11-19T14:00:00Z; find out why pg-backup makes none, or set "
      "PRUNE_WHEN_STALLED=allow");
  facts.is_retired = true;
  CHECK_FALSE(guard_stalled(facts, kNow));
}

TEST_CASE("Backdated backups are an objection unless they are allowed") {
  GroupFacts facts = healthy();
  CHECK_FALSE(guard_backdated(facts));
  facts.backdated = {{"1", "s3://b/app/1: it was stored late"}};
  CHECK(guard_backdated(facts) ==
        "a backup is backdated: s3://b/app/1: it was stored late; delete the prefixes of "
        "those that nobody put there on purpose, or set PRUNE_ON_BACKDATED=allow where they were "
        "copied there later");
  CHECK(guard_group(facts, {}, kNow).size() == 1);
  CHECK(guard_group(facts, {.on_backdated = OnDoubt::allow}, kNow).empty());
}

TEST_CASE("A manifest that cannot be read is named") {
  GroupFacts facts = healthy();
  CHECK_FALSE(guard_manifests(facts));
  facts.unreadable = {"s3://b/app/1/manifest.json: it is damaged", "another"};
  const auto sentence = guard_manifests(facts);
  REQUIRE(sentence);
  CHECK(sentence->starts_with("a manifest cannot be read: s3://b/app/1/manifest.json: it is da"));
}

TEST_CASE("Servers that follow one another are no objection, those that take turns are") {
  for (const auto* servers : {"", "a", "-", "aa", "ab", "abc", "aabbcc", "a-a", "a-b", "--ab--",
                              "-a-a-a-", "aaaaaaaaab", "abbbbbbbbb"}) {
    CAPTURE(servers);
    CHECK_FALSE(guard_servers(written_by(servers)));
  }
  for (const auto* servers :
       {"aba", "abab", "abcab", "abca", "aabbaa", "a-b-a", "ab-a", "aaaaaaaaba", "baaaaaaaab",
        "-ab-ba", "cabb-a", "abcdea", "abcbde", "acab"}) {
    CAPTURE(servers);
    CHECK(guard_servers(written_by(servers)));
    CHECK_FALSE(server_change(written_by(servers)));
  }
  CHECK(guard_servers(written_by("cabab")) ==
        "two servers (system identifiers a and b) take turns in s3://b/app: give each a prefix of "
        "its own");
}

TEST_CASE("A server that gave way to another is worth a warning") {
  for (const auto* servers : {"", "a", "-", "aaaa", "a-a"}) {
    CAPTURE(servers);
    CHECK_FALSE(server_change(written_by(servers)));
  }
  for (const auto* servers : {"zab", "ab", "aabb", "a-b", "zzab-"}) {
    CAPTURE(servers);
    CHECK(server_change(written_by(servers)) ==
          "another server than before writes into s3://b/app: system identifier b, was a");
  }
}

struct Contents {
  uint64_t bytes;
  int64_t tables;
};

GroupFacts holding(const std::vector<Contents>& contents) {
  GroupFacts facts{.readings = daily(contents.size())};
  for (size_t i = 0; i < contents.size(); ++i) {
    facts.readings[i].plain_bytes = contents[i].bytes;
    facts.readings[i].tables = contents[i].tables;
  }
  return facts;
}

TEST_CASE("A newest backup with at least half of what those before it have is not suspect") {
  for (const auto& contents : std::vector<std::vector<Contents>>{
           {},
           {{0, 0}},
           // Too few to compare with: a database that is being filled.
           {{1000, 10}, {1, 1}},
           {{1000, 10}, {1000, 10}, {1, 1}},
           {{1000, 10}, {1000, 10}, {1000, 10}, {500, 5}},
           {{1000, 10}, {1000, 10}, {1000, 10}, {5000, 50}},
           {{0, 0}, {0, 0}, {0, 0}, {0, 0}},
           {{1, 1}, {1, 1}, {1, 1}, {1, 1}},
           {{1001, 11}, {1001, 11}, {1001, 11}, {501, 6}},
           // A dropped partition: one table of twelve, and of the bytes a third.
           {{1500, 12}, {1500, 12}, {1500, 12}, {1500, 12}, {1000, 11}},
           // The database shrank a while ago, or one backup in between was suspect.
           {{9000, 90}, {9000, 90}, {1000, 10}, {1000, 10}, {1000, 10}, {1000, 10}},
           {{1000, 10}, {1000, 10}, {1, 1}, {1000, 10}, {1000, 10}},
           {{UINT64_MAX, INT64_MAX},
            {UINT64_MAX, INT64_MAX},
            {UINT64_MAX, INT64_MAX},
            {UINT64_MAX, INT64_MAX}},
       }) {
    CAPTURE(contents.size(), contents.empty() ? 0 : contents.back().bytes);
    CHECK_FALSE(guard_suspect(holding(contents)));
  }
}

TEST_CASE("A newest backup with less than half of the bytes or tables is suspect") {
  for (const auto& contents : std::vector<std::vector<Contents>>{
           {{1000, 10}, {1000, 10}, {1000, 10}, {0, 0}},
           {{1000, 10}, {1000, 10}, {1000, 10}, {499, 10}},
           {{1000, 10}, {1000, 10}, {1000, 10}, {1000, 4}},
           {{1000, 10}, {1000, 10}, {1000, 10}, {100000, 0}},
           {{1001, 10}, {1001, 10}, {1001, 10}, {500, 10}},
           {{1000, 11}, {1000, 11}, {1000, 11}, {1000, 5}},
           {{1, 1}, {1, 1}, {1, 1}, {1, 0}},
           {{1, 1}, {1, 1}, {1, 1}, {0, 1}},
           {{10, 1}, {1000, 10}, {1000, 10}, {2000, 20}, {499, 10}},
           {{1000, 10}, {1000, 10}, {1000, 10}, {1000, 10}, {1000, 10}, {1, 1}, {1, 1}},
           {{9000, 90}, {9000, 90}, {9000, 90}, {1000, 10}, {1000, 10}},
           {{UINT64_MAX, 1}, {UINT64_MAX, 1}, {UINT64_MAX, 1}, {UINT64_MAX / 2, 1}},
           {{UINT64_MAX, 1}, {UINT64_MAX, 1}, {UINT64_MAX, 1}, {0, 1}},
       }) {
    CAPTURE(contents.size(), contents.back().bytes, contents.back().tables);
    CHECK(guard_suspect(holding(contents)));
  }
  CHECK(guard_suspect(holding({{9 << 20, 9}, {9 << 20, 9}, {9 << 20, 9}, {1 << 20, 3}})) ==
        "the newest backup (id-4) is suspect: it has 1.0 MiB in 3 tables, less than half of what "
        "those before it have; look at the database, or set PRUNE_ON_SUSPECT=allow");
}

TEST_CASE("Only backups of the same kind are compared") {
  GroupFacts facts = holding({{1000, 10}, {1000, 10}, {1000, 10}, {1000, 10}, {1, 1}});
  CHECK(guard_suspect(facts));
  facts.readings.back().kind = "roles";
  CHECK_FALSE(guard_suspect(facts));
  for (size_t i = 0; i < 3; ++i) facts.readings[i].kind = "roles";
  CHECK(guard_suspect(facts));
}

TEST_CASE("More than the limit must not go in one run") {
  struct Row {
    size_t complete;
    size_t removed;
    const char* limit;
    bool objects;
  };
  for (const Row& row : std::vector<Row>{{10, 0, "1", false},
                                         {10, 1, "1", false},
                                         {10, 5, "50%", false},
                                         {11, 5, "50%", false},
                                         {10, 9, "99%", false},
                                         {10, 10, "100%", false},
                                         {1'000'000, 500'000, "50%", false},
                                         {10, 2, "1", true},
                                         {1000, 21, "20", true},
                                         {10, 6, "50%", true},
                                         {11, 6, "50%", true},
                                         {10, 1, "1%", true},
                                         {99, 1, "1%", true},
                                         {1'000'000, 500'001, "50%", true}}) {
    CAPTURE(row.complete, row.removed, row.limit);
    const GroupFacts facts{.complete = row.complete,
                           .removed = row.removed,
                           .settled = row.complete,
                           .settled_removed = row.removed};
    CHECK(guard_volume(facts, *parse_removal_limit(row.limit)).has_value() == row.objects);
  }
  const std::string cure =
      "; `pg-prune plan` shows which, and where that is meant `pg-prune now --prune-max-remove "
      "100%` "
      "deletes them";
  CHECK(guard_volume({.complete = 40, .removed = 30}, {.count = 20}) ==
        "30 of 40 backups would be deleted, more than PRUNE_MAX_REMOVE=20" + cure);
  // Of a percentage the young ones are no part: hourly backups, and one a day that is kept.
  GroupFacts facts{.complete = 32, .removed = 24, .settled = 8, .settled_removed = 1};
  CHECK_FALSE(guard_volume(facts, kDefaultRemovalLimit));
  facts = {.complete = 40, .removed = 10, .settled = 12, .settled_removed = 10};
  CHECK_FALSE(guard_volume(facts, kDefaultRemovalLimit));
  // Nor do they make the whole larger than it is.
  facts = {.complete = 1000, .removed = 11, .settled = 12, .settled_removed = 11};
  CHECK(guard_volume(facts, kDefaultRemovalLimit) ==
        "11 of 12 backups older than 2d would be deleted, more than PRUNE_MAX_REMOVE=50%" + cure);
}

TEST_CASE("What is healthy meets no objection, under the strictest rules") {
  const GuardRules strict{.max_remove = RemovalLimit{.count = 10}};
  CHECK(guard_group(healthy(), strict, kNow).empty());
  CHECK(guard_group({}, strict, kNow).empty());
}

std::vector<std::string> sentences(const std::vector<GuardFinding>& findings) {
  std::vector<std::string> all;
  for (const GuardFinding& finding : findings) all.push_back(finding.sentence);
  return all;
}

TEST_CASE("Every guard has its say, one sentence each, in the order of their weight") {
  GroupFacts facts = healthy();
  facts.complete = facts.removed = 10;
  facts.is_newest_removed = true;
  facts.unreadable = {"a manifest"};
  facts.readings[3].system_identifier = "2";
  facts.readings.back().plain_bytes = 1;
  facts.readings.back().next_due = kNow - days(1);
  GuardRules rules{.max_remove = RemovalLimit{.count = 1}};
  const std::vector<std::string> all = sentences(guard_group(facts, rules, kNow));
  const std::vector<std::string> starts = {"no complete", "the newest complete", "backups have",
                                           "a manifest",  "two servers",         "the newest back",
                                           "10 of 10"};
  REQUIRE(all.size() == starts.size());
  for (size_t i = 0; i < all.size(); ++i) {
    CHECK(all[i].starts_with(starts[i]));
    CHECK(all[i].find('\n') == std::string::npos);
  }
  rules = {.when_stalled = OnDoubt::allow, .on_suspect = OnDoubt::allow};
  CHECK(sentences(guard_group(facts, rules, kNow)) ==
        std::vector<std::string>{all[0], all[1], all[3], all[4]});
}

}  // namespace
}  // namespace pgbackup
