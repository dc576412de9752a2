#include "common/catalog/backup_writer.h"

#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/digest.h"
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

/// Two stores that can be made to fail, of which one cuts streams into pieces of four bytes.
struct Fixture {
  FakeClock clock;
  TestLog log{clock};
  MemoryStore dir_memory{clock};
  MemoryStore s3_memory{clock, 4};
  FaultyStore dir{dir_memory};
  FaultyStore s3{s3_memory};
  Destinations destinations = both(dir, s3);
  std::vector<std::string> written;
  std::vector<std::string> failed;

  void write() {
    BackupWriter writer(all_of(destinations), db("app"), kId, clock, log.log());
    Sink& stream =
        writer.open_stream({.name = "app", .packing = {.compression = Compression::none}});
    for (const char* const bytes : {"abc", "def", "ghi"}) stream.write(bytes);
    stream.finish();
    writer.commit({});
    for (const auto& [destination, manifest] : writer.written()) written.push_back(destination);
    for (const auto& [destination, error] : writer.failures()) failed.push_back(destination);
  }
};

/// Throws at the `count`-th call of that name, from 1.
FaultyStore::Hook fail_at(std::string_view name, int count, ErrorKind kind = ErrorKind::denied) {
  return [=](std::string_view call, std::string_view) mutable {
    if (call == name && --count == 0) throw Error(kind, "it failed", "look there");
  };
}

/// There is one backup, complete, with the size and sum of every object.
void check_whole(MemoryStore& store) {
  const std::vector<Backup> backups = read_catalog(store);
  REQUIRE(backups.size() == 1);
  REQUIRE(backups[0].complete);
  const Manifest manifest = read_manifest(store, backups[0]);
  std::string stream;
  REQUIRE(manifest.streams.size() == 1);
  CHECK(manifest.streams[0].uncompressed_bytes == 9);
  CHECK(manifest.streams[0].uncompressed_sha256 == sha256_hex("abcdefghi"));
  for (const ManifestObject& object : manifest.streams[0].objects) {
    const std::string& bytes = store.objects.at(backups[0].key_of(object.name)).bytes;
    CHECK(bytes.size() == object.bytes);
    CHECK(sha256_hex(bytes) == object.sha256);
    stream += bytes;
  }
  CHECK(stream == "abcdefghi");
  CHECK(backups[0].files.size() == manifest.streams[0].objects.size() + 2);
  CHECK(store.unfinished.empty());
}

bool is_empty(const MemoryStore& store) {
  return store.objects.empty() && store.unfinished.empty();
}

TEST_CASE("The time of a backup is told by what it went into, and adds up") {
  using std::chrono::seconds;
  Fixture f;
  f.s3.before = [&](std::string_view call, std::string_view) {
    if (call == "write") f.clock.advance(seconds(2));
    if (call == "put") f.clock.advance(seconds(15));  // the sums and the manifest
  };
  BackupWriter writer(all_of(f.destinations), db("app"), kId, f.clock, f.log.log());
  Sink& stream = writer.open_stream({.name = "app", .packing = {.compression = Compression::none}});
  f.clock.advance(seconds(100));  // as if PostgreSQL took its time
  stream.write("abc");
  f.clock.advance(seconds(100));
  stream.write("def");
  stream.finish();
  writer.commit({});
  const StageTimes times = writer.stages();
  CHECK(times.read == seconds(200));
  CHECK(times.store == seconds(4));
  CHECK(times.pack == seconds(0));
  CHECK(times.commit == seconds(30));
}

TEST_CASE("Two destinations get the same stream, each with a manifest of its own objects") {
  Fixture f;
  f.write();
  CHECK(f.written == std::vector<std::string>{"dir", "s3"});
  CHECK(f.failed.empty());
  check_whole(f.dir_memory);
  check_whole(f.s3_memory);
  CHECK(f.dir_memory.objects.size() == 3);
  CHECK(f.s3_memory.objects.size() == 5);  // three pieces
}

TEST_CASE("A destination that fails anywhere holds nothing, and the other one a whole backup") {
  struct Case {
    std::string call;
    int count;
  };
  for (const Case& at : std::vector<Case>{{"create", 1},
                                          {"write", 1},
                                          {"write", 2},
                                          {"write", 3},
                                          {"finish", 1},
                                          {"put", 1},     // the sums
                                          {"put", 2}}) {  // the manifest
    for (const bool effect_first : {false, true}) {
      if (effect_first && at.call == "finish") continue;
      for (const bool is_dir : {true, false}) {
        CAPTURE(at.call, at.count, effect_first, is_dir);
        Fixture f;
        FaultyStore& bad = is_dir ? f.dir : f.s3;
        (effect_first ? bad.after : bad.before) = fail_at(at.call, at.count);
        f.write();
        const std::string name = is_dir ? "dir" : "s3";
        CHECK(f.failed == std::vector<std::string>{name});
        CHECK(f.written == std::vector<std::string>{is_dir ? "s3" : "dir"});
        check_whole(is_dir ? f.s3_memory : f.dir_memory);
        CHECK(is_empty(is_dir ? f.dir_memory : f.s3_memory));
        CHECK(contains(f.log.text(), "a destination gets no backup this time destination=" + name +
                                         " cause=\"it failed\" hint=\"look there\""));
      }
    }
  }
}

