#include "backup/physical/wal_page.h"

#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/wal_segment.h"

namespace pgbackup {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20U;
const std::string kSystem = "7434812345678901234";
const std::string kName = "000000010000000000000050";

TEST_CASE("The first page of a segment tells its server, its place and its size") {
  struct Row {
    std::string what;
    PageNumbers numbers;
  };
  for (const Row& row :
       std::vector<Row>{{"PostgreSQL 13", {.magic = 0xD106}},
                        {"PostgreSQL 15", {.magic = 0xD110}},
                        {"PostgreSQL 18", {.magic = 0xD118}},
                        {"PostgreSQL 19", {.magic = 0xD121}},
                        {"a record goes on", {.flags = 0x0003}},
                        {"all flags", {.flags = 0x000F}},
                        {"16 MiB", {.position = 16 * kMiB, .segment_bytes = 16 * kMiB}},
                        {"1 GiB", {.position = 1024 * kMiB, .segment_bytes = 1024 * kMiB}},
                        {"the largest numbers",
                         {.timeline = UINT32_MAX,
                         .position = UINT64_MAX - kMiB + 1,
                         .system_id = UINT64_MAX,
                         .page_bytes = 65536}}}) {
    CAPTURE(row.what);
    const WalPage page = read_wal_page(make_wal_page(row.numbers) + "what follows");
    CHECK(page.timeline == row.numbers.timeline);
    CHECK(page.start.value == row.numbers.position);
    CHECK(page.system_id == std::to_string(row.numbers.system_id));
    CHECK(page.segment_bytes == row.numbers.segment_bytes);
  }
}

TEST_CASE("The first page that PostgreSQL 15 has written is read") {
  const std::string bytes(
      "\x10\xd1\x02\x00\x01\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"
      "\x00\x00\x00\x00\x00\x00\x00\x00\x89\x82\x61\x18\x7f\x44\x0b\x6b"
      "\x00\x00\x00\x01\x00\x20\x00\x00",
      kWalPageHeaderBytes);
  const WalPage page = read_wal_page(bytes);
  CHECK(page.timeline == 1);
  CHECK(format_lsn(page.start) == "0/1000000");
  CHECK(page.system_id == "7713334099462685321");
  CHECK(page.segment_bytes == 16 * kMiB);
}

TEST_CASE("What does not begin a segment is refused") {
  struct Row {
    std::string what;
    PageNumbers numbers;
  };
  for (const Row& row :
       std::vector<Row>{{"PostgreSQL 12", {.magic = 0xD101}},
                        {"before 13", {.magic = 0xD105}},
                        {"after all", {.magic = 0xD200}},
                        {"no magic", {.magic = 0}},
                        {"another byte order", {.magic = 0x10D1}},
                        {"not the first page of a segment", {.flags = 0x0001}},
                        {"no flags", {.flags = 0}},
                        {"unknown flags", {.flags = 0x0012}},
                        {"flags of another byte order", {.flags = 0x0200}},
                        {"no timeline", {.timeline = 0}},
                        {"a position within a segment", {.position = 0x5002000}},
                        {"no system identifier", {.system_id = 0}},
                        {"no size", {.segment_bytes = 0}},
                        {"too small", {.position = 0, .segment_bytes = kMiB / 2}},
                        {"too large", {.position = 0, .segment_bytes = 2048 * kMiB}},
                        {"no power of two", {.position = 0, .segment_bytes = 3 * kMiB}},
                        {"no pages", {.page_bytes = 0}},
                        {"small pages", {.page_bytes = 512}},
                        {"large pages", {.page_bytes = 131072}},
                        {"odd pages", {.page_bytes = 8191}}}) {
    CAPTURE(row.what);
    CHECK(fails_with(ErrorKind::corrupt, "no segment",
                     [&] { return read_wal_page(make_wal_page(row.numbers)); }));
  }
  for (const std::string& bytes :
       {std::string(), std::string("\x10\xd1", 2), make_wal_page({}).substr(0, 39),
        std::string(8192, '\0'), std::string(8192, '\xff'),
        std::string("1\t0/3000060\tno recovery target specified and more\n"),
        std::string("\x28\xb5\x2f\xfd and the rest of a frame of zstd, with some more bytes")}) {
    CAPTURE(bytes.size());
    CHECK(fails_with(ErrorKind::corrupt, "no segment", [&] { return read_wal_page(bytes); }));
  }
}

TEST_CASE("The first page is read from a file") {
  const TemporaryFolder folder;
  CHECK(read_wal_page_of(folder.write(kName, make_segment(kName))).system_id == kSystem);
  CHECK(fails_with(ErrorKind::corrupt, "empty: it is no segment",
                   [&] { return read_wal_page_of(folder.write("empty", "")); }));
  CHECK(fails_with(ErrorKind::not_found, "absent",
                   [&] { return read_wal_page_of(folder.path() / "absent"); }));
}

TEST_CASE("A page belongs to the segment that it says") {
  const auto check = [](const std::string& name, const PageNumbers& numbers) {
    check_wal_page(read_wal_page(make_wal_page(numbers)), name, kSystem);
  };
  struct Row {
    std::string name;
    PageNumbers numbers;
  };
  for (const Row& row : std::vector<Row>{
           {kName, {}},
           {kName + ".partial", {}},
           {"000000070000000000000050", {.timeline = 7}},
           {"000000070000000000000050", {.timeline = 1}},  // began in the middle of this segment
           {"000000010000000000000005", {.segment_bytes = 16 * kMiB}},
           {"000000010000000100000003", {.position = 0x1C0000000, .segment_bytes = 1024 * kMiB}}}) {
    CAPTURE(row.name);
    CHECK_NOTHROW(check(row.name, row.numbers));
  }

  struct Bad {
    std::string name;
    PageNumbers numbers;
    std::string message;
  };
  for (const Bad& row : std::vector<Bad>{
           {kName, {.system_id = 1}, "system identifier 1, not " + kSystem},
           {"000000010000000000000051", {}, "position 0/5000000, not of 0/5100000"},
           {"00000001000000000000004F", {}, "position 0/5000000, not of 0/4F00000"},
           {"000000010000000100000050", {}, "position 0/5000000, not of 1/5000000"},
           {kName, {.position = 0}, "position 0/0"},
           {kName, {.timeline = 2}, "later timeline 2"},
           {kName + ".partial", {.timeline = 2}, "later timeline 2"},
           {kName, {.segment_bytes = 16 * kMiB}, "position 0/5000000, not of 0/50000000"},
           {"000000010000000000000100",
            {.position = 0x10000000, .segment_bytes = 16 * kMiB},
            "no such segment of 16777216 bytes"}}) {
    CAPTURE(row.message);
    CHECK(fails_with(ErrorKind::corrupt, "not the segment " + row.name + ": ", [&] {
      check(row.name, row.numbers);
      return 0;
    }));
    CHECK(fails_with(ErrorKind::corrupt, row.message, [&] {
      check(row.name, row.numbers);
      return 0;
    }));
  }
}

/// Lets all pass in portions of `portion` bytes.
void pass(std::string_view bytes, size_t portion) {
  SegmentCheck check(kName, kSystem);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(portion, bytes.size()))) {
    check.see(bytes.substr(0, portion));
  }
  check.end();
}

