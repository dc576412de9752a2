#include "backup/backup_writer.h"

#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"
#include "common/codec/digest.h"
#include "tests/error_of.h"
#include "tests/fake_clock.h"
#include "tests/faulty_store.h"
#include "tests/memory_store.h"
#include "tests/test.h"
#include "tests/test_log.h"

namespace pgbackup {
namespace {

constexpr const char* kId = "20261120T031500Z-9f3a1c2b";

Manifest make_manifest() {
  Manifest manifest;
  manifest.group = "app";
  manifest.kind = "dump";
  manifest.id = kId;
  manifest.plain_bytes = 9;
  manifest.plain_sha256 = std::string(64, 'b');
  return manifest;
}

/// Two stores that can be made to fail, of which one cuts streams into pieces of four bytes.
struct Fixture {
  FakeClock clock;
  TestLog log{clock};
  MemoryStore dir_memory{clock};
  MemoryStore s3_memory{clock, 4};
  FaultyStore dir{dir_memory};
  FaultyStore s3{s3_memory};
  Targets targets = both(dir, s3);
  std::vector<std::string> written;
  std::vector<std::string> failed;

  void write() {
    BackupWriter writer(all_of(targets), backup_folder("app", kId) + "/" + dump_file_name("app"),
                        clock, log.log());
    for (const char* const bytes : {"abc", "def", "ghi"}) writer.write(bytes);
    writer.describe(make_manifest());
    writer.finish();
    for (const auto& [target, manifest] : writer.written()) written.push_back(target);
    for (const auto& [target, error] : writer.failures()) failed.push_back(target);
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
  for (const ManifestObject& object : manifest.objects) {
    const std::string& bytes = store.objects.at(backups[0].key_of(object.name)).bytes;
    CHECK(bytes.size() == object.bytes);
    CHECK(sha256_hex(bytes) == object.sha256);
    stream += bytes;
  }
  CHECK(stream == "abcdefghi");
  CHECK(backups[0].files.size() == manifest.objects.size() + 1);
  CHECK(store.unfinished.empty());
}

bool is_empty(const MemoryStore& store) {
  return store.objects.empty() && store.unfinished.empty();
}

TEST_CASE("Two targets get the same stream, each with a manifest of its own objects") {
  Fixture f;
  f.write();
  CHECK(f.written == std::vector<std::string>{"dir", "s3"});
  CHECK(f.failed.empty());
  check_whole(f.dir_memory);
  check_whole(f.s3_memory);
  CHECK(f.dir_memory.objects.size() == 2);
  CHECK(f.s3_memory.objects.size() == 4);  // three pieces
}

TEST_CASE("A target that fails anywhere holds nothing, and the other one a whole backup") {
  struct Case {
    std::string call;
    int count;
  };
  for (const Case& at : std::vector<Case>{
           {"create", 1}, {"write", 1}, {"write", 2}, {"write", 3}, {"finish", 1}, {"put", 1}}) {
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
        CHECK(contains(f.log.text(),
                       name + " gets no backup this time: it failed hint=\"look there\""));
      }
    }
  }
}

TEST_CASE("Whatever a target throws, the other one gets a whole backup") {
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

TEST_CASE("What a failed target has written is gone before the stream ends") {
  Fixture f;
  f.s3.before = fail_at("write", 2);
  bool was_gone = false;
  f.dir.before = [&, count = 0](std::string_view call, std::string_view) mutable {
    if (call == "write" && ++count == 3) was_gone = is_empty(f.s3_memory);
  };
  f.write();
  CHECK(was_gone);
}

TEST_CASE("A target that could not be opened counts as failed") {
  Fixture f;
  f.targets.clear();
  f.targets.emplace_back("dir", Error(ErrorKind::not_found, "no such directory"));
  f.targets.push_back(target_of("s3", f.s3_memory));
  f.write();
  CHECK(f.failed == std::vector<std::string>{"dir"});
  check_whole(f.s3_memory);
}

TEST_CASE("When all targets fail, all reasons are said, with the first one's kind") {
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

TEST_CASE("The only target's failure is thrown as it is, and nothing is logged about it") {
  Fixture f;
  f.targets = only(f.s3);
  f.s3.before = fail_at("write", 2);
  const auto error = error_of([&] { f.write(); });
  REQUIRE(error);
  CHECK(std::string_view(error->what()) == "it failed\nhint: look there");
  CHECK(f.log.text().empty());
  CHECK(is_empty(f.s3_memory));
}

TEST_CASE("A stop leaves nothing in any target") {
  for (const auto* const call : {"create", "write"}) {
    CAPTURE(call);
    Fixture f;
    f.s3.before = fail_at(call, 1, ErrorKind::canceled);
    CHECK(fails_with(ErrorKind::canceled, "it failed", [&] { f.write(); }));
    CHECK(is_empty(f.dir_memory));
    CHECK(is_empty(f.s3_memory));
  }
}

TEST_CASE("A stop when one target is done leaves that backup and says that the other has none") {
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

}  // namespace
}  // namespace pgbackup
