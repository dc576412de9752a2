#include "backup/physical/file_list.h"

#include "tests/support/base_backup.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

FileList parse(const std::string& text, size_t step = SIZE_MAX) {
  StringSource source(text, step);
  return FileList(source);
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

/// A list around lines that are changed before its checksum is made.
std::string list_of(const std::string& line) { return file_list({line}, kRange); }

const std::string kLine = listed("base/1", "one");
const std::string kGood =
    file_list({kLine, listed("PG_VERSION", "15\n"), listed("base/10", "")}, kRange);

TEST_CASE("A list is parsed, in whatever pieces it comes") {
  for (const size_t step : {1, 2, 100, 1'000'000}) {
    const FileList list = parse(kGood, step);
    REQUIRE(list.size() == 3);
    CHECK(list.path(0) == "PG_VERSION");
    CHECK(list.path(1) == "base/1");
    CHECK(list.bytes(1) == 3);
    CHECK(list.sha256(1) == sha256_hex("one"));
    CHECK(list.find("base/10") == 2);
    for (const std::string_view absent : {"", "base", "base/", "base/11", "PG_VERSIO", "z"}) {
      CHECK(list.find(absent) == std::nullopt);
    }
    REQUIRE(list.wal_ranges().size() == 1);
    CHECK(list.wal_ranges()[0].timeline == 1);
    CHECK(list.wal_ranges()[0].begin == Lsn{0x3000028});
    CHECK(list.wal_ranges()[0].end == Lsn{0x3000100});
    CHECK(list.system_identifier() == "7713602958307015355");
  }
}

TEST_CASE("A list of version 1 does not name the server") {
  const FileList list =
      parse(file_list({kLine}, kRange, "\"PostgreSQL-Backup-Manifest-Version\": 1,"));
  CHECK(list.system_identifier().empty());
  CHECK(list.size() == 1);
}

TEST_CASE("A name that is no UTF-8 comes as hexadecimal digits") {
  const std::string encoded = replaced(kLine, "\"Path\": \"base/1\"", "\"Encoded-Path\": \"62e4\"");
  CHECK(parse(list_of(encoded)).path(0) == "b\xe4");
  CHECK(parse(list_of(replaced(kLine, "base/1", "b\\u00e4\\\"\\\\"))).path(0) == "b\xc3\xa4\"\\");
}

TEST_CASE("A list without files, and one with several ranges, are lists") {
  CHECK(parse(file_list({}, kRange)).size() == 0);
  CHECK(parse(file_list({kLine}, "")).wal_ranges().empty());
  CHECK(parse(file_list({kLine}, std::string(kRange) + ",\n" + std::string(kRange)))
            .wal_ranges()
            .size() == 2);
}

TEST_CASE("A flipped bit anywhere in a list is noticed") {
  for (size_t at = 0; at < kGood.size(); ++at) {
    CAPTURE(at);
    std::string flipped = kGood;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x01);
    const std::optional<Error> error = error_of([&] { return parse(flipped); });
    REQUIRE(error);
    CHECK((error->kind() == ErrorKind::corrupt || error->kind() == ErrorKind::failed));
  }
}

TEST_CASE("A list that is cut anywhere is noticed") {
  for (size_t length = 0; length < kGood.size(); ++length) {
    CAPTURE(length);
    REQUIRE(fails_with(ErrorKind::corrupt, "the backup_manifest is damaged",
                       [&] { return parse(kGood.substr(0, length)); }));
  }
}

TEST_CASE("What follows a list, or stands before its checksum, is noticed") {
  for (const std::string& text : {kGood + "\n", kGood + " ", kGood + "{}", kGood + kGood,
                                  replaced(kGood, "\n\"Manifest", " \"Manifest"),
                                  replaced(kGood, "}\n", "\n}\n"), " " + kGood}) {
    CHECK(fails_with(ErrorKind::corrupt, "", [&] { return parse(text); }));
  }
}

