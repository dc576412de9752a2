// With the real program age, which must be installed.
#include "common/catalog/sealed.h"

#include <fmt/format.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>

#include "common/catalog/backup_writer.h"
#include "common/catalog/damage.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/stored_stream.h"
#include "common/codec/digest.h"
#include "common/store/dir_store.h"
#include "tests/support/age_keys.h"
#include "tests/support/error_of.h"
#include "tests/support/fake_clock.h"
#include "tests/support/faulty_store.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/string_sink.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kId = "20261120T031500Z-9f3a1c2b";
constexpr const char* kBytes = "COPY secret_table FROM stdin;";

/// Says everything that only the database's owner should know with the word `secret`.
Manifest secretive() {
  Manifest m;
  m.tool = "pg-backup 0.2.0";
  m.groups = {db("app")};
  m.warnings = {"secret_table has no owner", "secret_role is gone"};
  m.dump.tables = 3;
  m.dump.selection = {"--exclude-table=secret_table", "--no-privileges"};
  m.dump.database.encoding = "UTF8";
  m.dump.database.owner = "secret_owner";
  m.dump.database.settings = {"app.key=secret_value"};
  m.dump.contents = DumpContents{.tables = 3, .rows = {{"public", "secret_table", 7}}};
  return m;
}

/// Writes an encrypted backup into two stores that can be made to fail.
struct Fixture {
  FakeClock clock;
  TestLog log{clock};
  MemoryStore dir_memory{clock};
  MemoryStore s3_memory{clock};
  FaultyStore dir{dir_memory};
  FaultyStore s3{s3_memory};
  Destinations destinations = both(dir, s3);
  AgeKeys keys = age_keys(fmt::format("# ops\n{}\n{}\n", kRecipient, kSshRecipient), kIdentity);
  StreamPlan plan{.name = "app", .packing = kEncrypted, .effort = {.keys = &keys}};
  std::string bytes = kBytes;
  std::vector<std::string> written;
  std::vector<std::string> failed;

  void write() {
    BackupWriter writer(all_of(destinations), db("app"), kId, clock, log.log());
    Sink& stream = writer.open_stream(plan);
    stream.write(bytes);
    stream.finish();
    writer.commit(secretive());
    for (const auto& [destination, manifest] : writer.written()) {
      written.push_back(destination);
      CHECK(manifest.is_private_known);
      CHECK(manifest.warnings.size() == 2);
    }
    for (const auto& [destination, error] : writer.failures()) failed.push_back(destination);
  }
};

Backup only_backup(MemoryStore& store) {
  const std::vector<Backup> backups = read_catalog(store);
  REQUIRE(backups.size() == 1);
  REQUIRE(backups[0].complete);
  return backups[0];
}

std::string& bytes_of(MemoryStore& store, std::string_view file) {
  return store.objects.at(backup_folder(db("app"), kId) + "/" + std::string(file)).bytes;
}

bool is_empty(const MemoryStore& store) {
  return store.objects.empty() && store.unfinished.empty();
}

/// What was dumped, with the size and SHA-256 of the manifest.
std::string stream_of(Store& store, const Backup& backup, const Manifest& manifest,
                      const AgeKeys* keys) {
  StringSink out;
  StreamCheck checked(out, manifest.streams.at(0));
  const auto unpacked = unpack(checked, manifest.streams.at(0).packing, keys);
  copy_objects(store, backup, manifest.streams.at(0), *unpacked);
  unpacked->finish();
  CHECK(out.finished);
  return out.bytes;
}

