#include "common/catalog/key_grammar.h"

#include <string>
#include <vector>

#include "tests/support/manifests.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

const std::string kId = "20261120T031500Z-9f3a1c2b";

TEST_CASE("A database's name becomes a folder name and comes back") {
  struct Row {
    std::string name;
    std::string encoded;
  };
  for (const Row& row : std::vector<Row>{{"app", "app"},
                                         {"App-2.x_y", "App-2.x_y"},
                                         {"_globals", "_globals"},
                                         {"_global", "=5Fglobal"},
                                         {"_globals2", "=5Fglobals2"},
                                         {"_cluster", "_cluster"},
                                         {"_cluster2", "=5Fcluster2"},
                                         {"..", "=2E."},
                                         {".", "=2E"},
                                         {"a b", "a=20b"},
                                         {"a/b", "a=2Fb"},
                                         {"a=b", "a=3Db"},
                                         {"=20", "=3D20"},
                                         {"\xc3\xa4", "=C3=A4"},
                                         {"'\"\\", "=27=22=5C"},
                                         {std::string("\0\xff", 2), "=00=FF"},
                                         {"-rf", "-rf"},
                                         {"app2", "app2"}}) {
    CAPTURE(row.name);
    CHECK(encode_group(parse_group(row.name)) == row.encoded);
    CHECK(decode_group(row.encoded) == parse_group(row.name));
  }
  for (int c = 1; c < 256; ++c) {
    for (const std::string& name :
         {std::string(1, static_cast<char>(c)), std::string("a") + static_cast<char>(c) + "b"}) {
      CHECK(decode_group(encode_group(db(name))) == db(name));
      CHECK(encode_group(db(name)).find_first_not_of(
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_=") ==
            std::string::npos);
    }
  }
}

TEST_CASE("What belongs to the whole server has a folder that no database has") {
  CHECK(encode_group(Group::globals()) == "_globals");
  CHECK(encode_group(Group::cluster()) == "_cluster");
  CHECK(encode_group(db("_globals")) == "=5Fglobals");
  CHECK(encode_group(db("_cluster")) == "=5Fcluster");
  CHECK(encode_group(Group()).empty());
}

TEST_CASE("A spelling that is not ours is no group") {
  for (const auto* text :
       {"",           "_global", "=5Fcluster", "_",     ".",        "..",   ".hidden",
        "=5Fglobals", "a b",     "a=",         "a=2",   "a=2f",     "a=zz", "=61",
        "a=2E",       "a=5F",    "a/b",        "a%20b", "\xc3\xa4", "a\n",  "=2D",
        "a=-1",       "a= 1",    "a=2F=",      "a+b",   "a~b"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_group(text));
  }
}

TEST_CASE("An id holds its time and sorts by it") {
  const UtcTime time = *parse_iso("2026-11-20T03:15:00Z");
  const std::string id = make_backup_id(time);
  CHECK(id.starts_with("20261120T031500Z-"));
  CHECK(id.size() == 25);
  CHECK(parse_backup_id(id) == time);
  CHECK(make_backup_id(time) != make_backup_id(time));
  CHECK(make_backup_id(time - std::chrono::seconds(1)) < id);
  CHECK(parse_backup_id(kId) == time);
}

TEST_CASE("Text that is no id is refused") {
  for (const auto* text :
       {"", "latest", "20261120T031500Z", "20261120T031500Z-", "20261120T031500Z-9f3a1c2",
        "20261120T031500Z-9f3a1c2b0", "20261120T031500Z-9F3A1C2B", "20261120T031500Z-9f3a1c2g",
        "20261120T031500Z_9f3a1c2b", "20261320T031500Z-9f3a1c2b", "20260229T031500Z-9f3a1c2b",
        "20261120T251500Z-9f3a1c2b", "20261120t031500z-9f3a1c2b", " 0261120T031500Z-9f3a1c2b"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_backup_id(text));
  }
}

TEST_CASE("Every key that we write is recognised") {
  struct Row {
    std::string key;
    std::string group;
    std::string file;
  };
  for (const Row& row : std::vector<Row>{
           {"app/" + kId + "/manifest.json", "app", "manifest.json"},
           {"app/" + kId + "/SHA256SUMS", "app", "SHA256SUMS"},
           {"app/" + kId + "/app.dump.zst", "app", "app.dump.zst"},
           {"app/" + kId + "/app.dump.zst.0001", "app", "app.dump.zst.0001"},
           {"app/" + kId + "/app.dump.zst.9999", "app", "app.dump.zst.9999"},
           {"app/" + kId + "/app.dump.zst.10000", "app", "app.dump.zst.10000"},
           {"a=2Fb/" + kId + "/a=2Fb.dump.zst", "a/b", "a=2Fb.dump.zst"},
           {backup_folder(db(".."), kId) + "/" + data_name(db("..")), "..", "=2E..dump.zst"}}) {
    CAPTURE(row.key);
    const auto key = parse_key(row.key);
    REQUIRE(key);
    CHECK(key->group == db(row.group));
    CHECK(key->id == kId);
    CHECK(key->time == *parse_iso("2026-11-20T03:15:00Z"));
    CHECK(key->file == row.file);
  }
}

TEST_CASE("The name of the data says what it is") {
  const std::vector<std::pair<std::string, std::string>> names = {
      {stream_file_name(dump_stream_name(db("a b"))), "a=20b.dump.zst"},
      {stream_file_name("app", StreamFormat::custom, {Compression::gzip}), "app.dump.gz"},
      {stream_file_name("app", StreamFormat::custom, {Compression::none}), "app.dump"},
      {stream_file_name("app", StreamFormat::plain), "app.sql.zst"},
      {stream_file_name("app", StreamFormat::plain, {Compression::gzip}), "app.sql.gz"},
      {stream_file_name("app", StreamFormat::plain, {Compression::none}), "app.sql"},
      {stream_file_name("base", StreamFormat::tar), "base.tar.zst"},
      {stream_file_name("16384", StreamFormat::tar, {Compression::none}), "16384.tar"},
      {stream_file_name("backup_manifest", StreamFormat::manifest), "backup_manifest.zst"},
      {stream_file_name("backup_manifest", StreamFormat::manifest, {Compression::none}),
       "backup_manifest"},
      {stream_file_name(dump_stream_name(Group::globals()), StreamFormat::plain),
       "globals.sql.zst"}};
  for (const auto& [name, expected] : names) CHECK(name == expected);
  for (const auto* file : {"app.dump.gz", "app.dump", "app.sql.zst", "app.sql.gz", "app.sql",
                           "app.dump.0001", "app.sql.gz.0002"}) {
    CAPTURE(file);
    CHECK(parse_key("app/" + kId + "/" + file)->file == file);
  }
  CHECK(parse_key("_globals/" + kId + "/globals.sql.zst.0001")->group == Group::globals());
  for (const auto* file : {"base.tar.zst", "16384.tar.zst.0001", "backup_manifest.zst"}) {
    CHECK(parse_key("_cluster/" + kId + "/" + file)->group == Group::cluster());
  }
}

TEST_CASE("Whatever lies directly inside a folder of ours is ours") {
  for (const std::string file :
       {"manifest.json.bak", "Manifest.json", "app2.dump.zst", "app.dump.zst.age", "base.tar.zst",
        "backup_manifest", "verified", "globals.sql.zst", "app.dump.zst.1", "app.dump.zst.10000",
        "app.dump.zst.123456", "app.dump.zst.0001.0002", "sha256sums", ".nfs000001", "...", "-rf",
        ".tmp-0a1b2c3d-manifest.json", "=20"}) {
    CAPTURE(file);
    const auto key = parse_key("app/" + kId + "/" + file);
    REQUIRE(key);
    CHECK(key->file == file);
    CHECK(key->group == db("app"));
  }
}

TEST_CASE("Everything else is not ours") {
  const std::string folder = "app/" + kId + "/";
  for (const std::string& key :
       std::vector<std::string>{std::string(),
                                std::string("/"),
                                std::string("manifest.json"),
                                std::string("app/manifest.json"),
                                folder,
                                "app/" + kId,
                                "/" + folder + "manifest.json",
                                "x/" + folder + "manifest.json",
                                folder + "/manifest.json",
                                folder + "x/manifest.json",
                                folder + "x/",
                                folder + ".",
                                folder + "..",
                                folder + "a b",
                                folder + "a\nb",
                                folder + "a%20b",
                                folder + "\xc3\xa4",
                                "app//" + kId + "/manifest.json",
                                "app/" + kId + "x/manifest.json",
                                "app/20261120T031500Z/manifest.json",
                                "_app/" + kId + "/manifest.json",
                                "=5Fcluster/" + kId + "/manifest.json",
                                "_cluster/wal/7/00000001/000000010000000000000001.zst",
                                ".app/" + kId + "/manifest.json",
                                "../" + kId + "/manifest.json",
                                "a b/" + kId + "/manifest.json",
                                "=61pp/" + kId + "/manifest.json",
                                "/" + kId + "/manifest.json",
                                std::string("app/latest/manifest.json"),
                                std::string("backup-2021-01-06T22:06:31.106555.dump")}) {
    CAPTURE(key);
    CHECK_FALSE(parse_key(key));
  }
}

}  // namespace
}  // namespace pgbackup
