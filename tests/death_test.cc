// A program that dies, or loses its store, at any request of a run: whatever the moment, what is
// listed is whole, what is kept stays, and the next runs make everything good.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backup/backup_writer.h"
#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/digest.h"
#include "prune/job.h"
#include "tests/captured_output.h"
#include "tests/error_of.h"
#include "tests/s3_fixture.h"
#include "tests/test.h"

namespace pgbackup {
namespace {

constexpr std::chrono::hours kDay{24};

class Fixture : public S3Fixture {
 public:
  Fixture() {
    settings.part_bytes = 100;
    settings.max_parts = 3;
    settings.retry.total = std::chrono::seconds(1);
  }

  /// As backup/job does it, with a stream in place of pg_dump.
  std::string back_up(const std::string& group) {
    Targets targets;
    targets.emplace_back("", make_store());
    Manifest manifest;
    manifest.group = group;
    manifest.kind = "dump";
    manifest.id = make_backup_id(clock.now());
    manifest.started = clock.now();
    const std::string folder = backup_folder(group, manifest.id);
    BackupWriter writer(targets, folder + "/" + dump_file_name(group), clock, log.log());
    HashSink plain(writer);
    for (int i = 0; i < 75; ++i) plain.write("ten bytes.");  // 3 pieces of 3, 3 and 2 parts
    manifest.plain_bytes = 750;
    manifest.plain_sha256 = plain.sha256();
    writer.describe(std::move(manifest));
    plain.finish();
    return folder;
  }

  void prune() {
    CapturedOutput out;
    Targets targets;
    targets.emplace_back("", make_store());
    const PruneJob job{
        .rules = {.retention = {.max_age = 30 * kDay, .min_backups = 1}, .sweep_after = 7 * kDay},
        .dry_run = false,
        .style = ReportStyle::log,
        .out = out.file()};
    prune_once(targets, job, clock, log.log(), {});
  }

  /// From its `number`th request on, counted from 1, the server cannot be reached any more; with
  /// `does_work` it still does what that one asks for.
  void die_at(size_t number, bool does_work) {
    server.seen.clear();
    server.before = [=, this](const FakeS3Request&) -> std::optional<FakeS3Reply> {
      const size_t count = server.seen.size();
      if (does_work ? count > number : count >= number) throw_network_error();
      return std::nullopt;
    };
    server.after = [=, this](const FakeS3Request&, FakeS3Reply&) {
      if (does_work && server.seen.size() == number) throw_network_error();
    };
  }

  void recover() {
    server.before = nullptr;
    server.after = nullptr;
  }

  /// Folders of the backups that are listed; each must be whole.
  std::set<std::string> listed() {
    const auto store = make_store();
    std::set<std::string> folders;
    for (const Backup& backup : read_catalog(*store)) {
      if (!backup.complete) continue;
      folders.insert(backup.folder());
      const Manifest manifest = read_manifest(*store, backup);
      CHECK_FALSE(manifest.objects.empty());
      std::string whole;
      for (const ManifestObject& object : manifest.objects) {
        const auto found = server.objects.find(backup.key_of(object.name));
        REQUIRE(found != server.objects.end());
        CHECK(sha256_hex(found->second.bytes) == object.sha256);
        whole += found->second.bytes;
      }
      CHECK(sha256_hex(whole) == manifest.plain_sha256);
    }
    return folders;
  }