TEST_CASE("A complete segment passes, in portions of any size") {
  const std::string segment = make_segment(kName);
  for (const size_t portion :
       {size_t{1}, size_t{39}, size_t{40}, size_t{41}, size_t{8192}, segment.size()}) {
    CAPTURE(portion);
    CHECK_NOTHROW(pass(segment, portion));
  }
  std::string unfinished = segment.substr(0, 12345);
  unfinished.resize(segment.size());
  CHECK_NOTHROW(pass(unfinished, 8192));
}

TEST_CASE("A segment that is damaged, cut off or too long does not pass") {
  const std::string segment = make_segment(kName);
  struct Row {
    std::string what;
    std::string bytes;
  };
  for (const Row& row :
       std::vector<Row>{{"it has 0 bytes", ""},
                        {"it has 39 bytes", segment.substr(0, 39)},
                        {"it has 40 of the 1048576 bytes", segment.substr(0, 40)},
                        {"it has 1048575 of the 1048576", segment.substr(0, segment.size() - 1)},
                        {"it has more than the 1048576", segment + '\0'},
                        {"it begins with 0000", std::string(segment.size(), '\0')},
                        {"not the segment", make_segment("000000010000000000000051")},
                        {"not the segment", make_segment(kName, {.system_id = 5})}}) {
    CAPTURE(row.what);
    for (const size_t portion : {size_t{1000}, size_t{1} << 22U}) {
      CHECK(fails_with(ErrorKind::corrupt, row.what, [&] {
        pass(row.bytes, portion);
        return 0;
      }));
    }
  }
}

}  // namespace
}  // namespace pgbackup
