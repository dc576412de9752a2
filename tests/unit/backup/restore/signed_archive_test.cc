// Restores of which each byte must be answered for by a signed manifest before it is used.
#include "backup/restore/archive.h"
#include "backup/restore/choose_backup.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/digest.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/signing.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

const std::string kOld = "20261119T031500Z-00000001";
const std::string kNew = "20261120T031500Z-00000002";
const std::string kPiece = "app.dump";
const std::string kNextPiece = "app.dump.0001";

struct Fixture {
  FakeClock clock{*parse_iso("2026-11-21T00:00:00Z")};
  TestLog log{clock};
  MemoryStore memory{clock};
  FaultyStore store{memory};
  Destinations destinations = only(store);
  std::string plain = std::string(9'000'000, 'a') + std::string(1'000'000, 'b');

  Fixture() { memory.use_signatures(signed_by(kKeyOne)); }

  /// Two pieces, of which the first has two whole blocks and a part of one.
  void add(const std::string& id) {
    const std::string folder = backup_folder(db("app"), id);
    const std::string one = plain.substr(0, 9'500'000);
    const std::string two = plain.substr(9'500'000);
    memory.put(folder + "/" + kPiece, one);
    memory.put(folder + "/" + kNextPiece, two);
    Manifest manifest = make_manifest(
        db("app"), id,
        {{kPiece, one.size(), sha256_hex(one)}, {kNextPiece, two.size(), sha256_hex(two)}});
    ManifestStream& stream = manifest.streams.front();
    stream.packing.compression = Compression::none;
    stream.uncompressed_bytes = plain.size();
    stream.uncompressed_sha256 = sha256_hex(plain);
    memory.commit(folder, format_manifest(manifest), {});
  }
  [[nodiscard]] Backup newest() { return read_catalog(memory).back(); }
  [[nodiscard]] StoredArchive archive(const Backup& backup) {
    return {store, backup, read_manifest_to_restore(store, backup, nullptr)};
  }
  [[nodiscard]] std::string choose(const std::string& id) {
    RestoreRequest request;
    request.database = "app";
    request.id = id;
    return choose_backup(destinations, request, {}, clock, log.log()).backup.id;
  }
};

TEST_CASE("A signed archive comes out whole") {
  Fixture f;
  f.add(kNew);
  const Backup backup = f.newest();
  StoredArchive archive = f.archive(backup);
  StringSink out;
  CHECK(archive.copy(out, f.clock, f.log.log()) == f.plain.size());
  CHECK(out.bytes == f.plain);
  CHECK(out.finished);
  StringSink head;
  archive.copy_head(head, [&] { return !head.bytes.empty(); });
  CHECK(f.plain.starts_with(head.bytes));
  CHECK(head.bytes.size() < f.plain.size());
}

TEST_CASE("Not a byte of a changed archive is passed on") {
  for (const std::string& piece : {kPiece, kNextPiece}) {
    Fixture f;
    f.add(kNew);
    const Backup backup = f.newest();
    f.memory.objects[backup.key_of(piece)].bytes.back() ^= 1;
    StoredArchive archive = f.archive(backup);
    StringSink out;
    CHECK(fails_with(ErrorKind::corrupt, "does not match the manifest",
                     [&] { return archive.copy(out, f.clock, f.log.log()); }));
    CHECK(out.bytes.empty());
    CHECK_FALSE(out.finished);
    CHECK(fails_with(ErrorKind::corrupt, "does not match the manifest", [&] {
      archive.copy_head(out, [] { return true; });
      return 0;
    }));
    CHECK(out.bytes.empty());
  }
}

TEST_CASE("An archive that is changed between its two readings passes on only what was signed") {
  struct Row {
    size_t at;      ///< the byte of the first piece that is changed
    size_t passed;  ///< what may come out: whole blocks before it
  };
  for (const Row& row :
       {Row{0, 0}, Row{4'194'303, 0}, Row{4'194'304, 4'194'304}, Row{9'499'999, 8'388'608}}) {
    CAPTURE(row.at);
    Fixture f;
    f.add(kNew);
    const Backup backup = f.newest();
    StoredArchive archive = f.archive(backup);
    int opened = 0;
    f.store.before = [&](std::string_view call, std::string_view key) {
      if (call == "open" && key == backup.key_of(kPiece) && ++opened == 2) {
        f.memory.objects[std::string(key)].bytes[row.at] ^= 1;
      }
    };
    StringSink out;
    CHECK(fails_with(ErrorKind::corrupt, "was replaced while it was read",
                     [&] { return archive.copy(out, f.clock, f.log.log()); }));
    CHECK(opened == 2);
    CHECK(out.bytes.size() <= row.passed);
    CHECK(f.plain.starts_with(out.bytes));
    CHECK_FALSE(out.finished);
  }
}