TEST_CASE("Whatever a destination throws, the other one gets a whole backup") {
  for (const auto& throw_it : kForeignExceptions) {
    for (const auto* const call : {"create", "write", "finish", "put"}) {
      CAPTURE(call);
      Fixture f;
      f.dir.before = [&](std::string_view name, std::string_view) {
        if (name == call) throw_it();
      };
      f.write();
      CHECK(f.failed == std::vector<std::string>{"dir"});
      check_whole(f.s3_memory);
      CHECK(is_empty(f.dir_memory));
    }
  }
}

TEST_CASE("What a failed destination has written is gone before the stream ends") {
  Fixture f;
  f.s3.before = fail_at("write", 2);
  bool was_gone = false;
  f.dir.before = [&, count = 0](std::string_view call, std::string_view) mutable {
    if (call == "write" && ++count == 3) was_gone = is_empty(f.s3_memory);
  };
  f.write();
  CHECK(was_gone);
}

TEST_CASE("A destination that could not be opened counts as failed") {
  Fixture f;
  f.destinations.clear();
  f.destinations.emplace_back("dir", Error(ErrorKind::not_found, "no such directory"));
  f.destinations.push_back(destination_of("s3", f.s3_memory));
  f.write();
  CHECK(f.failed == std::vector<std::string>{"dir"});
  check_whole(f.s3_memory);
}

TEST_CASE("When all destinations fail, all reasons are said, with the first one's kind") {
  for (const auto* const call : {"create", "write", "finish", "put"}) {
    CAPTURE(call);
    Fixture f;
    f.dir.before = fail_at(call, 1, ErrorKind::failed);
    f.s3.before = fail_at(call, 1, ErrorKind::denied);
    CHECK(fails_with(ErrorKind::failed, "dir: it failed; s3: it failed", [&] { f.write(); }));
    CHECK(is_empty(f.dir_memory));
    CHECK(is_empty(f.s3_memory));
  }
}

TEST_CASE("The only destination's failure is thrown as it is, and nothing is logged about it") {
  Fixture f;
  f.destinations = only(f.s3);
  f.s3.before = fail_at("write", 2);
  const auto error = error_of([&] { f.write(); });
  REQUIRE(error);
  CHECK(std::string_view(error->what()) == "it failed\nhint: look there");
  CHECK(f.log.text().empty());
  CHECK(is_empty(f.s3_memory));
}

TEST_CASE("A stop leaves nothing in any destination") {
  for (const auto* const call : {"create", "write"}) {
    CAPTURE(call);
    Fixture f;
    f.s3.before = fail_at(call, 1, ErrorKind::canceled);
    CHECK(fails_with(ErrorKind::canceled, "it failed", [&] { f.write(); }));
    CHECK(is_empty(f.dir_memory));
    CHECK(is_empty(f.s3_memory));
  }
}

TEST_CASE("A stop in the commit to the first destination leaves nothing in any") {
  for (const auto& [call, count] :
       {std::pair("finish", 1), std::pair("put", 1), std::pair("put", 2)}) {
    CAPTURE(call, count);
    Fixture f;
    f.dir.before = fail_at(call, count, ErrorKind::canceled);
    CHECK(fails_with(ErrorKind::canceled, "it failed", [&] { f.write(); }));
    CHECK(is_empty(f.dir_memory));
    CHECK(is_empty(f.s3_memory));
  }
}

TEST_CASE("Whatever the manifest's writing throws, and its withdrawal, the other has its backup") {
  for (const auto& throw_it : kForeignExceptions) {
    Fixture f;
    f.dir.before = [&](std::string_view call, std::string_view) {
      if (call == "put" || call == "remove") throw_it();
    };
    f.write();
    CHECK(f.failed == std::vector<std::string>{"dir"});
    check_whole(f.s3_memory);
    CHECK(contains(f.log.text(), "could not clean up"));
  }
}

TEST_CASE(
    "A stop when one destination is done leaves that backup and says that the other has none") {
  for (const auto* const call : {"finish", "put"}) {
    CAPTURE(call);
    Fixture f;
    f.s3.before = fail_at(call, 1, ErrorKind::canceled);
    f.write();
    CHECK(f.written == std::vector<std::string>{"dir"});
    CHECK(f.failed == std::vector<std::string>{"s3"});
    check_whole(f.dir_memory);
    CHECK(is_empty(f.s3_memory));
  }
}