  /// Objects that belong to no backup that is listed, and uploads.
  size_t rests() {
    const std::set<std::string> folders = listed();
    const auto is_rest = [&](const auto& object) {
      const std::string folder = object.first.substr(0, object.first.rfind('/'));
      return !folders.contains(folder);
    };
    return server.uploads.size() + static_cast<size_t>(std::count_if(
                                       server.objects.begin(), server.objects.end(), is_rest));
  }
};

TEST_CASE("A backup that dies at any request leaves nothing that is listed and not whole") {
  size_t requests = 0;
  {
    Fixture fixture;
    static_cast<void>(fixture.back_up("app"));
    requests = fixture.server.seen.size();
    CHECK(requests == 8 + 3 * 3 + 1);  // parts; create, complete and HEAD of 3 pieces; manifest
  }
  for (size_t number = 1; number <= requests; ++number) {
    for (const bool does_work : {false, true}) {
      CAPTURE(number, does_work);
      Fixture fixture;
      const std::string first = fixture.back_up("app");
      fixture.clock.advance(kDay);
      fixture.die_at(number, does_work);
      CHECK(error_of([&] { return fixture.back_up("app"); }));
      fixture.recover();
      const std::set<std::string> after_death = fixture.listed();
      CHECK(after_death.contains(first));
      CHECK(after_death.size() <= 2);
      // Only the manifest's own request can leave a backup, and then with everything.
      if (number < requests || !does_work) CHECK(after_death.size() == 1);

      fixture.clock.advance(kDay);
      const std::string next = fixture.back_up("app");
      CHECK(fixture.listed().contains(next));
      fixture.clock.advance(8 * kDay);
      fixture.prune();
      CHECK(fixture.rests() == 0);
      CHECK(fixture.listed().contains(first));
      CHECK(fixture.listed().contains(next));
    }
  }
}

TEST_CASE("By a wrong clock is backed up, with corrected signatures, and not pruned") {
  Fixture fixture;
  static_cast<void>(fixture.back_up("app"));
  fixture.server.ahead = std::chrono::hours(24 * 365);
  CHECK(fails_with(ErrorKind::conflict, "clock", [&] {
    fixture.prune();
    return 0;
  }));
  CHECK(fixture.listed().size() == 1);
  fixture.clock.advance(std::chrono::seconds(1));
  static_cast<void>(fixture.back_up("app"));
  CHECK(fixture.listed().size() == 2);
  CHECK(contains(fixture.log.text(), "the clock of this machine is wrong"));
}

/// Backups of two databases of which some are too old, and what deaths have left.
void make_history(Fixture& fixture) {
  for (int i = 0; i < 3; ++i) {
    static_cast<void>(fixture.back_up("app"));
    static_cast<void>(fixture.back_up("other"));
    fixture.clock.advance(kDay);
  }
  fixture.die_at(5, true);  // an upload without its end
  CHECK(error_of([&] { return fixture.back_up("app"); }));
  fixture.die_at(12, true);  // pieces without a manifest
  CHECK(error_of([&] { return fixture.back_up("other"); }));
  fixture.recover();
  CHECK(fixture.rests() > 0);
  fixture.clock.advance(40 * kDay);
  for (const auto* group : {"app", "other"}) static_cast<void>(fixture.back_up(group));
  fixture.server.seen.clear();
}

TEST_CASE(
    "Pruning that dies at any request deletes nothing that is kept, and the next run ends it") {
  std::set<std::string> kept;
  size_t requests = 0;
  {
    Fixture fixture;
    make_history(fixture);
    fixture.prune();
    requests = fixture.server.seen.size();
    kept = fixture.listed();
    CHECK(kept.size() == 2);
    CHECK(fixture.rests() == 0);
    CHECK(requests > 5);
  }
  for (size_t number = 1; number <= requests; ++number) {
    for (const bool does_work : {false, true}) {
      CAPTURE(number, does_work);
      Fixture fixture;
      make_history(fixture);
      const std::set<std::string> before = fixture.listed();
      fixture.die_at(number, does_work);
      static_cast<void>(error_of([&] {
        fixture.prune();
        return 0;
      }));
      fixture.recover();
      const std::set<std::string> after_death = fixture.listed();
      // The ids are random; the newest of each group is what stays.
      CHECK(after_death.contains(*std::prev(before.lower_bound("other/"))));
      CHECK(after_death.contains(*before.rbegin()));
      CHECK(std::includes(before.begin(), before.end(), after_death.begin(), after_death.end()));
      fixture.prune();
      CHECK(fixture.listed().size() == kept.size());
      // Data whose manifest is gone is swept when it is old enough, which this is.
      CHECK(fixture.rests() == 0);
    }
  }
}

}  // namespace
}  // namespace pgbackup
