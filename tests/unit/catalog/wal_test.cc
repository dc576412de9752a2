#include "common/catalog/wal.h"

#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20U;
const std::string kSystem = "7434812345678901234";
const std::string kName = "000000010000000000000005";
const std::string kFolder = "_cluster/wal/" + kSystem + "/00000001/";

TEST_CASE("A position is written as PostgreSQL up to 18 does and read from all versions") {
  struct Row {
    std::string text;
    uint64_t value;
    std::string formatted;
  };
  for (const Row& row : std::vector<Row>{{"0/4000028", 0x4000028, "0/4000028"},
                                         {"0/04000028", 0x4000028, "0/4000028"},
                                         {"0/0", 0, "0/0"},
                                         {"0/00000000", 0, "0/0"},
                                         {"1/0", 0x100000000, "1/0"},
                                         {"0/FFFFFFFF", 0xFFFFFFFF, "0/FFFFFFFF"},
                                         {"16/b374d848", 0x16B374D848, "16/B374D848"},
                                         {"FFFFFFFF/FFFFFFFF", UINT64_MAX, "FFFFFFFF/FFFFFFFF"}}) {
    CAPTURE(row.text);
    REQUIRE(parse_lsn(row.text));
    CHECK(parse_lsn(row.text)->value == row.value);
    CHECK(format_lsn({row.value}) == row.formatted);
  }
}

TEST_CASE("Text that is no position is refused") {
  for (const std::string text : {"",
                                 "/",
                                 "0",
                                 "0/",
                                 "/0",
                                 "4000028",
                                 "0/4000028 ",
                                 " 0/4000028",
                                 "0 /4000028",
                                 "0/400 028",
                                 "0/000000001",
                                 "100000000/0",
                                 "0/1FFFFFFFF",
                                 "-1/0",
                                 "+1/0",
                                 "0/-1",
                                 "0x0/1",
                                 "0/0x1",
                                 "0/G",
                                 "0//1",
                                 "0/1/2",
                                 "0:1",
                                 "0\\1",
                                 "0/1\n",
                                 "\xd9\xa0/1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_lsn(text));
  }
  CHECK_FALSE(parse_lsn(std::string("0/1\0", 4)));
}

TEST_CASE("A system identifier is a number of 64 bits as PostgreSQL prints it") {
  for (const std::string text : {"1", "7434812345678901234", "18446744073709551615"}) {
    CAPTURE(text);
    CHECK(is_system_id(text));
  }
  for (const std::string text : {"", "0", "01", "-1", "+1", " 1", "1 ", "1a", "0x1", "1.0",
                                 "18446744073709551616", "99999999999999999999999", ".."}) {
    CAPTURE(text);
    CHECK_FALSE(is_system_id(text));
  }
}

TEST_CASE("A segment has a power of two between 1 MiB and 1 GiB") {
  for (const uint64_t mib : {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}) {
    CHECK(is_segment_size(mib * kMiB));
    CHECK_FALSE(is_segment_size(mib * kMiB - 1));
    CHECK_FALSE(is_segment_size(mib * kMiB + 8192));
  }
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, kMiB / 2, 3 * kMiB, 2048 * kMiB,
                               uint64_t{1} << 32U, uint64_t{1} << 63U, UINT64_MAX}) {
    CHECK_FALSE(is_segment_size(bytes));
  }
}

