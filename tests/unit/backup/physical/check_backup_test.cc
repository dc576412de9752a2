#include "backup/physical/check_backup.h"

#include "common/base/error.h"
#include "tests/support/test.h"
#include "tests/support/wal_fixture.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

/// A base backup of two hours ago, and its WAL up to the end of segment 20, of an hour ago.
class CheckBackupFixture : public WalFixture {
 public:
  FreshnessLimits limits{.base_backup = days(7), .wal = minutes(5)};
  AskedServer server{.system_id = "7", .place = {.timeline = 1, .position = position(21)}};
  bool answers = true;
  minutes ahead{0};  ///< of the clock that dates base backups
  size_t asked = 0;

  void fill() {
    add_base(hours(2), 10);
    add_segments(1, 10, 20, hours(1));
  }
  /// Gives the segment that base backups need the bytes of a real one.
  void make_segment_real(const std::string& system_id) {
    const std::string name = segment_name(1, 10);
    const auto found = store.objects.find(wal_key(system_id, name, {}));
    if (found == store.objects.end() || found->second.bytes != "wal") return;
    const PageNumbers numbers{.system_id = std::stoull(system_id),
                              .segment_bytes = kDefaultSegmentBytes};
    found->second.bytes = pack_bytes(make_segment(name, numbers), {}, {.zstd_level = 1});
  }
  std::vector<std::string> check() {
    for (const std::string system_id : {"7", "8"}) make_segment_real(system_id);
    std::vector<std::string> sentences;
    const auto ask = [&] {
      ++asked;
      if (!answers) throw Error(ErrorKind::transient, "no answer");
      return server;
    };
    for (const Health& health : check_freshness(store, limits, ask, now + ahead, log.log())) {
      sentences.push_back((health.is_well ? "well: " : "unwell: ") + health.sentence);
    }
    return sentences;
  }
};

TEST_CASE_METHOD(CheckBackupFixture, "A store without a base backup is not fresh") {
  add_segments(1, 10, 20, minutes(1));
  CHECK(check() == std::vector<std::string>{"unwell: there is no base backup"});
}

TEST_CASE_METHOD(CheckBackupFixture,
                 "WAL is fresh by its age alone, where the server does not answer, too") {
  answers = GENERATE(true, false);
  add_base(hours(2), 10);
  add_segments(1, 10, 20, minutes(1));
  CHECK(check() ==
        std::vector<std::string>{"well: the newest base backup is of 2026-11-20T10:00:00Z "
                                 "(20261120T100000Z-00000000), less than 7d and 5m ago",
                                 "well: the newest WAL, up to 0/15000000, was stored 1m ago"});
  CHECK(asked == 1);
}

TEST_CASE_METHOD(CheckBackupFixture, "The age of WAL is by the clock of its own store") {
  ahead = minutes(60);
  server.place.position = position(30);
  add_base(hours(2), 10);
  add_segments(1, 10, 20, minutes(1));
  CHECK(check().back() == "well: the newest WAL, up to 0/15000000, was stored 1m ago");
}

TEST_CASE_METHOD(CheckBackupFixture,
                 "Older WAL is fresh where the server has written nothing since") {
  fill();
  CHECK(check().back() ==
        "well: the newest WAL, up to 0/15000000, was stored 1h ago, and the server has written "
        "nothing since: all WAL up to 0/15000000 is stored");
}

TEST_CASE_METHOD(CheckBackupFixture, "Older WAL is not fresh where the server has written more") {
  fill();
  server.place.position = position(21, 1024);
  CHECK(check().back() ==
        "unwell: the newest WAL, up to 0/15000000, was stored 1h ago, and the server has written "
        "1.0 KiB since, up to 0/15000400");
}

TEST_CASE_METHOD(CheckBackupFixture, "Older WAL is not fresh where the server does not answer") {
  fill();
  answers = false;
  CHECK(check().back() ==
        "unwell: the newest WAL, up to 0/15000000, was stored 1h ago, and whether the server has "
        "written more is not known: no answer");
}

