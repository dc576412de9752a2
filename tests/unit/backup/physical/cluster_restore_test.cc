#include "backup/physical/cluster_restore.h"

#include "backup/physical/base_check.h"
#include "common/codec/packing.h"
#include "tests/support/base_backup.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/memory_store.h"
#include "tests/support/string_sink.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSegment = "000000010000000000000003";

/// A stored base backup with one tablespace, and where it goes.
struct Fixture {
  FakeClock clock{};
  TestLog log{clock};
  MemoryStore memory{clock};
  FaultyStore store{memory};
  TemporaryFolder folder;
  fs::path data = folder.path() / "data";
  fs::path space = folder.path() / "space";
  Backup backup{.group = Group::cluster(),
                .id = "20261120T031500Z-9f3a1c2b",
                .time = {},
                .newest = {},
                .committed = {},
                .files = {}};
  Manifest manifest{};
  ClusterFacts facts{.start = Lsn{0x3000028},
                     .end = Lsn{0x3000100},
                     .timeline = 1,
                     .tablespaces = {{.oid = 16384, .location = "/nowhere/at/all"}}};
  std::vector<TablespaceMapping> mappings{{"/nowhere/at/all", space.string()}};
  RecoveryRequest recovery{.timeline = 1, .backup_timeline = 1};
  WalCopies wal{.names = {kSegment, "00000002.history"},
                .fetch = [](const std::string& name, Sink& sink) {
                  const bool is_segment = name == kSegment;
                  sink.write(is_segment ? std::string(kDefaultSegmentBytes, 'w') : "history");
                }};