TEST_CASE("A position lies in the segment that PostgreSQL names") {
  struct Row {
    Lsn lsn;
    uint64_t segment_bytes;
    std::string name;  ///< as pg_walfile_name() says
    Lsn start;
  };
  for (const Row& row : std::vector<Row>{
           {{0x4000028}, 16 * kMiB, "000000010000000000000004", {0x4000000}},
           {{0x4FFFFFF}, 16 * kMiB, "000000010000000000000004", {0x4000000}},
           {{0x5000000}, 16 * kMiB, "000000010000000000000005", {0x5000000}},
           {{0xFFFFFFFF}, 16 * kMiB, "0000000100000000000000FF", {0xFF000000}},
           {{0x100000000}, 16 * kMiB, "000000010000000100000000", {0x100000000}},
           {{0x100000000 + 0xFF000000}, 16 * kMiB, "0000000100000001000000FF", {0x1FF000000}},
           {{0xFFFFFFFF}, kMiB, "000000010000000000000FFF", {0xFFF00000}},
           {{0x100000000}, kMiB, "000000010000000100000000", {0x100000000}},
           {{0x4000028}, kMiB, "000000010000000000000040", {0x4000000}},
           {{0xFFFFFFFF}, 1024 * kMiB, "000000010000000000000003", {0xC0000000}},
           {{0x100000000}, 1024 * kMiB, "000000010000000100000000", {0x100000000}},
           {{0x40000000}, 1024 * kMiB, "000000010000000000000001", {0x40000000}},
           {{0}, 16 * kMiB, "000000010000000000000000", {0}},
           {{UINT64_MAX}, kMiB, "00000001FFFFFFFF00000FFF", {0xFFFFFFFFFFF00000}},
           {{UINT64_MAX}, 1024 * kMiB, "00000001FFFFFFFF00000003", {0xFFFFFFFFC0000000}}}) {
    CAPTURE(row.name, row.segment_bytes);
    const WalSegment segment = segment_at(1, row.lsn, row.segment_bytes);
    CHECK(segment_name(segment, row.segment_bytes) == row.name);
    CHECK(start_of(segment, row.segment_bytes) == row.start);
    CHECK(parse_segment_name(row.name, row.segment_bytes) == segment);
  }
}

TEST_CASE("The next segment of a timeline has the next name") {
  for (const uint64_t segment_bytes : {kMiB, 16 * kMiB, 1024 * kMiB}) {
    const uint64_t border = (uint64_t{1} << 32U) / segment_bytes;
    std::string previous;
    for (uint64_t number = border - 3; number < border + 3; ++number) {
      const std::string name = segment_name({7, number}, segment_bytes);
      CAPTURE(name);
      CHECK(previous < name);
      CHECK(parse_segment_name(name, segment_bytes)->number == number);
      previous = name;
    }
  }
}

TEST_CASE("A name that does not exist with a size of segments is refused") {
  struct Row {
    std::string name;
    uint64_t segment_bytes;
  };
  for (const Row& row : std::vector<Row>{{"000000010000000000000100", 16 * kMiB},
                                         {"0000000100000000FFFFFFFF", 16 * kMiB},
                                         {"000000010000000000001000", kMiB},
                                         {"000000010000000000000004", 1024 * kMiB},
                                         {"000000000000000000000005", 16 * kMiB},
                                         {"00000001000000000000000", 16 * kMiB},
                                         {"0000000100000000000000050", 16 * kMiB},
                                         {"00000001000000000000000a", 16 * kMiB},
                                         {"00000001000000000000000G", 16 * kMiB},
                                         {"000000010000000000000005.partial", 16 * kMiB},
                                         {"00000001.history", 16 * kMiB},
                                         {"", 16 * kMiB}}) {
    CAPTURE(row.name);
    CHECK_FALSE(parse_segment_name(row.name, row.segment_bytes));
  }
  CHECK(parse_segment_name("000000010000000000000100", kMiB)->number == 0x100);
}

TEST_CASE("What a server archives is known by its name") {
  using Kind = WalFileKind;
  struct Row {
    std::string name;
    Kind kind;
    Timeline timeline;
  };
  for (const Row& row :
       std::vector<Row>{{kName, Kind::segment, 1},
                        {"FFFFFFFFFFFFFFFFFFFFFFFF", Kind::segment, 0xFFFFFFFF},
                        {kName + ".partial", Kind::partial, 1},
                        {kName + ".00000028.backup", Kind::backup, 1},
                        {"0000000A0000000000000005.00ABCDEF.backup", Kind::backup, 10},
                        {"00000002.history", Kind::history, 2},
                        {"000000FF.history", Kind::history, 255}}) {
    CAPTURE(row.name);
    CHECK(wal_file_kind(row.name) == row.kind);
    CHECK(timeline_of(row.name) == row.timeline);
  }
}