TEST_CASE("Lists that no server writes are refused although their checksum is right") {
  const std::string hash = sha256_hex("one");
  const std::vector<std::pair<std::string, std::string>> lines = {
      {"{}", "Path is missing"},
      {replaced(kLine, "\"Path\": \"base/1\", ", ""), "Path is missing"},
      {replaced(kLine, "\"Size\": 3, ", ""), "Size is missing"},
      {replaced(kLine, "\"Size\": 3", "\"Size\": -3"), "a number is negative"},
      {replaced(kLine, "\"Size\": 3", "\"Size\": 3.5"), "a number is not whole"},
      {replaced(kLine, "\"Size\": 3", "\"Size\": 1e3"), "a number is not whole"},
      {replaced(kLine, "\"Size\": 3", "\"Size\": 99999999999999999999"), "a number is not whole"},
      {replaced(kLine, "\"Size\": 3", "\"Size\": \"3\""), "Size is not a number"},
      {replaced(kLine, "\"Size\": 3", "\"Size\": null"), "a value is null"},
      {replaced(kLine, "\"Size\": 3", "\"Size\": true"), "a value is a boolean"},
      {replaced(kLine, "\"Size\": 3", "\"Size\": [3]"), "an array stands in the wrong place"},
      {replaced(kLine, "\"Size\": 3", "\"Size\": {}"), "an object stands in the wrong place"},
      {replaced(kLine, "\"base/1\"", "1"), "Path is a number"},
      {replaced(kLine, "\"base/1\"", "\"\""), "a name is empty or too long"},
      {replaced(kLine, "base/1", std::string(4097, 'x')), "a name is empty or too long"},
      {replaced(kLine, "base/1", std::string(70'000, 'x')), "a line is longer than 64 KiB"},
      {replaced(kLine, "\"Path\": \"base/1\"", "\"Encoded-Path\": \"6\""), "not hexadecimal"},
      {replaced(kLine, "\"Path\": \"base/1\"", "\"Encoded-Path\": \"6G\""), "not hexadecimal"},
      {replaced(kLine, "\"Path\"", "\"Encoded-Path\": \"62\", \"Path\""), "'Path' is not known"},
      {replaced(kLine, "\"Size\"", "\"Size\": 3, \"Size\""), "'Size' is there twice"},
      {replaced(kLine, "\"Size\"", "\"Mode\": 3, \"Size\""), "'Mode' is not known"},
      {replaced(kLine, hash, hash.substr(2)), "a checksum has not 64 digits"},
      {replaced(kLine, hash, "G" + hash.substr(1)), "a checksum is not hexadecimal"},
      {replaced(kLine, ", \"Last-Modified\": \"2026-11-20 03:15:00 GMT\"", ""), "Last-Modified"},
      {kLine + ",\n" + kLine, "it lists 'base/1' twice"},
      {"[]", "an array stands in the wrong place"},
      {"\"base/1\"", "a value stands in the wrong place"},
      {"3", "a value stands in the wrong place"},
  };
  for (const auto& [line, complaint] : lines) {
    CAPTURE(line.substr(0, 200));
    CHECK(fails_with(ErrorKind::corrupt, complaint, [&, &l = line] { return parse(list_of(l)); }));
  }
  const std::vector<std::string> heads = {
      "",
      "\"PostgreSQL-Backup-Manifest-Version\": \"1\",",
      "\"PostgreSQL-Backup-Manifest-Version\": 2,",
      "\"PostgreSQL-Backup-Manifest-Version\": 1, \"System-Identifier\": 5,",
      "\"PostgreSQL-Backup-Manifest-Version\": 1, \"Files\": [], \"More\": 1,",
      "\"PostgreSQL-Backup-Manifest-Version\": 1, \"Files\": {},",
      "\"PostgreSQL-Backup-Manifest-Version\": 1, \"Other\": [],",
      "\"PostgreSQL-Backup-Manifest-Version\": 1, \"Files\": [],"};
  for (const std::string& head : heads) {
    CAPTURE(head);
    CHECK(fails_with(ErrorKind::corrupt, "",
                     [&] { return parse(file_list({kLine}, kRange, head)); }));
  }
  for (const std::string& range :
       {replaced(std::string(kRange), "0/3000028", "3000028"),
        replaced(std::string(kRange), "\"0/3000028\"", "5"),
        replaced(std::string(kRange), "\"Timeline\": 1", "\"Timeline\": 4294967296"),
        replaced(std::string(kRange), "\"Timeline\": 1, ", ""), std::string("{}")}) {
    CAPTURE(range);
    CHECK(fails_with(ErrorKind::corrupt, "", [&] { return parse(file_list({kLine}, range)); }));
  }
  for (const std::string text :
       {"", "\n", "[]\n", "{}\n", "null\n", "{\n", "\"x\"\n", "[[[[[[[[[[\n"}) {
    CHECK(fails_with(ErrorKind::corrupt, "", [&] { return parse(text); }));
  }
}

TEST_CASE("A later version, and other checksums, are told apart from damage") {
  for (const std::string version : {"0", "3", "18446744073709551615"}) {
    CHECK(fails_with(ErrorKind::failed, "is of version " + version, [&] {
      return parse(file_list({}, "", "\"PostgreSQL-Backup-Manifest-Version\": " + version + ","));
    }));
  }
  CHECK(fails_with(ErrorKind::failed, "has CRC32C checksums",
                   [&] { return parse(list_of(replaced(kLine, "SHA256", "CRC32C"))); }));
  const size_t at = kLine.find(", \"Checksum-Algorithm\"");
  CHECK(fails_with(ErrorKind::failed, "has no checksums",
                   [&] { return parse(list_of(kLine.substr(0, at) + " }")); }));
}

}  // namespace
}  // namespace pgbackup
