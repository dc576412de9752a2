#include "backup/verify/read_check.h"

#include "common/codec/digest.h"
#include "common/codec/packing.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

constexpr const char* kId = "20261120T031500Z-9f3a1c2b";
constexpr const char* kSql =
    "--\n-- PostgreSQL database dump\n--\n\nSELECT 1;\n\n--\n-- PostgreSQL database dump complete\n"
    "--\n\n";

/// A backup of one stream of SQL, in two objects.
struct Fixture {
  FakeClock clock;
  TestLog log{clock};
  MemoryStore memory{clock};
  FaultyStore store{memory};
  Environment environment;
  Manifest manifest;
  Backup backup;

  explicit Fixture(const std::string& sql = kSql) {
    const std::string packed = pack_bytes(sql, {}, {});
    const std::string first = packed.substr(0, packed.size() / 2);
    const std::string second = packed.substr(first.size());
    manifest = make_manifest(db("app"), kId,
                             {{"app.sql.zst", first.size(), sha256_hex(first)},
                              {"app.sql.zst.0001", second.size(), sha256_hex(second)}});
    manifest.streams.front().format = StreamFormat::plain;
    manifest.streams.front().uncompressed_bytes = sql.size();
    manifest.streams.front().uncompressed_sha256 = sha256_hex(sql);
    const std::string folder = backup_folder(db("app"), kId) + "/";
    memory.put(folder + "app.sql.zst", first);
    memory.put(folder + "app.sql.zst.0001", second);
    memory.put(folder + "manifest.json", format_manifest(manifest));
    backup = read_catalog(memory, db("app")).at(0);
  }
  std::string& bytes(const std::string& file) {
    return memory.objects.at(backup.key_of(file)).bytes;
  }
  /// What each depth finds: nothing, or the error.
  std::optional<Error> stored() {
    return error_of([&] { return check_stored(store, backup, manifest); });
  }
  std::optional<Error> archive() {
    return error_of([&] {
      return check_archive(
          store, backup, manifest,
          {.bindir = {}, .environment = environment, .clock = clock, .log = log.log(), .stop = {}});
    });
  }
};

bool is_bad(const std::optional<Error>& error, std::string_view part) {
  return error && error->kind() == ErrorKind::corrupt &&
         error->message().find(part) != std::string::npos;
}

TEST_CASE("A backup that is as its manifest says is good at each depth") {
  Fixture f;
  CHECK_FALSE(f.stored());
  CHECK_FALSE(f.archive());
}

TEST_CASE("Each changed bit and each missing object is found") {
  for (const char* const file : {"app.sql.zst", "app.sql.zst.0001"}) {
    CAPTURE(file);
    Fixture f;
    f.bytes(file)[3] = static_cast<char>(f.bytes(file)[3] ^ 1);
    CHECK(is_bad(f.stored(), "the SHA-256 of"));
    CHECK(is_bad(f.archive(), ""));
    f.bytes(file).pop_back();
    CHECK(is_bad(f.stored(), "bytes, the manifest says"));
    CHECK(is_bad(f.archive(), "bytes, the manifest says"));
    f.memory.remove(f.backup.key_of(file));
    CHECK(is_bad(f.stored(), "is missing"));
    CHECK(is_bad(f.archive(), "is missing"));
  }
}

TEST_CASE("What is stored well but is no whole dump is found by who reads it") {
  for (const std::string& sql : {std::string("SELECT 1;\n"), std::string("a\0b\n", 4) + kSql,
                                 std::string("--\n-- PostgreSQL database dump\n--\n")}) {
    CAPTURE(sql);
    Fixture f(sql);
    CHECK_FALSE(f.stored());
    CHECK(is_bad(f.archive(), ""));
  }
}

TEST_CASE("What another size or sum of the whole says is found only by unpacking") {
  Fixture f;
  f.manifest.streams.front().uncompressed_sha256 = std::string(64, '0');
  CHECK_FALSE(f.stored());
  CHECK(is_bad(f.archive(), "the SHA-256 of the uncompressed"));
  f.manifest.streams.front().uncompressed_bytes -= 1;
  CHECK(is_bad(f.archive(), "is longer than"));
}

TEST_CASE("A store that does not answer says nothing of the backup") {
  Fixture f;
  f.store.before = [](std::string_view, std::string_view) {
    throw Error(ErrorKind::transient, "no answer");
  };
  CHECK(f.stored().value().kind() == ErrorKind::transient);
  CHECK(f.archive().value().kind() == ErrorKind::transient);
}

TEST_CASE("Without a key the objects of an encrypted backup are compared, and no more is tried") {
  Fixture f;
  f.manifest.streams.front().packing.encryption = Encryption::age;
  f.manifest.streams.front().uncompressed_sha256.clear();
  f.manifest.is_private_known = false;
  f.manifest.recipients = {"age1short"};
  f.manifest.sealed = {std::string(kSealedName), 6, sha256_hex("sealed")};
  f.memory.put(f.backup.key_of(kSealedName), "sealed");
  CHECK_FALSE(f.stored());
  CHECK(f.archive().value().kind() == ErrorKind::denied);
  CHECK(f.archive().value().message() ==
        "it is encrypted, and there is no key to open it: its recipients are age1short");
  f.bytes(std::string(kSealedName)) = "healed";
  CHECK(is_bad(f.stored(), "the SHA-256 of memory:app/20261120T031500Z-9f3a1c2b/private.json.age"));
  f.bytes(std::string(kSealedName)) = "seal";
  CHECK(is_bad(f.stored(), "bytes, the manifest says"));
  f.memory.remove(f.backup.key_of(kSealedName));
  CHECK(is_bad(f.stored(), "is missing"));
}

}  // namespace
}  // namespace pgbackup