TEST_CASE("What no server archives is no file of the write-ahead log") {
  for (const std::string name : {"",
                                 "0",
                                 "00000001",
                                 "000000010000000000000005.",
                                 "000000010000000000000005.partial.",
                                 "000000010000000000000005.PARTIAL",
                                 "000000010000000000000005partial",
                                 "000000010000000000000005.backup",
                                 "000000010000000000000005..backup",
                                 "000000010000000000000005.0000028.backup",
                                 "000000010000000000000005.000000280.backup",
                                 "000000010000000000000005.0000002g.backup",
                                 "000000010000000000000005.0000002a.backup",
                                 "000000010000000000000005.00000028.backup2",
                                 "000000010000000000000005.00000028",
                                 "000000010000000000000005.zst",
                                 "000000010000000000000005.partial.zst",
                                 "00000001000000000000000f",
                                 "0000000100000000000000",
                                 " 00000010000000000000005",
                                 "00000000.history",
                                 "000000000000000000000005",
                                 "0000000a.history",
                                 "0000002.history",
                                 "000000002.history",
                                 "00000002.history.zst",
                                 "00000002history",
                                 "00000002.HISTORY",
                                 "../../00000002.history",
                                 "pg_wal/000000010000000000000005",
                                 "RECOVERYXLOG",
                                 "RECOVERYHISTORY",
                                 "archive_status",
                                 "000000010000000000000005/",
                                 "000000010000000000000005\n",
                                 "xlogtemp.123"}) {
    CAPTURE(name);
    CHECK_FALSE(wal_file_kind(name));
  }
  CHECK_FALSE(wal_file_kind(std::string("000000010000000000000005\0", 25)));
}

bool is_same(const TimelineSwitch& a, const TimelineSwitch& b) {
  return a.parent == b.parent && a.at == b.at;
}

TEST_CASE("A history names the ancestors of its timeline") {
  struct Row {
    std::string text;
    std::vector<TimelineSwitch> switches;
  };
  for (const Row& row : std::vector<Row>{
           // As PostgreSQL 15 writes them: after a promotion, and after two.
           {"1\t0/15002DD8\tno recovery target specified\n", {{1, {0x15002DD8}}}},
           {"1\t0/3000060\tno recovery target specified\n\n2\t0/5000028\tafter LSN 0/5000028\n",
            {{1, {0x3000060}}, {2, {0x5000028}}}},
           // As PostgreSQL 19 writes positions.
           {"1\t0/03000060\tno recovery target specified\n", {{1, {0x3000060}}}},
           // A recovery to the newest timeline that ended before the last branch.
           {"1\t0/5000000\tx\n\n2\t0/3000000\tbefore 2026-11-20 03:15:00+00\n",
            {{1, {0x5000000}}, {2, {0x3000000}}}},
           {"# a comment\n\n  1  0/3000060  by hand\n", {{1, {0x3000060}}}},
           {"1\t0/3000060", {{1, {0x3000060}}}},
           {"1\t0/3000060\r\n", {{1, {0x3000060}}}},
           {"4294967294\tFFFFFFFF/FFFFFFFF\tat restore point \"# 2\t0/0\"\n",
            {{4294967294, {UINT64_MAX}}}}}) {
    CAPTURE(row.text);
    const std::vector<TimelineSwitch> parsed = parse_history(row.text);
    CHECK(std::equal(parsed.begin(), parsed.end(), row.switches.begin(), row.switches.end(),
                     is_same));
  }
}

TEST_CASE("A damaged history is refused") {
  for (const std::string text : {"",
                                 "\n",
                                 "# nothing else\n",
                                 "1\n",
                                 "1\t\n",
                                 "1\t0\treason\n",
                                 "1\t0/\treason\n",
                                 "one\t0/3000060\treason\n",
                                 "1x\t0/3000060\treason\n",
                                 "0\t0/3000060\treason\n",
                                 "-1\t0/3000060\treason\n",
                                 "+1\t0/3000060\treason\n",
                                 "4294967296\t0/3000060\treason\n",
                                 "1/t0/3000060\treason\n",
                                 "1\t0/3000060x\treason\n",
                                 "1\t0/300006000\treason\n",
                                 "1\t0/3000060\treason\n1\t0/4000000\treason\n",
                                 "2\t0/3000060\treason\n1\t0/4000000\treason\n",
                                 "1\t0/3000060\treason\nand its second line\n",
                                 "\x01\t0/3000060\n",
                                 "\xff"}) {
    CAPTURE(text);
    CHECK(fails_with(ErrorKind::corrupt, "history of the timeline is damaged",
                     [&] { return parse_history(text); }));
  }
  const auto zeros = error_of([] { return parse_history(std::string(8192, '\0')); });
  REQUIRE(zeros);
  CHECK(zeros->message().size() < 500);
}