std::string read_file(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The store holds the whole backup, which an identity opens.
void check_whole(MemoryStore& store, const AgeKeys& keys) {
  const Backup backup = only_backup(store);
  Manifest manifest = read_manifest(store, backup);
  CHECK(damage_of(backup, manifest).empty());
  CHECK(backup.files.size() == 4);
  open_private(store, backup, manifest, &keys);
  CHECK(manifest.warnings == secretive().warnings);
  CHECK(stream_of(store, backup, manifest, &keys) == kBytes);
}

FaultyStore::Hook fail_at(std::string_view name, int count, ErrorKind kind = ErrorKind::denied) {
  return [=](std::string_view call, std::string_view) mutable {
    if (call == name && --count == 0) throw Error(kind, "it failed");
  };
}

TEST_CASE_METHOD(Fixture, "Without a key an encrypted backup shows nothing that is private") {
  write();
  for (const MemoryStore* const store : {&dir_memory, &s3_memory}) {
    REQUIRE(store->objects.size() == 4);
    for (const auto& [key, object] : store->objects) {
      CAPTURE(key);
      for (const std::string& hidden :
           {std::string("secret"), std::string("example.org"), sha256_hex(kBytes)}) {
        CHECK(object.bytes.find(hidden) == std::string::npos);
      }
    }
  }
  CHECK(bytes_of(s3_memory, "manifest.json").starts_with("{\n  \"format\": 3,\n"));
  const Manifest m = read_manifest(s3_memory, only_backup(s3_memory));
  CHECK_FALSE(m.is_private_known);
  CHECK(m.is_encrypted());
  CHECK(m.recipients.size() == 2);
  CHECK(m.recipients.at(0) == kRecipient);
  CHECK(std::string(kSshRecipient).starts_with(m.recipients.at(1) + " "));
  CHECK(m.sealed_warnings == 2);
  CHECK(m.warnings.empty());
  CHECK(m.dump.tables == 3);
  CHECK(m.dump.selection == std::vector<std::string>{"--exclude-table", "--no-privileges"});
  CHECK(m.uncompressed_bytes() == std::string_view(kBytes).size());
  CHECK(m.streams.at(0).objects.at(0).name == "app.dump.zst.age");
  CHECK(m.objects().size() == 2);
  CHECK(m.objects().back()->name == kSealedName);
}

TEST_CASE_METHOD(Fixture, "Each recipient opens the private part, which is as it was") {
  write();
  const Backup backup = only_backup(dir_memory);
  for (const auto* const identity : {kIdentity, kSshIdentity}) {
    CAPTURE(identity);
    const AgeKeys reader = age_keys("", identity);
    Manifest m = read_manifest(dir_memory, backup);
    open_private(dir_memory, backup, m, &reader);
    CHECK(m.is_private_known);
    CHECK(m.warnings == secretive().warnings);
    CHECK(m.dump.selection == secretive().dump.selection);
    CHECK(m.dump.database.owner == "secret_owner");
    CHECK(m.dump.database.settings == secretive().dump.database.settings);
    CHECK(m.dump.contents == secretive().dump.contents);
    CHECK(m.streams.at(0).uncompressed_sha256 == sha256_hex(kBytes));
    CHECK(format_manifest(m) == bytes_of(dir_memory, "manifest.json"));
    require_private(m);
    open_private(dir_memory, backup, m, nullptr);  // it is known
  }
}

TEST_CASE_METHOD(Fixture,
                 "Without a key that fits nothing is opened, and the recipients are named") {
  write();
  const Backup backup = only_backup(dir_memory);
  const AgeKeys none = age_keys("");
  const AgeKeys other = age_keys("", kOtherIdentity);
  for (const auto& [reader, words] : std::vector<std::pair<const AgeKeys*, std::string>>{
           {nullptr, "it is encrypted, and there is no key to open it"},
           {&none, "the private part: it is encrypted, and there is no key to open it"},
           {&other, "the private part: none of the identities opens it"}}) {
    CAPTURE(words);
    Manifest m = read_manifest(dir_memory, backup);
    const auto error = error_of([&, with = reader] {
      open_private(dir_memory, backup, m, with);
      return 0;
    });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::denied);
    CHECK(error->message() ==
          words + ": its recipients are age16lvm...nsrdy5gz, ssh-ed25519 ...sUF2hU+D");
    CHECK(error->hint().find("BACKUP_AGE_IDENTITY_FILE") != std::string::npos);
    CHECK_FALSE(m.is_private_known);
    CHECK_THROWS_AS(require_private(m), Error);
    StringSink out;
    CHECK(fails_with(ErrorKind::denied, "no key to open it", [&] {
      StreamCheck(out, m.streams.at(0)).finish();
      return 0;
    }));
  }
}

