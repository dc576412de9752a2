#include "common/catalog/damage.h"

#include "common/catalog/key_grammar.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

const std::string kId = "20261120T031500Z-9f3a1c2b";
const std::string kFolder = "app/" + kId + "/";

/// A backup of two pieces, 4 and 2 bytes, as pg-backup leaves it.
struct Fixture {
  FakeClock clock;
  MemoryStore memory{clock};
  FaultyStore store{memory};

  Fixture() {
    memory.put(kFolder + "app.dump.zst", "data");
    memory.put(kFolder + "app.dump.zst.0001", "da");
    memory.put(kFolder + "SHA256SUMS", "sums");
    memory.put(kFolder + "hold", "held");
    memory.put(kFolder + "manifest.json", format_manifest(manifest()));
  }
  static Manifest manifest() {
    return make_manifest(db("app"), kId,
                         {{"app.dump.zst", 4, std::string(64, 'a')},
                          {"app.dump.zst.0001", 2, std::string(64, 'a')}});
  }
  [[nodiscard]] Backup listed() { return read_catalog(store, db("app")).at(0); }
  [[nodiscard]] std::string damage() { return inspect_backup(store, listed()).damage; }
};

TEST_CASE("A backup with all that its manifest names is whole, whatever lies beside it") {
  Fixture f;
  CHECK(f.damage().empty());
  CHECK(damage_of(f.listed()).empty());
  f.memory.put(kFolder + "verified", "");
  f.memory.put(kFolder + "z", "further");
  const Inspection seen = inspect_backup(f.store, f.listed());
  CHECK(seen.damage.empty());
  CHECK(seen.manifest.value().id == kId);
}

TEST_CASE("What is missing or of another size is damage, and is named") {
  struct Row {
    std::string file;
    std::optional<std::string> bytes;  ///< nullopt: removed
    std::string damage;
  };
  for (const Row& row : std::vector<Row>{
           {"app.dump.zst", std::nullopt, "app.dump.zst is missing"},
           {"app.dump.zst", "dat", "app.dump.zst has 3 bytes, the manifest says 4"},
           {"app.dump.zst", "", "app.dump.zst has 0 bytes, the manifest says 4"},
           {"app.dump.zst", "data+", "app.dump.zst has 5 bytes, the manifest says 4"},
           {"app.dump.zst.0001", std::nullopt, "app.dump.zst.0001 is missing"},
           {"app.dump.zst.0001", "", "app.dump.zst.0001 has 0 bytes, the manifest says 2"}}) {
    CAPTURE(row.file, row.damage);
    Fixture f;
    f.memory.remove(kFolder + row.file);
    if (row.bytes) f.memory.put(kFolder + row.file, *row.bytes);
    CHECK(f.damage() == row.damage);
    CHECK(damage_of(f.listed()).empty());  // other data is there: the listing alone shows nothing
  }
}

TEST_CASE("The listing alone shows that no data is left") {
  for (const bool emptied : {false, true}) {
    CAPTURE(emptied);
    Fixture f;
    for (const auto* file : {"app.dump.zst", "app.dump.zst.0001"}) {
      f.memory.remove(kFolder + file);
      if (emptied) f.memory.put(kFolder + file, "");
    }
    CHECK(damage_of(f.listed()) == "its data is missing or empty");
    CHECK(f.damage() == "its data is missing or empty");
  }
}

TEST_CASE("Of an older system's backup the file must be there, with a byte in it") {
  FakeClock clock;
  MemoryStore store(clock);
  store.put("app/app_20240115T120000Z.dump", "PGDMP");
  store.put("app/app_20240115T120000Z.dump.sha256", "sum");
  store.put("app/app_20240116T120000Z.dump.sha256", "sum");
  store.put("app/app_20240117T120000Z.dump", "");
  store.put("app/app_20240117T120000Z.dump.sha256", "sum");
  const Adoption all{.layouts = parse_layouts("all"), .database = "other"};
  std::vector<std::string> damage;
  for (const Backup& backup : read_catalog(store, all).backups) {
    damage.push_back(inspect_backup(store, backup).damage);
    CHECK(damage.back() == damage_of(backup));
  }
  const std::string gone = "only its checksum is left, its file is missing or empty";
  CHECK(damage == std::vector<std::string>{"", gone, gone});
}

TEST_CASE("A backup that was listed before its end, or has come back, is not called damaged") {
  Fixture f;
  f.memory.remove(kFolder + "app.dump.zst.0001");
  const Backup early = f.listed();
  f.memory.put(kFolder + "app.dump.zst.0001", "da");
  CHECK(inspect_backup(f.store, early).damage.empty());
}

TEST_CASE("A backup that is being removed is gone, not damaged") {
  Fixture f;
  f.memory.remove(kFolder + "app.dump.zst");
  const Backup listed = f.listed();
  f.store.after = [&](std::string_view call, std::string_view) {
    if (call == "open") f.memory.remove(kFolder + "manifest.json");
  };
  CHECK(fails_with(ErrorKind::not_found, "has been deleted",
                   [&] { return inspect_backup(f.store, listed); }));
}

TEST_CASE("A second look costs one listing of the folder, and only where something is wrong") {
  Fixture f;
  const Backup whole = f.listed();
  f.memory.put("app/20261121T031500Z-00000000/app.dump.zst", "of another");
  std::vector<std::string> listed;
  f.store.before = [&](std::string_view call, std::string_view key) {
    if (call == "list") listed.emplace_back(key);
  };
  CHECK(inspect_backup(f.store, whole).damage.empty());
  CHECK(listed.empty());
  f.memory.remove(kFolder + "app.dump.zst");
  Backup less = whole;
  less.files.erase(less.files.begin() + 1);
  CHECK(inspect_backup(f.store, less).damage == "app.dump.zst is missing");
  CHECK(listed == std::vector<std::string>{kFolder});
}

TEST_CASE("A name in a manifest cannot forge a line of a message") {
  Fixture f;
  Manifest made = Fixture::manifest();
  made.streams[0].objects[0].name = "a\nb";
  CHECK(damage_of(f.listed(), made) == "a?b is missing");
}

}  // namespace
}  // namespace pgbackup
