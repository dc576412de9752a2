// Backups whose manifests are signed: what is written, what fails meanwhile, and what is believed.
#include <functional>

#include "common/catalog/backup_writer.h"
#include "common/catalog/catalog.h"
#include "common/catalog/damage.h"
#include "common/catalog/key_grammar.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/signing.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

const std::string kId = "20261120T031500Z-9f3a1c2b";
const std::string kOther = "20261121T031500Z-9f3a1c2b";
const std::string kFolder = "app/" + kId + "/";
const std::string kSignature = kFolder + "manifest.json.sig";

struct Fixture {
  FakeClock clock;
  TestLog log{clock};
  MemoryStore dir_memory{clock};
  MemoryStore s3_memory{clock};
  FaultyStore dir{dir_memory};
  FaultyStore s3{s3_memory};
  Destinations destinations = both(dir, s3);
  std::vector<std::string> failed;

  Fixture() {
    dir_memory.use_signatures(signed_by(kKeyOne));
    s3_memory.use_signatures(signed_by(kKeyOne));
    s3_memory.lock_end = clock.now() + std::chrono::hours(24);
  }
  void write(const std::string& id = kId) {
    BackupWriter writer(all_of(destinations), db("app"), id, clock, log.log());
    Sink& stream =
        writer.open_stream({.name = "app", .packing = {.compression = Compression::none}});
    stream.write("data");
    stream.finish();
    writer.commit({});
    for (const auto& [destination, error] : writer.failures()) failed.push_back(destination);
  }
  [[nodiscard]] std::string distrust() {
    return inspect_backup(dir, read_catalog(dir).at(0)).distrust;
  }
  [[nodiscard]] std::string& signature() { return dir_memory.objects.at(kSignature).bytes; }
};

TEST_CASE("A manifest is signed before it exists, in each destination as it is there") {
  Fixture f;
  std::vector<std::string> put;
  f.s3.after = [&](std::string_view call, std::string_view key) {
    if (call == "put") put.emplace_back(key.substr(kFolder.size()));
  };
  f.write();
  CHECK(put == std::vector<std::string>{"SHA256SUMS", "manifest.json.sig", "manifest.json"});
  for (MemoryStore* const store : {&f.dir_memory, &f.s3_memory}) {
    const std::string& signature = store->objects.at(kSignature).bytes;
    CHECK(signature.size() == kSignatureBytes);
    CHECK(is_signed_by(*decode_hex(kKeyOne.public_hex),
                       store->objects.at(kFolder + "manifest.json").bytes, signature));
    CHECK(read_manifest(*store, read_catalog(*store).at(0)).id == kId);
  }
  CHECK(f.signature() != f.s3_memory.objects.at(kSignature).bytes);  // one of them is locked
}

TEST_CASE("Without a key there is no signature, and none is asked for") {
  Fixture f;
  f.dir_memory.use_signatures({});
  f.s3_memory.use_signatures({});
  f.write();
  CHECK_FALSE(f.dir_memory.objects.contains(kSignature));
  f.dir.before = [](std::string_view call, std::string_view key) {
    if (call == "open" && key == kSignature) FAIL("the signature was read");
  };
  CHECK(read_manifest(f.dir, read_catalog(f.dir).at(0)).id == kId);
}

TEST_CASE("A destination in which any call for a signed backup fails keeps nothing of it") {
  for (const int count : {1, 2, 3}) {  // the sums, the signature, the manifest
    for (const bool effect_first : {false, true}) {
      CAPTURE(count, effect_first);
      Fixture f;
      int left = count;
      (effect_first ? f.dir.after : f.dir.before) = [&](std::string_view call, std::string_view) {
        if (call == "put" && --left == 0) throw Error(ErrorKind::denied, "it failed");
      };
      f.write();
      CHECK(f.failed == std::vector<std::string>{"dir"});
      CHECK(f.dir_memory.objects.empty());
      CHECK(f.s3_memory.objects.size() == 4);
    }
  }
}

TEST_CASE("The signature of someone else's manifest in its place is left alone") {
  Fixture f;
  f.dir.before = [](std::string_view call, std::string_view key) {
    if (call == "put" && key.ends_with("/manifest.json")) {
      throw Error(ErrorKind::conflict, "there is another one");
    }
  };
  f.write();
  CHECK(f.dir_memory.objects.contains(kSignature));
  CHECK_FALSE(f.dir_memory.objects.contains(kFolder + "app.dump"));
}