TEST_CASE_METHOD(Fixture, "A store that refuses to read is not taken for a key that does not fit") {
  write();
  const Backup backup = only_backup(dir_memory);
  Manifest m = read_manifest(dir_memory, backup);
  dir.before = fail_at("open", 1);
  const auto error = error_of([&] {
    open_private(dir, backup, m, &keys);
    return 0;
  });
  REQUIRE(error);
  CHECK(error->message() == "the private part: it failed");
}

TEST_CASE_METHOD(Fixture, "A damaged private part is damage, wherever a bit was flipped") {
  write();
  const Backup backup = only_backup(dir_memory);
  std::string& sealed = bytes_of(dir_memory, kSealedName);
  const std::string good = sealed;
  const auto check_corrupt = [&](std::string_view words) {
    Manifest m = read_manifest(dir_memory, backup);
    const auto error = error_of([&] {
      open_private(dir_memory, backup, m, &keys);
      return 0;
    });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::corrupt);
    CHECK(error->message().find(words) != std::string::npos);
    CHECK(error->hint().find("restore another one") != std::string::npos);
    CHECK_FALSE(m.is_private_known);
  };
  for (size_t at = 0; at < good.size(); at += 31) {
    CAPTURE(at);
    sealed = good;
    sealed[at] = static_cast<char>(sealed[at] ^ 1);
    check_corrupt("the SHA-256 of memory:");
  }
  sealed = good.substr(0, good.size() - 1);
  check_corrupt("bytes, the manifest says");
  sealed = good + "x";
  check_corrupt("bytes, the manifest says");
  dir_memory.remove(backup.key_of(kSealedName));
  check_corrupt("private.json.age is missing");
}

TEST_CASE_METHOD(Fixture, "A private part that is none of ours is damage") {
  write();
  const Backup backup = only_backup(dir_memory);
  for (const auto& text :
       {std::string(), std::string("[]"), std::string("{}"), std::string("{"),
        std::string(R"({"warnings":[],"uncompressed_sha256":{}})"), std::string(100, '['),
        std::string(R"({"warnings":[],"uncompressed_sha256":{"app":"x"}})")}) {
    CAPTURE(text);
    const std::string sealed =
        pack_bytes(text, {Compression::none, Encryption::age}, {.keys = &keys});
    bytes_of(dir_memory, kSealedName) = sealed;
    Manifest m = read_manifest(dir_memory, backup);
    m.sealed = {std::string(kSealedName), sealed.size(), sha256_hex(sealed)};
    CHECK(fails_with(ErrorKind::corrupt, "the private part: the manifest is damaged: ", [&] {
      open_private(dir_memory, backup, m, &keys);
      return 0;
    }));
  }
}

TEST_CASE("A private part is bounded when it is written") {
  const AgeKeys keys = age_keys(kRecipient);
  Manifest m = make_manifest(db("app"), kId);
  m.streams.front().packing = kEncrypted;
  m.dump.database.comment = std::string(kMaxManifestBytes, 'x');
  CHECK(fails_with(ErrorKind::failed, "larger than 1 MiB", [&] { return seal_private(m, keys); }));
  m.dump.database.comment.clear();
  m.dump.database.comment.assign(kMaxManifestBytes - format_private(m).size() - 50, 'x');
  CHECK(format_private(m).size() <= kMaxManifestBytes);
  CHECK(fails_with(ErrorKind::failed, "larger than 1 MiB", [&] { return seal_private(m, keys); }));
  m.dump.database.comment.resize(m.dump.database.comment.size() - 2000);
  CHECK(seal_private(m, keys).size() <= kMaxSmallObject);
}

