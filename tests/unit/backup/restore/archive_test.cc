#include "backup/restore/archive.h"

#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/digest.h"
#include "common/codec/zstd.h"
#include "common/store/dir_store.h"
#include "tests/support/age_keys.h"
#include "tests/support/captured_output.h"
#include "tests/support/error_of.h"
#include "tests/support/manifests.h"
#include "tests/support/string_sink.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

/// A stored backup in two pieces, as the manifest describes it.
class StoredBackup {
 public:
  StoredBackup() : store(folder.path(), clock), log(clock, LogLevel::error, LogFormat::text) {
    for (int i = 0; i < 200'000; ++i) plain += std::to_string(i * 7919) + "\n";
    StringSink compressed;
    ZstdSink zstd(compressed, 3);
    zstd.write(plain);
    zstd.finish();
    const std::string name = data_name(db("app"));
    const size_t half = compressed.bytes.size() / 2;
    stream().objects.clear();
    add(name, compressed.bytes.substr(0, half));
    add(name + ".0001", compressed.bytes.substr(half));
    stream().uncompressed_bytes = plain.size();
    stream().uncompressed_sha256 = sha256_hex(plain);
  }

  uint64_t copy(Sink& sink) {
    return StoredArchive(store, backup, manifest).copy(sink, clock, log);
  }

  [[nodiscard]] ManifestStream& stream() { return manifest.streams.at(0); }
  [[nodiscard]] std::string file(size_t piece) const {
    return backup.key_of(manifest.streams.at(0).objects.at(piece).name);
  }

  TemporaryFolder folder;
  SystemClock clock;
  DirStore store;
  Log log;
  Backup backup{.group = db("app"),
                .id = "20261120T031500Z-9f3a1c2b",
                .time = {},
                .newest = {},
                .committed = {},
                .files = {}};
  Manifest manifest = make_manifest(db("app"), backup.id);
  std::string plain;

 private:
  void add(const std::string& name, const std::string& bytes) {
    folder.write(backup.key_of(name), bytes);
    stream().objects.push_back({name, bytes.size(), sha256_hex(bytes)});
  }
};

TEST_CASE("An archive in pieces comes out as it went in") {
  StoredBackup stored;
  StringSink out;
  CHECK(stored.copy(out) == stored.plain.size());
  CHECK(out.finished);
  CHECK(out.bytes == stored.plain);
}

TEST_CASE("A flipped bit anywhere keeps the end of the archive back") {
  for (const size_t piece : {size_t{0}, size_t{1}}) {
    StoredBackup stored;
    const std::string key = stored.file(piece);
    const std::string good = stored.folder.read(key);
    for (size_t at = 0; at < good.size(); at += good.size() / 23) {
      CAPTURE(piece, at);
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 0x10);
      stored.folder.write(key, bad);
      StringSink out;
      try {
        stored.copy(out);
        FAIL("the damage went unnoticed");
      } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::corrupt);
      }
      CHECK_FALSE(out.finished);
      // pg_restore would take a wrong length for the end of the data, and commit.
      CHECK(out.bytes.size() < stored.plain.size());
      CHECK(stored.plain.starts_with(out.bytes));
    }
  }
}

TEST_CASE("A manifest that is damaged comes with the hint to take another backup") {
  StoredBackup stored;
  stored.folder.write(stored.backup.key_of("manifest.json"), "{");
  try {
    static_cast<void>(read_manifest_to_restore(stored.store, stored.backup, nullptr));
    FAIL("the damage went unnoticed");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::corrupt);
    CHECK(error.hint().starts_with("this backup is damaged: restore another one"));
  }
}

TEST_CASE("A piece that is cut off, missing, swapped or too long is noticed") {
  StoredBackup stored;
  const std::string first = stored.folder.read(stored.file(0));
  const std::string second = stored.folder.read(stored.file(1));
  StringSink out;
  for (const auto& [piece, bytes] :
       std::vector<std::pair<size_t, std::string>>{{0, first.substr(0, first.size() - 1)},
                                                   {1, second.substr(0, second.size() - 1)},
                                                   {1, ""},
                                                   {0, second},
                                                   {1, second + "x"},
                                                   {1, second + second}}) {
    StoredBackup damaged;
    damaged.folder.write(damaged.file(piece), bytes);
    CHECK_THROWS_AS(damaged.copy(out), Error);
    CHECK_FALSE(out.finished);
  }
  stored.store.remove(stored.file(1));
  CHECK_THROWS_AS(stored.copy(out), Error);
  CHECK_FALSE(out.finished);
}