TEST_CASE("Every key that we write is read again as what it was") {
  struct Row {
    std::string key;
    std::string expected;
    std::string name;
    Compression compression;
  };
  for (const Row& row : std::vector<Row>{
           {wal_key(kSystem, kName, {Compression::zstd}), kFolder + kName + ".zst", kName,
            Compression::zstd},
           {wal_key(kSystem, kName, {Compression::gzip}), kFolder + kName + ".gz", kName,
            Compression::gzip},
           {wal_key(kSystem, kName, {Compression::none}), kFolder + kName, kName,
            Compression::none},
           {wal_key(kSystem, kName + ".partial", {}), kFolder + kName + ".partial.zst",
            kName + ".partial", Compression::zstd},
           {wal_key(kSystem, kName + ".00000028.backup", {Compression::none}),
            kFolder + kName + ".00000028.backup", kName + ".00000028.backup", Compression::none},
           {wal_key(kSystem, "00000002.history", {Compression::zstd}),
            "_cluster/wal/" + kSystem + "/00000002/00000002.history", "00000002.history",
            Compression::none}}) {
    CAPTURE(row.key);
    CHECK(row.key == row.expected);
    const std::optional<WalKey> key = parse_wal_key(row.key);
    REQUIRE(key);
    CHECK(key->system_id == kSystem);
    CHECK(key->name == row.name);
    CHECK(key->packing.compression == row.compression);
    CHECK_FALSE(key->is_piece);
  }
}

TEST_CASE("The key of a piece says which bytes it holds") {
  struct Row {
    uint64_t begin;
    uint64_t end;
    Compression compression;
    std::string file;
  };
  for (const Row& row : std::vector<Row>{
           {0, 0x1234, Compression::zstd, kName + ".00000000-00001234.zst"},
           {0x1234, 0x1000000, Compression::gzip, kName + ".00001234-01000000.gz"},
           {0x3FFFFFFF, 0x40000000, Compression::none, kName + ".3FFFFFFF-40000000"}}) {
    CAPTURE(row.file);
    const std::string text = wal_piece_key(kSystem, kName, row.begin, row.end, {row.compression});
    CHECK(text == kFolder + row.file);
    const std::optional<WalKey> key = parse_wal_key(text);
    REQUIRE(key);
    CHECK(key->is_piece);
    CHECK(key->name == kName);
    CHECK(key->begin == row.begin);
    CHECK(key->end == row.end);
    CHECK(key->packing.compression == row.compression);
  }
}

TEST_CASE("The key of what is encrypted has a token, so that nothing else has the same") {
  constexpr Packing kSealed{Compression::zstd, Encryption::age};
  struct Row {
    WalKey key;
    std::string file;
  };
  for (const Row& row : std::vector<Row>{
           {{.name = kName, .packing = kSealed, .token = "0a1b2c3d"}, kName + ".0a1b2c3d.zst.age"},
           {{.name = kName, .packing = {Compression::gzip, Encryption::age}, .token = "00000028"},
            kName + ".00000028.gz.age"},
           {{.name = kName, .packing = {Compression::none, Encryption::age}, .token = "ffffffff"},
            kName + ".ffffffff.age"},
           {{.name = kName,
           .packing = kSealed,
           .token = "0a1b2c3d",
           .is_piece = true,
           .begin = 0x10,
           .end = 0x2F},
            kName + ".00000010-0000002F.0a1b2c3d.zst.age"},
           {{.name = kName + ".partial", .packing = kSealed, .token = "0a1b2c3d"},
            kName + ".partial.0a1b2c3d.zst.age"},
           {{.name = kName + ".00000028.backup", .packing = kSealed, .token = "0a1b2c3d"},
            kName + ".00000028.backup.0a1b2c3d.zst.age"},
           // Encrypted by hand.
           {{.name = kName, .packing = kSealed}, kName + ".zst.age"},
           {{.name = kName, .packing = kSealed, .is_piece = true, .begin = 0, .end = 0x10},
            kName + ".00000000-00000010.zst.age"}}) {
    CAPTURE(row.file);
    WalKey key = row.key;
    key.system_id = kSystem;
    CHECK(format_wal_key(key) == kFolder + row.file);
    const std::optional<WalKey> parsed = parse_wal_key(kFolder + row.file);
    REQUIRE(parsed);
    CHECK(parsed->name == key.name);
    CHECK(parsed->token == key.token);
    CHECK(parsed->packing.compression == key.packing.compression);
    CHECK(parsed->packing.encryption == Encryption::age);
    CHECK(parsed->is_piece == key.is_piece);
    CHECK(parsed->begin == key.begin);
    CHECK(parsed->end == key.end);
  }
  // A history is for everybody to read.
  CHECK(format_wal_key({.system_id = kSystem,
                        .name = "00000001.history",
                        .packing = kSealed,
                        .token = "0a1b2c3d"}) == kFolder + "00000001.history");
}

