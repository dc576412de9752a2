// Base backups and write-ahead logs in a memory store, and runs of pg-prune over them.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/manifest.h"
#include "common/catalog/stored_log.h"
#include "prune/job.h"
#include "tests/support/captured_output.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test_log.h"

namespace pgbackup {

/// Returns the position `bytes` behind the start of a segment of the default size.
[[nodiscard]] inline Lsn position(uint64_t segment, uint64_t bytes = 0) {
  return {segment * kDefaultSegmentBytes + bytes};
}

[[nodiscard]] inline std::string segment_name(Timeline timeline, uint64_t number) {
  return segment_name(WalSegment{timeline, number}, kDefaultSegmentBytes);
}

/// The server is 7 unless said otherwise. Ages are those at `now`.
class WalFixture {
 public:
  using Age = std::chrono::seconds;
  static constexpr std::chrono::days kDay{1};

  const UtcTime now = *parse_iso("2026-11-20T12:00:00Z");
  FakeClock clock{now};
  MemoryStore store{clock};
  FaultyStore seen{store};
  TestLog log{clock};
  CapturedOutput out;
  Rules rules{.retention = {.keep_last = 1}, .sweep_after = std::chrono::days(7)};
  ReportStyle style = ReportStyle::table;
  bool dry_run = false;

  void put(const std::string& key, Age age, const std::string& bytes = "wal") {
    store.objects[key] = {bytes, now - age};
  }
  /// Stores a file of any WalFileKind but a history.
  std::string add_file(const std::string& name, Age age, const std::string& server = "7") {
    std::string key = wal_key(server, name, {});
    put(key, age);
    return key;
  }
  std::string add_segment(Timeline timeline, uint64_t number, Age age,
                          const std::string& server = "7") {
    return add_file(segment_name(timeline, number), age, server);
  }
  /// Stores the segments [first, last], one each hour; the last is of `age` ago.
  void add_segments(Timeline timeline, uint64_t first, uint64_t last, Age age,
                    const std::string& server = "7") {
    for (uint64_t i = first; i <= last; ++i) {
      add_segment(timeline, i, age + std::chrono::hours(last - i), server);
    }
  }
  std::string add_piece(Timeline timeline, uint64_t number, uint64_t begin, uint64_t end, Age age) {
    std::string key = wal_piece_key("7", segment_name(timeline, number), begin, end, {});
    put(key, age);
    return key;
  }
  std::string add_history(Timeline timeline, const std::string& text, Age age,
                          const std::string& server = "7") {
    std::string key = wal_key(server, format_timeline(timeline) + ".history", {});
    put(key, age, text);
    return key;
  }

  [[nodiscard]] std::string id(Age age) const { return format_basic(now - age) + "-00000000"; }
  [[nodiscard]] Manifest base(Age age, Lsn start, Timeline timeline = 1) const {
    Manifest made = make_base_manifest(
        id(age), {.start = start, .end = {start.value + 0x100}, .timeline = timeline});
    made.started = now - age;
    made.finished = now - age + std::chrono::minutes(10);
    return made;
  }
  /// Stores a base backup as pg-backup does. Returns the key of its manifest.
  std::string add(const Manifest& made) {
    const std::string folder = backup_folder(made.group, made.id);
    const Age age = now - made.started;
    for (const ManifestStream& stream : made.streams) {
      put(folder + "/" + stream.objects.front().name, age, "data");
    }
    put(folder + "/manifest.json", age, format_manifest(made));
    return folder + "/manifest.json";
  }
  /// Adds one that begins 40 bytes behind the start of the segment.
  std::string add_base(Age age, uint64_t segment, Timeline timeline = 1) {
    return add(base(age, position(segment, 40), timeline));
  }
  std::string add_base_of(const std::string& server, Age age, uint64_t segment) {
    Manifest made = base(age, position(segment, 40));
    made.system_identifier = server;
    return add(made);
  }
  /// Adds the data of a base backup without a manifest. Returns its directory.
  std::string add_unfinished(Age began, Age newest) {
    std::string folder = backup_folder(Group::cluster(), id(began));
    put(folder + "/base.tar.zst", newest, "data");
    return folder;
  }

  void run() {
    prune_once(only(seen), {.rules = rules, .dry_run = dry_run, .style = style, .out = out.file()},
               clock, log.log(), {});
  }

  /// Returns the names of all objects of the logs, without the directories and the packing.
  [[nodiscard]] std::set<std::string> wal() const {
    std::set<std::string> names;
    for (const auto& [key, object] : store.objects) {
      if (!key.starts_with(wal_prefix(""))) continue;
      std::string name = key.substr(key.rfind('/') + 1);
      if (name.ends_with(".zst")) name.resize(name.size() - 4);
      names.insert(std::move(name));
    }
    return names;
  }
  /// Returns the names of the segments [first, last].
  [[nodiscard]] static std::set<std::string> segments(Timeline timeline, uint64_t first,
                                                      uint64_t last) {
    std::set<std::string> names;
    for (uint64_t i = first; i <= last; ++i) names.insert(segment_name(timeline, i));
    return names;
  }
  /// Returns how many base backups have a manifest.
  [[nodiscard]] size_t bases() {
    size_t count = 0;
    for (const Backup& backup : read_catalog(store, Group::cluster())) count += backup.complete;
    return count;
  }
};

}  // namespace pgbackup