TEST_CASE("A manifest that says something else about the uncompressed bytes is noticed") {
  StoredBackup stored;
  StringSink out;
  stored.stream().uncompressed_sha256 = sha256_hex("something else");
  CHECK_THROWS_AS(stored.copy(out), Error);
  CHECK_FALSE(out.finished);
  for (const uint64_t bytes : {stored.plain.size() - 1, stored.plain.size() + 1, size_t{0}}) {
    StoredBackup other;
    other.stream().uncompressed_bytes = bytes;
    StringSink shown;
    CHECK_THROWS_AS(other.copy(shown), Error);
    CHECK(shown.bytes.size() + 65'536 <= stored.plain.size());
    CHECK_FALSE(shown.finished);
  }
}

TEST_CASE("The head of an archive is read only as far as it is wanted") {
  StoredBackup stored;
  stored.stream().objects.push_back({"app.dump.zst.0002", 0, ""});  // would be missed
  StringSink out;
  StoredArchive(stored.store, stored.backup, stored.manifest).copy_head(out, [&] {
    return out.bytes.size() > 1000;
  });
  CHECK(out.bytes.size() > 1000);
  CHECK(stored.plain.starts_with(out.bytes));
}

TEST_CASE("The head of an encrypted archive comes out although age holds its end back") {
  const NoBrokenPipe guard;
  const AgeKeys keys = age_keys(kRecipient, kIdentity);
  StoredBackup stored;
  const std::string plain = "PGDMP, which is short";
  const std::string file = pack_bytes(plain, kEncrypted, {.keys = &keys});
  stored.stream().packing = kEncrypted;
  stored.stream().objects = {{"app.dump.zst.age", file.size(), sha256_hex(file)}};
  stored.store.put(stored.backup.key_of("app.dump.zst.age"), file);
  StringSink out;
  StoredArchive(stored.store, stored.backup, stored.manifest, &keys).copy_head(out, [] {
    return false;
  });
  CHECK(out.bytes == plain);
  StringSink closed;
  StoredArchive without(stored.store, stored.backup, stored.manifest);
  CHECK(fails_with(ErrorKind::denied, "no key", [&] {
    without.copy_head(closed, [] { return false; });
    return 0;
  }));
  CHECK(closed.bytes.empty());
}

TEST_CASE("Every form of backup that was written before manifests had format 2 comes out") {
  SystemClock clock;
  Log log(clock, LogLevel::error, LogFormat::text);
  DirStore store(SOURCE_DIR "/tests/golden/format-1", clock);
  const std::vector<Backup> backups = read_catalog(store);
  REQUIRE(backups.size() == 4);
  for (const Backup& backup : backups) {
    CAPTURE(backup.folder());
    const Manifest manifest = read_manifest(store, backup);
    REQUIRE(manifest.streams.size() == 1);
    CHECK(manifest.group == backup.group);
    CHECK(manifest.groups.front() == db("golden"));
    CHECK(manifest.dump.database.settings.size() == (backup.group == db("golden") ? 1 : 0));
    StringSink out;
    CHECK(StoredArchive(store, backup, manifest).copy(out, clock, log) ==
          manifest.uncompressed_bytes());
    CHECK(out.finished);
    CHECK(
        out.bytes.starts_with(manifest.streams[0].format == StreamFormat::custom ? "PGDMP" : "--"));
  }
}

TEST_CASE("A manifest of format 1 without a dump object is of the only form that there was") {
  SystemClock clock;
  DirStore store(SOURCE_DIR "/tests/golden/format-1", clock);
  for (const Backup& backup : read_catalog(store, db("golden"))) {
    auto json = nlohmann::ordered_json::parse(read_small_object(store, backup.commit_key()));
    json.erase("dump");
    const Manifest manifest = parse_manifest(json.dump());
    CHECK(manifest.streams.at(0).format == StreamFormat::custom);
    CHECK(manifest.streams.at(0).packing.compression == Compression::zstd);
    CHECK(manifest.dump.selection.empty());
  }
}

TEST_CASE("A backup of several streams is not restored in part") {
  StoredBackup stored;
  stored.manifest.streams.push_back(stored.stream());
  stored.manifest.streams.back().name = "more";
  stored.folder.write(stored.backup.key_of("manifest.json"), format_manifest(stored.manifest));
  CHECK(fails_with(ErrorKind::failed, "one stream only",
                   [&] { return read_manifest_to_restore(stored.store, stored.backup, nullptr); }));
}

}  // namespace
}  // namespace pgbackup