TEST_CASE_METHOD(CheckBackupFixture, "Base backups and WAL of another server do not count") {
  add_base(hours(2), 10);
  add_segments(1, 10, 20, minutes(1));
  server.system_id = "8";
  CHECK(check() == std::vector<std::string>{"unwell: there is no base backup of the server 8; the "
                                            "newest one is of the server 7"});
  add_base_of("8", hours(3), 10);  // older than that of 7
  add_segments(1, 10, 20, minutes(1), "8");
  CHECK(check().front().starts_with("well: the newest base backup is of 2026-11-20T09:00:00Z"));
  CHECK(check().back().starts_with("well: "));
}

TEST_CASE_METHOD(CheckBackupFixture, "Only what leads to the timeline of the server counts") {
  fill();
  server.place = {.timeline = 2,
                  .position = position(17, 4096),
                  .history = {{.parent = 1, .at = position(17)}}};
  SECTION("nothing of the timeline is stored, although the store reaches further on another") {
    CHECK(check().back() ==
          "unwell: the newest WAL, up to 0/11000000, was stored 5h ago, and the server has written "
          "4.0 KiB since, up to 0/11001000");
  }
  SECTION("all of it is stored") {
    add_piece(2, 17, 0, 4096, hours(1));
    CHECK(check().back() ==
          "well: the newest WAL, up to 0/11001000, was stored 1h ago, and the server has written "
          "nothing since: all WAL up to 0/11001000 is stored");
  }
  SECTION("the base backup is from behind the branch") {
    server.place.history = {{.parent = 1, .at = position(10)}};
    CHECK(check() == std::vector<std::string>{
                         "unwell: no base backup leads to timeline 2, along which the server goes "
                         "on; the newest one is of timeline 1 (20261120T100000Z-00000000)"});
  }
}

TEST_CASE_METHOD(CheckBackupFixture, "A base backup without any WAL has no age of WAL") {
  add_base(hours(2), 10);
  CHECK(check().back() ==
        "unwell: the WAL that the base backup itself needs is missing from 0/A000028 on");
}

TEST_CASE_METHOD(CheckBackupFixture, "A base backup whose own WAL is damaged is not one") {
  fill();
  CHECK(check().front().starts_with("well: "));
  std::string& bytes = store.objects.at(wal_key("7", segment_name(1, 10), {})).bytes;
  SECTION("by a bit") { bytes[bytes.size() / 2] ^= 1; }
  SECTION("by its end") { bytes.resize(bytes.size() - 1000); }
  CHECK(check().front().starts_with(
      "unwell: the newest base backup, 20261120T100000Z-00000000, cannot be restored: "
      "memory:_cluster/wal/7/00000001/00000001000000000000000A.zst: "));
}

TEST_CASE_METHOD(CheckBackupFixture, "Of encrypted WAL no more is known than that it is there") {
  fill();
  auto segment = store.objects.extract(wal_key("7", segment_name(1, 10), {}));
  segment.key() = format_wal_key({.system_id = "7",
                                  .name = segment_name(1, 10),
                                  .packing = {Compression::zstd, Encryption::age},
                                  .token = "0a1b2c3d"});
  const std::string key = segment.key();
  store.objects.insert(std::move(segment));
  CHECK(check().front().starts_with("well: "));
  store.objects.erase(key);
  CHECK(check().front().starts_with("unwell: the newest base backup"));
}

TEST_CASE_METHOD(CheckBackupFixture, "A gap is named, however new the WAL behind it is") {
  fill();
  add_segment(1, 22, minutes(1));
  CHECK(check().back() == "unwell: the WAL from 0/15000000 to 0/16000000 is missing");
}

TEST_CASE_METHOD(CheckBackupFixture,
                 "A base backup is too old behind its interval and five minutes") {
  fill();
  limits.base_backup = minutes(115);
  CHECK(check().front().starts_with("well: "));
  limits.base_backup = minutes(114);
  CHECK(check().front() ==
        "unwell: the newest base backup is of 2026-11-20T10:00:00Z (20261120T100000Z-00000000), "
        "more than 114m and 5m ago");
}

}  // namespace
}  // namespace pgbackup