/// Writes two streams, one after the other, into both stores.
struct TwoStreams : Fixture {
  void write_both() {
    BackupWriter writer(all_of(destinations), db("app"), kId, clock, log.log());
    for (const char* const name : {"one", "two"}) {
      Sink& stream =
          writer.open_stream({.name = name, .packing = {.compression = Compression::none}});
      stream.write(name);
      stream.finish();
    }
    writer.commit({});
    for (const auto& [destination, manifest] : writer.written()) written.push_back(destination);
    for (const auto& [destination, error] : writer.failures()) failed.push_back(destination);
  }
};

TEST_CASE_METHOD(TwoStreams, "A backup of several streams is one backup") {
  write_both();
  const Backup backup = read_catalog(s3_memory).at(0);
  const Manifest manifest = read_manifest(s3_memory, backup);
  REQUIRE(manifest.streams.size() == 2);
  CHECK(manifest.streams[1].name == "two");
  CHECK(manifest.streams[1].objects.at(0).name == "two.dump");
  CHECK(backup.files.size() == 4);
  CHECK(read_small_object(s3_memory, backup.key_of(kSumsName)) ==
        sha256_hex("one") + "  one.dump\n" + sha256_hex("two") + "  two.dump\n" +
            sha256_hex(read_small_object(s3_memory, backup.commit_key())) + "  manifest.json\n");
}

TEST_CASE_METHOD(TwoStreams, "A destination that fails in its second stream keeps nothing") {
  for (const auto* const call : {"create", "write", "finish", "put"}) {
    for (const int at : {1, 2}) {
      CAPTURE(call, at);
      TwoStreams f;
      f.dir.before = fail_at(call, at);
      f.write_both();
      CHECK(f.failed == std::vector<std::string>{"dir"});
      CHECK(f.written == std::vector<std::string>{"s3"});
      CHECK(is_empty(f.dir_memory));
      CHECK(read_catalog(f.s3_memory).at(0).complete);
    }
  }
}

TEST_CASE_METHOD(Fixture,
                 "A stream that has ended is complete before the next begins, and goes with it") {
  {
    BackupWriter writer(all_of(destinations), db("app"), kId, clock, log.log());
    Sink& one = writer.open_stream({.name = "one", .packing = {.compression = Compression::none}});
    one.write("1");
    one.finish();
    Sink& two = writer.open_stream({.name = "two", .packing = {.compression = Compression::none}});
    CHECK(s3_memory.objects.size() == 1);
    CHECK(s3_memory.unfinished.size() == 1);
    two.write("2");
  }
  CHECK(is_empty(dir_memory));
  CHECK(is_empty(s3_memory));
}

TEST_CASE_METHOD(Fixture, "A stream that has not ended makes no backup") {
  BackupWriter writer(all_of(destinations), db("app"), kId, clock, log.log());
  writer.open_stream({.name = "app"}).write("abc");
  CHECK(fails_with(ErrorKind::failed, "has not ended", [&] {
    writer.commit({});
    return 0;
  }));
  CHECK(dir_memory.objects.empty());
}

TEST_CASE_METHOD(Fixture, "A manifest says until when its store locks it") {
  s3_memory.lock_end = clock.now() + std::chrono::hours(24);
  write();
  CHECK(read_manifest(s3_memory, read_catalog(s3_memory).at(0)).locked_until == s3_memory.lock_end);
}

TEST_CASE("A manifest of someone else in its place is left alone") {
  Fixture f;
  f.destinations = only(f.s3);
  const std::string key = backup_folder(db("app"), kId) + "/" + std::string(kManifestName);
  const std::string sums = backup_folder(db("app"), kId) + "/" + std::string(kSumsName);
  f.s3_memory.put(key, "foreign");
  f.s3_memory.put(sums, "foreign");
  f.s3.before = [](std::string_view call, std::string_view) {
    if (call == "put") throw Error(ErrorKind::conflict, "there is one");
  };
  CHECK(fails_with(ErrorKind::conflict, "there is one", [&] { f.write(); }));
  CHECK(f.s3_memory.objects.size() == 2);
  CHECK(f.s3_memory.objects.contains(key));
  CHECK(f.s3_memory.objects.contains(sums));
}

TEST_CASE("What cannot be deleted either is at worst data without a manifest") {
  Fixture f;
  f.destinations = only(f.s3);
  f.s3.after = fail_at("put", 2, ErrorKind::transient);
  int removals = 0;
  f.s3.before = [&](std::string_view call, std::string_view) {
    if (call == "remove" && ++removals > 1) throw Error(ErrorKind::denied, "may not delete");
  };
  CHECK(fails_with(ErrorKind::transient, "it failed", [&] { f.write(); }));
  CHECK_FALSE(read_catalog(f.s3_memory).at(0).complete);
  CHECK(contains(f.log.text(), "could not clean up"));
}

}  // namespace
}  // namespace pgbackup
