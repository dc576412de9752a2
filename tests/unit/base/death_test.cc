// A program that dies, or loses its store, at any request of a run: whatever the moment, what is
// listed is whole, what is kept stays, and the next runs make everything good.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/catalog/backup_writer.h"
#include "common/catalog/catalog.h"
#include "common/catalog/hold.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/digest.h"
#include "prune/job.h"
#include "tests/support/captured_output.h"
#include "tests/support/error_of.h"
#include "tests/support/manifests.h"
#include "tests/support/s3_fixture.h"
#include "tests/support/test.h"

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
    Destinations destinations;
    destinations.emplace_back("", make_store());
    Manifest manifest;
    manifest.started = clock.now();
    const std::string id = make_backup_id(clock.now());
    BackupWriter writer(all_of(destinations), db(group), id, clock, log.log());
    // Nothing is compressed: 3 pieces of 3, 3 and 2 parts.
    Sink& stream =
        writer.open_stream({.name = group, .packing = {.compression = Compression::none}});
    for (int i = 0; i < 75; ++i) stream.write("ten bytes.");
    stream.finish();
    writer.commit(std::move(manifest));
    return backup_folder(db(group), id);
  }

  void prune() {
    CapturedOutput out;
    Destinations destinations;
    destinations.emplace_back("", make_store());
    const PruneJob job{
        .rules = {.retention = {.max_age = 30 * kDay, .min_backups = 1}, .sweep_after = 7 * kDay},
        .adoption = {.layouts = parse_layouts("all"), .database = {}},
        .dry_run = false,
        .style = ReportStyle::log,
        .out = out.file()};
    prune_once(destinations, job, clock, log.log(), {});
  }

  void hold(const std::string& name) {
    Destinations destinations;
    destinations.emplace_back("", make_store());
    hold_backup(destinations, name, clock, log.log());
  }

  /// An older system's backup of now, with its checksum. Returns the key of the file.
  std::string back_up_as_before(const std::string& group) {
    std::string key = fmt::format("{0}/{0}_{1}.dump", group, format_basic(clock.now()));
    for (const std::string& name : {key, key + ".sha256"}) {
      server.objects[name] = {.bytes = "old", .token = {}, .modified = clock.now()};
    }
    return key;
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
      REQUIRE(manifest.streams.size() == 1);
      std::string whole;
      for (const ManifestObject& object : manifest.streams[0].objects) {
        const auto found = server.objects.find(backup.key_of(object.name));
        REQUIRE(found != server.objects.end());
        CHECK(sha256_hex(found->second.bytes) == object.sha256);
        whole += found->second.bytes;
      }
      CHECK(sha256_hex(whole) == manifest.streams[0].uncompressed_sha256);
    }
    return folders;
  }

  /// Keys that an older system wrote.
  [[nodiscard]] std::set<std::string> old_keys() const {
    std::set<std::string> keys;
    for (const auto& [key, object] : server.objects) {
      if (parse_old_key(key)) keys.insert(key);
    }
    return keys;
  }

  /// Objects of ours that belong to no backup that is listed, and uploads.
  size_t rests() {
    const std::set<std::string> folders = listed();
    const auto is_rest = [&](const auto& object) {
      const std::string folder = object.first.substr(0, object.first.rfind('/'));
      return !folders.contains(folder) && !parse_old_key(object.first);
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
    // Parts; create, complete and HEAD of 3 pieces; sums and manifest.
    CHECK(requests == 8 + 3 * 3 + 2);
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

/// What must survive every death of the pruner, beside the newest of each group.
struct Kept {
  std::string held;     ///< folder
  std::string adopted;  ///< key
};

/// Backups of two databases of which some are too old, one of them held; of a third one that an
/// older system backs up; of a fourth whose backups have stalled; and what deaths have left.
Kept make_history(Fixture& fixture) {
  Kept kept;
  for (int i = 0; i < 3; ++i) {
    const std::string folder = fixture.back_up("app");
    if (i == 1) kept.held = folder;
    for (const auto* group : {"other", "stalled"}) static_cast<void>(fixture.back_up(group));
    fixture.back_up_as_before("old");
    fixture.clock.advance(kDay);
  }
  fixture.hold(kept.held);
  fixture.die_at(5, true);  // an upload without its end
  CHECK(error_of([&] { return fixture.back_up("app"); }));
  fixture.die_at(12, true);  // pieces without a manifest
  CHECK(error_of([&] { return fixture.back_up("other"); }));
  fixture.recover();
  CHECK(fixture.rests() > 0);
  fixture.clock.advance(40 * kDay);
  for (const auto* group : {"app", "other"}) static_cast<void>(fixture.back_up(group));
  kept.adopted = fixture.back_up_as_before("old");
  fixture.server.seen.clear();
  return kept;
}

/// Folders are sorted by time within their group; '0' follows '/'.
std::string newest_of(const std::string& group, const std::set<std::string>& folders) {
  return *std::prev(folders.lower_bound(group + "0"));
}

size_t count_of(const std::string& group, const std::set<std::string>& folders) {
  return static_cast<size_t>(
      std::count_if(folders.begin(), folders.end(),
                    [&](const std::string& folder) { return folder.starts_with(group + "/"); }));
}

/// Ends as every run does in which a group is frozen.
void prune_all_but_stalled(Fixture& fixture) {
  CHECK(fails_with(ErrorKind::conflict, "nothing of stalled was touched: backups have stalled",
                   [&] { fixture.prune(); }));
}

TEST_CASE(
    "Pruning that dies at any request deletes nothing that is kept, and the next run ends it") {
  std::set<std::string> kept;
  size_t requests = 0;
  {
    Fixture fixture;
    const Kept special = make_history(fixture);
    CHECK(fixture.old_keys().size() == 8);
    prune_all_but_stalled(fixture);
    requests = fixture.server.seen.size();
    kept = fixture.listed();
    CHECK(count_of("app", kept) == 2);
    CHECK(kept.contains(special.held));
    CHECK(count_of("other", kept) == 1);
    CHECK(count_of("stalled", kept) == 3);
    CHECK(fixture.old_keys() ==
          std::set<std::string>{special.adopted, special.adopted + ".sha256"});
    CHECK(fixture.rests() == 0);
    CHECK(requests > 20);
  }
  for (size_t number = 1; number <= requests; ++number) {
    for (const bool does_work : {false, true}) {
      CAPTURE(number, does_work);
      Fixture fixture;
      const Kept special = make_history(fixture);
      const std::set<std::string> before = fixture.listed();
      fixture.die_at(number, does_work);
      static_cast<void>(error_of([&] {
        fixture.prune();
        return 0;
      }));
      fixture.recover();
      const std::set<std::string> after_death = fixture.listed();
      for (const auto* group : {"app", "other", "stalled"}) {
        CHECK(after_death.contains(newest_of(group, before)));
      }
      CHECK(after_death.contains(special.held));
      CHECK(fixture.server.objects.contains(special.held + "/hold"));
      CHECK(count_of("stalled", after_death) == 3);
      CHECK(fixture.server.objects.contains(special.adopted));
      CHECK(std::includes(before.begin(), before.end(), after_death.begin(), after_death.end()));
      prune_all_but_stalled(fixture);
      CHECK(fixture.listed().size() == kept.size());
      CHECK(fixture.old_keys() ==
            std::set<std::string>{special.adopted, special.adopted + ".sha256"});
      // Data whose manifest is gone is swept when it is old enough, which this is.
      CHECK(fixture.rests() == 0);
    }
  }
}

}  // namespace
}  // namespace pgbackup