TEST_CASE("What is not signed by a trusted key is not believed, and why is said") {
  struct Row {
    std::string reason;
    std::function<void(Fixture&)> change;
  };
  const std::string other = "is the signature of another manifest, or by another key";
  for (const Row& row : std::vector<Row>{
           {"is missing", [](Fixture& f) { f.dir_memory.objects.erase(kSignature); }},
           {other, [](Fixture& f) { f.signature()[7] ^= 1; }},
           {other, [](Fixture& f) { f.signature().pop_back(); }},
           {other, [](Fixture& f) { f.signature().clear(); }},
           {other, [](Fixture& f) { f.signature() = std::string(64, '\0'); }},
           {"is no signature", [](Fixture& f) { f.signature() += "\n"; }},
           {"is no signature", [](Fixture& f) { f.signature() = encode_base64(f.signature()); }},
           {"is no signature", [](Fixture& f) { f.signature().resize(size_t{8} << 20U); }},
           {other, [](Fixture& f) { f.dir_memory.use_signatures(believing(kKeyTwo)); }},
           {other,
            [](Fixture& f) { f.dir_memory.objects[kFolder + "manifest.json"].bytes += " "; }},
           {other,
            [](Fixture& f) {
              std::string& text = f.dir_memory.objects[kFolder + "manifest.json"].bytes;
              const size_t at = text.find("\"bytes\": ");
              REQUIRE(at != std::string::npos);
              text.insert(at + 8, " ");
            }},
           {other,
            [](Fixture& f) {  // that of the same data in the other destination
              f.signature() = f.s3_memory.objects.at(kSignature).bytes;
            }}}) {
    CAPTURE(row.reason);
    Fixture f;
    f.write();
    REQUIRE(f.distrust().empty());
    row.change(f);
    CHECK(contains(f.distrust(), "manifest.json.sig " + row.reason));
    CHECK_FALSE(inspect_backup(f.dir, read_catalog(f.dir).at(0)).is_signed);
    CHECK(fails_with(ErrorKind::conflict, "is not signed as BACKUP_VERIFY_KEY wants",
                     [&] { return read_manifest(f.dir, read_catalog(f.dir).at(0)); }));
  }
}

TEST_CASE("A signed manifest in the directory of another backup is damage") {
  Fixture f;
  f.write();
  const std::string moved = "app/" + kOther + "/";
  for (const char* const file : {"app.dump", "manifest.json", "manifest.json.sig"}) {
    f.dir_memory.objects[moved + file] = f.dir_memory.objects.at(kFolder + file);
  }
  CHECK(fails_with(ErrorKind::corrupt, "it is the manifest of app " + kId,
                   [&] { return read_manifest(f.dir, read_catalog(f.dir).at(1)); }));
}

TEST_CASE("During a rotation both keys are believed") {
  Fixture f;
  f.write();
  for (const TestKey& key : {kKeyTwo, kKeyOne}) {
    Signatures both = believing(kKeyTwo);
    both.trusted.push_back(*decode_hex(kKeyOne.public_hex));
    both.key.emplace(private_pem(key));
    f.dir_memory.use_signatures(std::move(both));
    CHECK(f.distrust().empty());
    f.write(kOther);
    CHECK(inspect_backup(f.dir, read_catalog(f.dir).at(1)).distrust.empty());
  }
}

TEST_CASE("A signature that cannot be read says nothing of the backup") {
  Fixture f;
  f.write();
  for (const ErrorKind kind : {ErrorKind::transient, ErrorKind::denied, ErrorKind::canceled}) {
    f.dir.before = [=](std::string_view call, std::string_view key) {
      if (call == "open" && key == kSignature) throw Error(kind, "no answer");
    };
    CHECK(fails_with(kind, "no answer", [&] { return f.distrust(); }));
  }
}

TEST_CASE("A signature is no data, and belongs to the backup") {
  Fixture f;
  f.write();
  f.dir_memory.objects.erase(kFolder + "app.dump");
  const Backup backup = read_catalog(f.dir).at(0);
  CHECK(damage_of(backup) == "its data is missing or empty");
  CHECK(backup.files.size() == 3);
}

}  // namespace
}  // namespace pgbackup
