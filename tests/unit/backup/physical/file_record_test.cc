#include "backup/physical/file_record.h"

#include "tests/support/base_backup.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("Each file comes once, with its size, and all of them come") {
  StringSource source(file_list(
      {listed("base/1", "one"), listed("PG_VERSION", "15\n"), listed("base/10", "")}, kRange));
  const FileList list(source);
  FileRecord record(list);
  CHECK(fails_with(ErrorKind::corrupt, "which the backup_manifest does not list",
                   [&] { return record.expect("base/2", 3); }));
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{2}, uint64_t{4}, UINT64_MAX}) {
    CHECK(fails_with(ErrorKind::corrupt, "the backup_manifest says 3",
                     [&] { return record.expect("base/1", bytes); }));
  }
  const size_t number = record.expect("base/1", 3);
  CHECK_NOTHROW(record.check(number, sha256_hex("one")));
  CHECK(fails_with(ErrorKind::corrupt, "the SHA-256 of base/1", [&] {
    record.check(number, sha256_hex("two"));
    return 0;
  }));
  CHECK(fails_with(ErrorKind::corrupt, "hold base/1 twice",
                   [&] { return record.expect("base/1", 3); }));
  const auto all = [&] {
    record.require_all();
    return 0;
  };
  CHECK(fails_with(ErrorKind::corrupt, "lack 2 of 3 files, PG_VERSION among them", all));
  static_cast<void>(record.expect("PG_VERSION", 3));
  CHECK(fails_with(ErrorKind::corrupt, "lack 1 of 3 files, base/10 among them", all));
  static_cast<void>(record.expect("base/10", 0));
  CHECK(all() == 0);
}

}  // namespace
}  // namespace pgbackup