TEST_CASE("A prefix holds the log of one server, or of all") {
  CHECK(wal_prefix(kSystem) == "_cluster/wal/" + kSystem + "/");
  CHECK(wal_prefix("") == "_cluster/wal/");
}

TEST_CASE("A key that we do not write is not ours") {
  const std::string wal = "_cluster/wal/";
  std::vector<std::string> keys = {
      "",
      wal,
      kFolder,
      wal + kSystem,
      wal + kSystem + "//" + kName,
      wal + kSystem + "/" + kName + ".zst",
      "/" + kFolder + kName + ".zst",
      "_cluster/" + kSystem + "/00000001/" + kName + ".zst",
      "cluster/wal/" + kSystem + "/00000001/" + kName + ".zst",
      "_cluster/20261120T031500Z-9f3a1c2b/base.tar.zst",
      kFolder + "deeper/" + kName + ".zst",
      kFolder + "../00000001/" + kName + ".zst",
      wal + kSystem + "/../" + kName + ".zst",
      wal + kSystem + "/00000002/" + kName + ".zst",
      wal + kSystem + "/1/" + kName + ".zst",
  };
  for (const std::string system :
       {"", "0", "..", "-1", "+7", "07", "7a", " 7", "18446744073709551616", "=37"}) {
    keys.push_back(wal + system + "/00000001/" + kName + ".zst");
  }
  for (const std::string file : {"manifest.json",
                                 "hold",
                                 ".zst",
                                 "000000010000000000000005.zst.zst",
                                 "000000010000000000000005.zst.gz",
                                 "000000010000000000000005.gz.zst",
                                 "000000010000000000000005.",
                                 "000000010000000000000005.ZST",
                                 "000000010000000000000005.zst.0001",
                                 "000000010000000000000005.zst ",
                                 "000000010000000000000005.zst\n",
                                 "00000001000000000000000a.zst",
                                 "00000001.history.zst",
                                 "00000001.history.gz",
                                 "000000010000000000000005.lz4",
                                 "000000010000000000000005.00000000-00000000.zst",
                                 "000000010000000000000005.00000002-00000001.zst",
                                 "000000010000000000000005.00000000-40000001.zst",
                                 "000000010000000000000005.00000000-FFFFFFFF.zst",
                                 "000000010000000000000005.00000000-0000000a.zst",
                                 "000000010000000000000005.0000000-000000010.zst",
                                 "000000010000000000000005.00000000_00000010.zst",
                                 "000000010000000000000005.00000000-00000010-00000020.zst",
                                 "000000010000000000000005.00000000-.zst",
                                 "000000010000000000000005.-00000010.zst",
                                 "000000010000000000000005-00000000-00000010.zst",
                                 "000000010000000000000005.partial.00000000-00000010.zst",
                                 "000000010000000000000005.00000000-00000010.partial.zst",
                                 "00000001.history.00000000-00000010",
                                 "000000010000000000000005.0a1b2c3d",
                                 "000000010000000000000005.0a1b2c3d.zst",
                                 "000000010000000000000005.0A1B2C3D.zst.age",
                                 "000000010000000000000005.0a1b2c3.zst.age",
                                 "000000010000000000000005.0a1b2c3d4.zst.age",
                                 "000000010000000000000005.0a1b2c3g.zst.age",
                                 "0000000100000000000000050a1b2c3d.zst.age",
                                 "000000010000000000000005.0a1b2c3d.0a1b2c3d.zst.age",
                                 "000000010000000000000005.0a1b2c3d.age.zst",
                                 "000000010000000000000005.zst.age.0a1b2c3d",
                                 "000000010000000000000005.zst.0a1b2c3d.age",
                                 "000000010000000000000005.zst.age.age",
                                 "000000010000000000000005.0a1b2c3d.00000000-00000010.zst.age",
                                 "0a1b2c3d.zst.age",
                                 ".0a1b2c3d.zst.age",
                                 "00000001.history.age",
                                 "00000001.history.0a1b2c3d.age",
                                 "00000001.history.0a1b2c3d.zst.age",
                                 ".tmp-12345678-000000010000000000000005.zst"}) {
    keys.push_back(kFolder + file);
  }
  for (const std::string& key : keys) {
    CAPTURE(key);
    CHECK_FALSE(parse_wal_key(key));
  }
}

}  // namespace
}  // namespace pgbackup