TEST_CASE("An archive that grows or shrinks between its two readings is not finished") {
  for (const bool grows : {true, false}) {
    Fixture f;
    f.add(kNew);
    const Backup backup = f.newest();
    StoredArchive archive = f.archive(backup);
    int opened = 0;
    f.store.before = [&](std::string_view call, std::string_view key) {
      if (call != "open" || key != backup.key_of(kPiece) || ++opened != 2) return;
      std::string& bytes = f.memory.objects[std::string(key)].bytes;
      grows ? bytes.push_back('x') : bytes.pop_back();
    };
    StringSink out;
    CHECK(fails_with(ErrorKind::corrupt, "was replaced while it was read",
                     [&] { return archive.copy(out, f.clock, f.log.log()); }));
    CHECK_FALSE(out.finished);
  }
}

TEST_CASE("The latest backup is the newest that is signed, and one that is named must be") {
  Fixture f;
  f.add(kOld);
  f.add(kNew);
  CHECK(f.choose("latest") == kNew);
  f.memory.objects.erase(backup_folder(db("app"), kNew) + "/manifest.json.sig");
  CHECK(f.choose("latest") == kOld);
  CHECK(contains(f.log.text(), "passed over"));
  CHECK(contains(f.log.text(), "manifest.json.sig is missing"));
  CHECK(fails_with(ErrorKind::conflict, "is not signed as BACKUP_VERIFY_KEY wants",
                   [&] { return f.choose(kNew); }));
  f.memory.objects.erase(backup_folder(db("app"), kOld) + "/manifest.json.sig");
  CHECK(fails_with(ErrorKind::conflict, "is not signed as BACKUP_VERIFY_KEY wants",
                   [&] { return f.choose("latest"); }));
  f.memory.use_signatures({});
  CHECK(f.choose("latest") == kNew);
}

TEST_CASE("An unknown format that nobody has signed hides no backup, and is none of its period") {
  Fixture f;
  f.add(kOld);
  const std::string folder = backup_folder(db("app"), kNew);
  f.memory.put(folder + "/app.dump.zst", "x");
  f.memory.objects[folder + "/manifest.json"] = {R"({"format": 99})", f.clock.now()};
  CHECK(f.choose("latest") == kOld);
  CHECK(
      newest_starts(f.destinations, {db("app")}, f.clock.now(), f.log.log()).at({db("app"), ""}) ==
      parse_backup_id(kOld));
  CHECK(contains(f.log.text(), "a backup does not count, as it is not signed"));
}

TEST_CASE("What is not signed is no backup of its period") {
  Fixture f;
  f.add(kOld);
  f.add(kNew);
  f.memory.objects.erase(backup_folder(db("app"), kNew) + "/manifest.json.sig");
  CHECK(
      newest_starts(f.destinations, {db("app")}, f.clock.now(), f.log.log()).at({db("app"), ""}) ==
      parse_backup_id(kOld));
  CHECK(contains(f.log.text(), "a backup does not count, as it is not signed"));
}

TEST_CASE("The dump of an older system is refused where signatures are wanted") {
  Fixture f;
  f.memory.put("app/app_20261119T120000Z.dump", "PGDMP");
  const Adoption adoption{.layouts = parse_layouts("all"), .database = {}};
  RestoreRequest request;
  request.database = "app";
  request.id = "latest";
  const auto choose = [&] {
    return choose_backup(f.destinations, request, adoption, f.clock, f.log.log()).backup.id;
  };
  CHECK(fails_with(ErrorKind::conflict, "backups of older systems are not signed", choose));
  f.memory.use_signatures({});
  CHECK(choose() == "app/app_20261119T120000Z.dump");
}

}  // namespace
}  // namespace pgbackup