TEST_CASE_METHOD(Fixture, "The private part is a file of the backup, as its data is") {
  write();
  CHECK(bytes_of(dir_memory, kSealedName) == bytes_of(s3_memory, kSealedName));
  const std::string sums = bytes_of(s3_memory, kSumsName);
  for (const auto file : {std::string_view("app.dump.zst.age"), kSealedName, kManifestName}) {
    CAPTURE(file);
    CHECK(sums.find(fmt::format("{}  {}\n", sha256_hex(bytes_of(s3_memory, file)), file)) !=
          std::string::npos);
  }
  const Backup whole = only_backup(s3_memory);
  const Manifest manifest = read_manifest(s3_memory, whole);
  CHECK(damage_of(whole, manifest).empty());
  bytes_of(s3_memory, kSealedName).pop_back();
  CHECK(damage_of(only_backup(s3_memory), manifest).starts_with("private.json.age has "));
  s3_memory.remove(whole.key_of(kSealedName));
  CHECK(damage_of(only_backup(s3_memory), manifest) == "private.json.age is missing");
  CHECK(inspect_backup(s3_memory, only_backup(s3_memory)).damage == "private.json.age is missing");
  dir_memory.remove(whole.key_of("app.dump.zst.age"));
  CHECK(damage_of(only_backup(dir_memory)) == "its data is missing or empty");
}

TEST_CASE(
    "A destination that fails at an encrypted backup holds nothing, and the other all of it") {
  struct Case {
    std::string call;
    int count;
  };
  for (const Case& at : std::vector<Case>{{"create", 1},
                                          {"write", 1},
                                          {"finish", 1},
                                          {"put", 1},     // the private part
                                          {"put", 2},     // the sums
                                          {"put", 3}}) {  // the manifest
    for (const bool effect_first : {false, true}) {
      if (effect_first && at.call == "finish") continue;
      for (const bool is_dir : {true, false}) {
        CAPTURE(at.call, at.count, effect_first, is_dir);
        Fixture f;
        FaultyStore& bad = is_dir ? f.dir : f.s3;
        (effect_first ? bad.after : bad.before) = fail_at(at.call, at.count);
        f.write();
        CHECK(f.failed == std::vector<std::string>{is_dir ? "dir" : "s3"});
        CHECK(f.written == std::vector<std::string>{is_dir ? "s3" : "dir"});
        check_whole(is_dir ? f.s3_memory : f.dir_memory, f.keys);
        CHECK(is_empty(is_dir ? f.dir_memory : f.s3_memory));
      }
    }
  }
}

TEST_CASE("Whatever the writing of the private part throws, the other destination has all of it") {
  for (const auto& throw_it : kForeignExceptions) {
    Fixture f;
    f.dir.before = [&](std::string_view name, std::string_view key) {
      if (name == "put" && key.ends_with(kSealedName)) throw_it();
    };
    f.write();
    CHECK(f.failed == std::vector<std::string>{"dir"});
    check_whole(f.s3_memory, f.keys);
    CHECK(is_empty(f.dir_memory));
  }
}

TEST_CASE("A stop at the private part leaves nothing in any destination") {
  for (const bool effect_first : {false, true}) {
    Fixture f;
    (effect_first ? f.dir.after : f.dir.before) = fail_at("put", 1, ErrorKind::canceled);
    CHECK(fails_with(ErrorKind::canceled, "it failed", [&] {
      f.write();
      return 0;
    }));
    CHECK(is_empty(f.dir_memory));
    CHECK(is_empty(f.s3_memory));
  }
}

TEST_CASE("A private part of someone else in its place is left alone") {
  Fixture f;
  f.destinations = only(f.s3);
  const std::string key = backup_folder(db("app"), kId) + "/" + std::string(kSealedName);
  f.s3_memory.put(key, "of someone else");
  f.s3.before = fail_at("put", 1, ErrorKind::conflict);
  CHECK(fails_with(ErrorKind::conflict, "it failed", [&] {
    f.write();
    return 0;
  }));
  CHECK(f.s3_memory.objects.size() == 1);
  CHECK(f.s3_memory.objects.at(key).bytes == "of someone else");
}