  std::map<std::string, std::string> base{{"backup_label", "START"},
                                          {"base/1/1259", std::string(300'000, 'b')},
                                          {"postgresql.auto.conf", "a = 1\n"},
                                          {"standby.signal", ""},
                                          {"tablespace_map", "16384 /nowhere/at/all\n"},
                                          {"global/pg_control", "control"}};
  std::string row = "row";

  Fixture() {
    manifest.group = Group::cluster();
    manifest.id = backup.id;
    manifest.system_identifier = "7713602958307015355";
    store_all();
  }

  void store_all() {
    manifest.streams.clear();
    std::vector<std::string> lines = {listed("pg_tblspc/16384/PG_15_202209061/5/16388", row)};
    TarBuilder tar;
    for (const std::string name : {"base", "base/1", "global", "pg_tblspc", "pg_wal"}) {
      tar.directory(name);
    }
    for (const auto& [name, contents] : base) {
      lines.push_back(listed(name, contents));
      if (name != kControlFile) tar.file(name, contents);
    }
    tar.file(std::string(kControlFile), base.at(std::string(kControlFile)));
    add("16384", TarBuilder()
                     .directory("PG_15_202209061")
                     .directory("PG_15_202209061/5")
                     .file("PG_15_202209061/5/16388", row)
                     .end());
    add("base", tar.end());
    add("backup_manifest", file_list(lines, kRange));
  }
  void add(const std::string& name, const std::string& plain) {
    StringSink packed;
    const std::unique_ptr<Sink> packer = pack(packed, {}, {});
    packer->write(plain);
    packer->finish();
    const std::string file = name + ".zst";
    memory.put(backup.key_of(file), packed.bytes);
    manifest.streams.push_back(
        {.name = name,
         .uncompressed_bytes = plain.size(),
         .uncompressed_sha256 = sha256_hex(plain),
         .objects = {{file, packed.bytes.size(), sha256_hex(packed.bytes)}}});
  }
  ManifestStream& stream(const std::string& name) {
    return *std::find_if(manifest.streams.begin(), manifest.streams.end(),
                         [&](const ManifestStream& s) { return s.name == name; });
  }
  /// Puts other bytes in the place of a stream, as someone who may write into the store can do.
  void replace(const std::string& name, const std::string& plain) {
    std::erase_if(manifest.streams, [&](const ManifestStream& s) { return s.name == name; });
    add(name, plain);
  }

  ClusterReport restore() {
    return ClusterRestore(clock, log.log())
        .run({.store = store, .backup = backup, .manifest = manifest, .facts = facts},
             {.directory = data, .tablespaces = mappings}, recovery, wal);
  }
  bool is_refused(ErrorKind kind, std::string_view part) {
    return fails_with(kind, part, [&] { return restore(); });
  }
  [[nodiscard]] bool is_untouched() const { return fs::is_empty(folder.path()); }
  [[nodiscard]] bool is_unfinished() const {
    return fs::exists(data / kUnfinishedMarker) && !fs::exists(data / "global/pg_control");
  }
  [[nodiscard]] std::string read(const std::string& name) const {
    return folder.read("data/" + name);
  }
};

TEST_CASE("A cluster is restored with its tablespaces, its WAL and the way to recover") {
  Fixture f;
  const ClusterReport report = f.restore();
  CHECK(report.files == 7);
  CHECK(report.bytes == 300'000 + 3 + 5 + 6 + 22 + 7);
  for (const std::string name : {"backup_label", "base/1/1259", "global/pg_control"}) {
    CHECK(f.read(name) == f.base.at(name));
  }
  CHECK(f.read("pg_tblspc/16384/PG_15_202209061/5/16388") == "row");
  CHECK(fs::read_symlink(f.data / "pg_tblspc/16384") == f.space);
  CHECK(f.read("postgresql.auto.conf") == "a = 1\n" + recovery_settings(f.recovery));
  CHECK(fs::exists(f.data / "recovery.signal"));
  CHECK_FALSE(fs::exists(f.data / "standby.signal"));
  CHECK_FALSE(fs::exists(f.data / "tablespace_map"));
  CHECK_FALSE(fs::exists(f.data / kUnfinishedMarker));
  CHECK(f.read("backup_manifest").starts_with("{ \"PostgreSQL-Backup-Manifest-Version\": 2"));
  CHECK(f.read(std::string("pg_wal/from_backup/") + kSegment).size() == kDefaultSegmentBytes);
  CHECK(f.read("pg_wal/from_backup/00000002.history") == "history");
  CHECK(contains(f.log.text(), " and " + f.space.string() + " need about 32.3 MiB, "));
}

TEST_CASE("Without copies of WAL there is no directory for them") {
  Fixture f;
  f.wal = {};
  static_cast<void>(f.restore());
  CHECK_FALSE(fs::exists(f.data / "pg_wal/from_backup"));
}

TEST_CASE("What can be refused is refused before anything is written") {
  const auto refuse = [](ErrorKind kind, std::string_view part, const auto& change) {
    Fixture f;
    change(f);
    CHECK(f.is_refused(kind, part));
    CHECK(f.is_untouched());
  };
  refuse(ErrorKind::usage, "no tablespace of the backup was at /x", [](Fixture& f) {
    f.mappings.push_back({"/x", "/y"});
  });
  refuse(ErrorKind::conflict, "make space",
         [](Fixture& f) { f.stream("base").uncompressed_bytes = uint64_t{1} << 60U; });
  refuse(ErrorKind::conflict, "make space",
         [](Fixture& f) { f.stream("16384").uncompressed_bytes = uint64_t{1} << 60U; });
  refuse(ErrorKind::conflict, "make space",
         [](Fixture& f) { f.facts.segment_bytes = uint64_t{1} << 60U; });
  refuse(ErrorKind::corrupt, "base.zst is missing",
         [](Fixture& f) { f.memory.remove(f.backup.key_of("base.zst")); });
  refuse(ErrorKind::corrupt, "bytes, the manifest says",
         [](Fixture& f) { f.memory.put(f.backup.key_of("16384.zst"), "x"); });
  refuse(ErrorKind::corrupt, "the manifest names no stream '16384'",
         [](Fixture& f) { f.stream("16384").name = "16385"; });
  refuse(ErrorKind::corrupt, "the manifest names no stream 'backup_manifest'",
         [](Fixture& f) { f.stream("backup_manifest").name = "other"; });
  refuse(ErrorKind::failed, "more than a base backup consists of",
         [](Fixture& f) { f.add("more", "x"); });
}

TEST_CASE("A directory that is occupied stays as it is") {
  Fixture f;
  f.folder.write("data/PG_VERSION", "15\n");
  CHECK(f.is_refused(ErrorKind::conflict, "is not empty"));
  CHECK(f.read("PG_VERSION") == "15\n");
  CHECK_FALSE(fs::exists(f.space));
  Fixture other;
  other.folder.write("space/PG_15_202209061/x", "");
  CHECK(other.is_refused(ErrorKind::conflict, "is not empty"));
  CHECK_FALSE(fs::exists(other.data));
}

TEST_CASE("A restore that is cut off anywhere leaves a directory in which no server starts") {
  Fixture whole;
  int calls = 0;
  whole.store.before = [&](std::string_view, std::string_view) { ++calls; };
  static_cast<void>(whole.restore());
  REQUIRE(calls == 6);  // each of three objects is looked at, then opened
  for (int last = 1; last <= calls; ++last) {
    CAPTURE(last);
    Fixture f;
    int count = 0;
    f.store.before = [&](std::string_view, std::string_view) {
      if (++count == last) throw Error(ErrorKind::transient, "no answer");
    };
    CHECK(f.is_refused(ErrorKind::transient, "no answer"));
    CHECK((last <= 3 ? f.is_untouched() : f.is_unfinished()));
    if (last <= 3) continue;
    CHECK(f.is_refused(ErrorKind::conflict,
                       "a restore that has not finished: pg-backup began to restore "
                       "_cluster/20261120T031500Z-9f3a1c2b into this directory at 2026-11-20"));
    CHECK(contains(f.read(kUnfinishedMarker), f.space.string() + "\n"));
  }
}

TEST_CASE("A flipped byte in a stored object is noticed") {
  for (const std::string name : {"base.zst", "16384.zst", "backup_manifest.zst"}) {
    Fixture whole;
    const std::string good = whole.memory.objects.at(whole.backup.key_of(name)).bytes;
    for (size_t at = 0; at < good.size(); at += 1 + good.size() / 50) {
      CAPTURE(name, at);
      Fixture f;
      char& byte = f.memory.objects.at(f.backup.key_of(name)).bytes.at(at);
      byte = static_cast<char>(byte ^ 0x10);
      CHECK(f.is_refused(ErrorKind::corrupt, ""));
      CHECK(f.is_unfinished());
    }
  }
}

TEST_CASE("Someone who may write into the store cannot pass other files for those of the server") {
  const auto refuse = [](std::string_view part, const auto& change) {
    Fixture f;
    change(f);
    CAPTURE(part);
    const std::optional<Error> error = error_of([&] { return f.restore(); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::corrupt);
    CHECK(contains(error->message(), part));
    CHECK(contains(error->hint(), "this backup is damaged"));
    CHECK(f.is_unfinished());
  };
  const std::string list = [] {
    std::vector<std::string> lines = {listed("a", "x"), listed("global/pg_control", "c")};
    return file_list(lines, kRange);
  }();
  refuse("which the backup_manifest does not list",
         [&](Fixture& f) { f.replace("backup_manifest", list); });
  refuse("the archives lack 6 of 7 files",
         [](Fixture& f) { f.replace("base", TarBuilder().end()); });
  refuse("it ends without the two blocks of zeros",
         [](Fixture& f) { f.replace("base", TarBuilder().directory("base").text); });
  refuse("the SHA-256 of backup_label",
         [](Fixture& f) { f.replace("base", TarBuilder().file("backup_label", "STOP!").end()); });
  refuse("'../x' is not a plain relative name",
         [](Fixture& f) { f.replace("16384", TarBuilder().file("../x", "row").end()); });
  refuse("a symbolic link", [](Fixture& f) {
    f.replace("base", TarBuilder().add({.name = "base", .type = '2', .link = "/etc"}).end());
  });
  refuse("the backup_manifest is damaged",
         [](Fixture& f) { f.replace("backup_manifest", "{}\n"); });
  refuse("is of the server 7713602958307015355, the manifest of 5",
         [](Fixture& f) { f.manifest.system_identifier = "5"; });
  refuse("needs the WAL from 0/3000028 to 0/3000100, the manifest that from 0/3000028 to 0/5000000",
         [](Fixture& f) { f.facts.end = Lsn{0x5000000}; });
  refuse("the SHA-256 of the uncompressed base",
         [](Fixture& f) { f.stream("base").uncompressed_sha256 = std::string(64, 'a'); });
}

TEST_CASE("A damaged segment of WAL is left out where neither the backup nor the target needs it") {
  const auto damaged_at_4 = [](RecoveryTarget target) {
    auto f = std::make_unique<Fixture>();
    f->recovery.target = target;
    f->wal.names.insert(f->wal.names.begin() + 1,
                        {"000000010000000000000004", "000000010000000000000005"});
    f->wal.fetch = [](const std::string& name, Sink& sink) {
      sink.write(std::string(name.size() == 24 ? kDefaultSegmentBytes : 7, 'w'));
      if (name.ends_with("04")) throw Error(ErrorKind::corrupt, "04: the data is damaged");
    };
    return f;
  };
  for (const RecoveryTarget& target :
       {RecoveryTarget{}, {.kind = TargetKind::lsn, .lsn = {0x3fffffe}}}) {
    const auto f = damaged_at_4(target);
    static_cast<void>(f->restore());
    CHECK(contains(f->log.text(),
                   "ends before it, and finds no target behind it segment=000000010000000000000004 "
                   "ends=0/4000000 cause=\""));
    CHECK(fs::exists(f->data / "pg_wal/from_backup" / kSegment));
    CHECK_FALSE(fs::exists(f->data / "pg_wal/from_backup/000000010000000000000004"));
    CHECK(f->read("pg_wal/from_backup/00000002.history").size() == 7);
    CHECK_FALSE(fs::exists(f->data / kUnfinishedMarker));
  }
  const auto behind = damaged_at_4({.kind = TargetKind::lsn, .lsn = {0x4000000}});
  CHECK(behind->is_refused(ErrorKind::corrupt, "04: the data is damaged"));
  const auto needed = damaged_at_4({});
  needed->wal.fetch = [](const std::string&, Sink&) { throw Error(ErrorKind::corrupt, "damage"); };
  CHECK(needed->is_refused(ErrorKind::corrupt, "damage"));
  CHECK(needed->is_unfinished());
}

TEST_CASE("A damaged segment of WAL is taken from the other destination") {
  Fixture f;
  f.wal.fetch = [](const std::string& name, Sink& sink) {
    sink.write("some bytes");
    throw Error(ErrorKind::corrupt, name + ": the data is damaged");
  };
  f.wal.fetch_elsewhere = [](const std::string& name, Sink& sink) {
    sink.write(std::string(name.size() == 24 ? kDefaultSegmentBytes : 7, 'w'));
  };
  static_cast<void>(f.restore());
  CHECK(f.read("pg_wal/from_backup/" + std::string(kSegment)) ==
        std::string(kDefaultSegmentBytes, 'w'));
  CHECK(contains(f.log.text(), "the other destination has what is damaged here"));

  Fixture neither;
  neither.wal.fetch = f.wal.fetch;
  neither.wal.fetch_elsewhere = [](const std::string&, Sink&) {
    throw Error(ErrorKind::not_found, "it is not there");
  };
  CHECK(neither.is_refused(ErrorKind::corrupt, ": the data is damaged"));
  CHECK(neither.is_unfinished());
}

TEST_CASE("WAL that is missing or cut leaves the directory unfinished") {
  Fixture f;
  f.wal.fetch = [](const std::string& name, Sink&) {
    throw Error(ErrorKind::not_found, name + " is not stored");
  };
  CHECK(f.is_refused(ErrorKind::not_found, std::string(kSegment) + " is not stored"));
  CHECK(f.is_unfinished());
  Fixture cut;
  cut.wal.fetch = [](const std::string&, Sink& sink) { sink.write("short"); };
  CHECK(cut.is_refused(ErrorKind::corrupt, "has 5 bytes, and not 16777216"));
  CHECK(cut.is_unfinished());
}

}  // namespace
}  // namespace pgbackup
