#include "backup/physical/wal_ahead.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = uint64_t{1} << 20U;
const std::string kSystem = "7434812345678901234";
const std::string kName = "000000010000000000000050";
const std::string kNext = "000000010000000000000051";

std::set<std::string> names_in(const fs::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

TEST_CASE("A new file is there under its name when it is complete, and never before") {
  const TemporaryFolder folder;
  folder.write("target", "old");
  {
    NewFile file(folder.path(), folder.path() / "target");
    file.write("new ");
    CHECK(folder.read("target") == "old");
    CHECK(names_in(folder.path()).size() == 2);
    file.write("bytes");
    file.finish();
  }
  CHECK(folder.read("target") == "new bytes");
  CHECK(names_in(folder.path()) == std::set<std::string>{"target"});
  CHECK((fs::status(folder.path() / "target").permissions() & fs::perms::others_read) ==
        fs::perms::none);
}

TEST_CASE("A new file that is given up leaves nothing") {
  const TemporaryFolder folder;
  folder.write("target", "old");
  { NewFile(folder.path(), folder.path() / "target").write("new"); }
  CHECK(folder.read("target") == "old");
  CHECK(names_in(folder.path()) == std::set<std::string>{"target"});

  fs::create_directory(folder.path() / "occupied");
  NewFile file(folder.path(), folder.path() / "occupied");
  CHECK(error_of([&] {
    file.finish();
    return 0;
  }));
  CHECK(fails_with(ErrorKind::not_found, "cannot create", [&] {
    NewFile(folder.path() / "absent", folder.path() / "target");
    return 0;
  }));
}

TEST_CASE("What a killed process has begun is deleted, and what a living one writes stays") {
  const TemporaryFolder folder;
  AheadDirectory first(folder.path());
  const std::string killed = ".tmp-0123abcd-" + kName;
  folder.write(".pg_backup_ahead/" + killed, "half of it");
  NewFile living(first.path(), folder.path() / "RECOVERYXLOG");
  living.write("all of ");
  CHECK(names_in(first.path()).size() == 2);

  const AheadDirectory second(folder.path());
  CHECK(second.path() == first.path());
  CHECK(names_in(second.path()).size() == 1);
  CHECK_FALSE(names_in(second.path()).contains(killed));
  living.write("it");
  living.finish();
  CHECK(folder.read("RECOVERYXLOG") == "all of it");
}

TEST_CASE("A segment that was read ahead is taken once") {
  const TemporaryFolder folder;
  AheadDirectory ahead(folder.path());
  const fs::path target = folder.path() / "RECOVERYXLOG";
  CHECK_FALSE(ahead.take(kName, kSystem, target));
  folder.write(".pg_backup_ahead/" + kName, make_segment(kName));
  folder.write("RECOVERYXLOG", "of an earlier call");
  CHECK(ahead.holds(kName));
  CHECK(ahead.take(kName, kSystem, target));
  CHECK((folder.read("RECOVERYXLOG") == make_segment(kName)));
  CHECK_FALSE(ahead.holds(kName));
  CHECK_FALSE(ahead.take(kName, kSystem, target));
}

TEST_CASE("What is not the segment that is asked for is deleted, and the target stays as it is") {
  const TemporaryFolder folder;
  AheadDirectory ahead(folder.path());
  folder.write("RECOVERYXLOG", "before");
  const std::string segment = make_segment(kName);
  for (const std::string& bytes :
       {std::string(), std::string("x"), std::string(segment.size(), '\0'),
        segment.substr(0, segment.size() - 1), segment + "x", make_segment(kNext),
        make_segment(kName, {.system_id = 5})}) {
    folder.write(".pg_backup_ahead/" + kName, bytes);
    CHECK_FALSE(ahead.take(kName, kSystem, folder.path() / "RECOVERYXLOG"));
    CHECK_FALSE(ahead.holds(kName));
    CHECK(folder.read("RECOVERYXLOG") == "before");
  }
}

TEST_CASE("Old segments are deleted") {
  const TemporaryFolder folder;
  AheadDirectory ahead(folder.path());
  for (const std::string& name : {kName, kNext, std::string("000000020000000000000050")}) {
    folder.write(".pg_backup_ahead/" + name, "segment");
  }
  const NewFile living(ahead.path(), ahead.path() / "000000010000000000000052");
  ahead.keep({kNext, "000000010000000000000053"});
  CHECK(ahead.holds(kNext));
  CHECK(names_in(ahead.path()).size() == 2);
  ahead.keep({});
  CHECK(names_in(ahead.path()).size() == 1);
}

TEST_CASE("A full disk is left alone, and large segments are not read ahead") {
  struct Row {
    uint64_t segment_bytes;
    uint64_t free_bytes;
    uint64_t count;
  };
  for (const Row& row : std::vector<Row>{{16 * kMiB, 1024 * 1024 * kMiB, 8},
                                         {kMiB, 1024 * 1024 * kMiB, 8},
                                         {16 * kMiB, 512 * kMiB, 8},
                                         {16 * kMiB, 511 * kMiB, 7},
                                         {16 * kMiB, 64 * kMiB, 1},
                                         {16 * kMiB, 63 * kMiB, 0},
                                         {16 * kMiB, 0, 0},
                                         {64 * kMiB, 1024 * 1024 * kMiB, 4},
                                         {256 * kMiB, 1024 * 1024 * kMiB, 1},
                                         {512 * kMiB, 1024 * 1024 * kMiB, 0},
                                         {1024 * kMiB, UINT64_MAX, 0}}) {
    CAPTURE(row.segment_bytes, row.free_bytes);
    CHECK(count_ahead(row.segment_bytes, row.free_bytes) == row.count);
  }
}

}  // namespace
}  // namespace pgbackup