TEST_CASE_METHOD(Fixture, "When age fails at the private part, nothing is left of the backup") {
  const NoBrokenPipe no_broken_pipe;
  const TemporaryFolder folder;
  const std::string real = keys.program.string();
  keys.program = folder.write(
      "age", fmt::format("#!/bin/sh\nn={0}/n\n[ -e $n ] && exit 1\n: >$n\nexec {1} \"$@\"\n",
                         folder.path().string(), real));
  std::filesystem::permissions(keys.program, std::filesystem::perms::owner_all);
  CHECK(fails_with(ErrorKind::failed, "age cannot encrypt: exited with 1", [&] {
    write();
    return 0;
  }));
  CHECK(is_empty(dir_memory));
  CHECK(is_empty(s3_memory));
}

TEST_CASE_METHOD(Fixture, "A backup that would be encrypted only in part is refused") {
  for (const bool is_first : {true, false}) {
    const StreamPlan encrypted{.name = "one", .packing = kEncrypted, .effort = {.keys = &keys}};
    const StreamPlan plain{.name = "two"};
    {
      BackupWriter writer(all_of(destinations), db("app"), kId, clock, log.log());
      writer.open_stream(is_first ? encrypted : plain).finish();
      CHECK(fails_with(ErrorKind::failed, "only a part of the backup would be encrypted", [&] {
        static_cast<void>(writer.open_stream(is_first ? plain : encrypted));
        return 0;
      }));
    }
    CHECK(is_empty(dir_memory));
    CHECK(is_empty(s3_memory));
  }
}

TEST_CASE_METHOD(Fixture, "A base backup hides where its tablespaces lay, and shows its WAL") {
  Manifest m = make_base_manifest(
      kId, {.start = Lsn{0x2000028},
            .end = Lsn{0x2000100},
            .timeline = 1,
            .tablespaces = {{.oid = 16384, .location = "/srv/secret", .bytes = 1}}});
  for (ManifestStream& stream : m.streams) stream.packing = kEncrypted;
  const std::string sealed = seal_private(m, keys);
  m.sealed = {std::string(kSealedName), sealed.size(), sha256_hex(sealed)};
  m.recipients = {kRecipient};
  const std::string folder = backup_folder(Group::cluster(), kId) + "/";
  dir_memory.put(folder + std::string(kSealedName), sealed);
  dir_memory.put(folder + std::string(kManifestName), format_manifest(m));
  CHECK(format_manifest(m).find("secret") == std::string::npos);
  const Backup backup = only_backup(dir_memory);
  Manifest read = read_manifest(dir_memory, backup);
  CHECK(read.cluster.start == m.cluster.start);
  CHECK(read.cluster.timeline == 1);
  CHECK(read.cluster.tablespaces.empty());
  open_private(dir_memory, backup, read, &keys);
  CHECK(read.cluster.tablespaces.at(0).location == "/srv/secret");
}

TEST_CASE_METHOD(Fixture, "A manifest of format 3 is read strictly") {
  write();
  const Json good = Json::parse(bytes_of(dir_memory, "manifest.json"));
  static_cast<void>(parse_manifest(good.dump()));
  const std::vector<std::pair<std::string, std::function<void(Json&)>>> bad = {
      {"no recipients", [](Json& j) { j.erase("recipients"); }},
      {"for nobody", [](Json& j) { j["recipients"] = Json::array(); }},
      {"recipients are a text", [](Json& j) { j["recipients"] = "age1"; }},
      {"an empty recipient", [](Json& j) { j["recipients"][0] = ""; }},
      {"two lines", [](Json& j) { j["recipients"][0] = "a\nb"; }},
      {"no text", [](Json& j) { j["recipients"][0] = "\xc3\xa4"; }},
      {"nothing sealed", [](Json& j) { j.erase("sealed"); }},
      {"sealed in the open", [](Json& j) { j["sealed"] = j["streams"]; }},
      {"sealed elsewhere", [](Json& j) { j["sealed"]["name"] = "../x"; }},
      {"too large", [](Json& j) { j["sealed"]["bytes"] = kMaxSmallObject + 1; }},
      {"no sum", [](Json& j) { j["sealed"]["sha256"] = "00"; }},
      {"no warnings", [](Json& j) { j.erase("warnings"); }},
      {"warnings in the open", [](Json& j) { j["warnings"] = Json::array({"a"}); }},
      {"less than none", [](Json& j) { j["warnings"] = -1; }},
      {"a stream in the open", [](Json& j) { j["streams"][0].erase("encryption"); }},
      {"encryption none", [](Json& j) { j["streams"][0]["encryption"] = "none"; }},
      {"encryption 1", [](Json& j) { j["streams"][0]["encryption"] = 1; }},
      {"one of two streams in the open",
       [](Json& j) {
         j["streams"].push_back(j["streams"][0]);
         j["streams"][1]["name"] = "other";
         j["streams"][1].erase("encryption");
       }},
      {"two streams of one name", [](Json& j) { j["streams"].push_back(j["streams"][0]); }},
      {"format 2", [](Json& j) { j["format"] = 2; }},
  };
  for (const auto& [name, spoil] : bad) {
    CAPTURE(name);
    Json json = good;
    spoil(json);
    CHECK(fails_with(ErrorKind::corrupt,
                     "the manifest is damaged: ", [&] { return parse_manifest(json.dump()); }));
  }
  for (const auto& newer : {R"("encryption":"age2")", R"("encryption":"")"}) {
    std::string text = good.dump();
    text.replace(text.find(R"("encryption":"age")"), 18, newer);
    CHECK(fails_with(ErrorKind::failed, "newer version", [&] { return parse_manifest(text); }));
  }
  Json next = good;
  next["format"] = 4;
  CHECK(fails_with(ErrorKind::failed, "manifest format 4",
                   [&] { return parse_manifest(next.dump()); }));
}

TEST_CASE_METHOD(Fixture, "A stream whose header is damaged is not taken for one of others") {
  const NoBrokenPipe no_broken_pipe;
  bytes.resize(size_t{4} << 20U);  // age gives up long before it has read everything
  plan.packing = {Compression::none, Encryption::age};
  write();
  const Backup backup = only_backup(dir_memory);
  std::string& stored = bytes_of(dir_memory, "app.dump.age");
  const size_t at = stored.find('\n', stored.find("-> ")) + 3;
  for (const bool is_damaged : {false, true}) {
    if (is_damaged) stored[at] = static_cast<char>(stored[at] ^ 1);
    Manifest m = read_manifest(dir_memory, backup);
    open_private(dir_memory, backup, m, &keys);
    const AgeKeys reader = age_keys("", is_damaged ? kIdentity : kOtherIdentity);
    StringSink out;
    CHECK(fails_with(is_damaged ? ErrorKind::corrupt : ErrorKind::denied,
                     is_damaged ? "does not match the manifest" : "none of the identities", [&] {
                       const auto unpacked = unpack(out, m.streams.at(0).packing, &reader);
                       copy_objects(dir_memory, backup, m.streams.at(0), *unpacked);
                       unpacked->finish();
                       return 0;
                     }));
    CHECK(out.bytes.empty());
  }
}

TEST_CASE("Backups that were encrypted when format 3 was new come out as they went in") {
  SystemClock clock;
  DirStore store(SOURCE_DIR "/tests/golden/format-3", clock);
  DirStore before(SOURCE_DIR "/tests/golden/format-1", clock);
  const AgeKeys keys = age_keys("", read_file(SOURCE_DIR "/tests/golden/format-3.key"));
  const std::vector<Backup> backups = read_catalog(store);
  REQUIRE(backups.size() == 2);
  for (const Backup& backup : backups) {
    CAPTURE(backup.folder());
    Manifest m = read_manifest(store, backup);
    CHECK(damage_of(backup, m).empty());
    open_private(store, backup, m, &keys);
    CHECK(m.dump.database.settings.size() == (backup.group == db("golden") ? 1 : 0));
    CHECK(m.warnings.size() == (backup.group == db("golden") ? 1 : 0));
    const Backup plain = read_catalog(before, backup.group).front();
    CHECK(stream_of(store, backup, m, &keys) ==
          stream_of(before, plain, read_manifest(before, plain), nullptr));
  }
}

}  // namespace
}  // namespace pgbackup
