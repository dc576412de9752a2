#include "common/catalog/manifest.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "common/base/printable.h"
#include "tests/support/error_of.h"
#include "tests/support/manifests.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Json = nlohmann::ordered_json;

Manifest sample() {
  Manifest m;
  m.group = db("my \"app\"/\xc3\xa4");
  m.id = "20261120T031500Z-9f3a1c2b";
  m.started = *parse_iso("2026-11-20T03:15:00Z");
  m.finished = *parse_iso("2026-11-20T03:16:01Z");
  m.tool = "pg-backup 0.1.0";
  m.server_version = 150018;
  m.client_version = 170002;
  m.system_identifier = "7123456789012345678";
  m.groups = {db("a"), Group::globals()};
  m.left_out = {{"c", "it is a template"}};
  m.dump.tables = 12;
  m.streams = {{.name = "app",
                .uncompressed_bytes = uint64_t{1} << 53U,
                .uncompressed_sha256 = std::string(64, 'f'),
                .objects = {{"app.dump.zst", UINT64_MAX, std::string(64, 'a')},
                            {"app.dump.zst.0001", 0, std::string(64, '0')}}},
               {.name = "more",
                .format = StreamFormat::plain,
                .packing = {.compression = Compression::gzip},
                .uncompressed_bytes = 1,
                .uncompressed_sha256 = std::string(64, 'e'),
                .objects = {{"more.sql.gz", 2, std::string(64, 'd')}}}};
  m.warnings = {"line\nbreak"};
  m.next_due = *parse_iso("2026-11-21T03:15:00Z");
  m.locked_until = *parse_iso("2026-12-20T03:15:00Z");
  m.dump.database = {"UTF8",        "i",     "C",
                     "de_DE.UTF-8", "de-DE", {"work_mem=64MB", "search_path=\"$user\""}};
  return m;
}

bool is_corrupt(const std::string& text) {
  const auto error = error_of([&] { return parse_manifest(text); });
  return error && error->kind() == ErrorKind::corrupt &&
         error->message().starts_with("the manifest is damaged: ");
}

bool is_corrupt(const Json& json) { return is_corrupt(json.dump()); }

TEST_CASE("What a database has of its own survives, and older manifests go without") {
  Manifest m = sample();
  DatabaseProperties& database = m.dump.database;
  CHECK(parse_manifest(format_manifest(m)).dump.database.connection_limit == -1);
  CHECK_FALSE(parse_manifest(format_manifest(m)).dump.database.grants);
  CHECK(format_manifest(m).find("owner") == std::string::npos);
  database.icu_rules = "&a < g";
  database.owner = "Own";
  database.comment = "it's";
  database.tablespace = "fast";
  database.connection_limit = 0;
  database.is_template = true;
  database.grants = {{"", "CONNECT", false}, {"app", "CREATE", true}};
  database.role_settings = {{"web", "work_mem=1MB"}};
  const DatabaseProperties read = parse_manifest(format_manifest(m)).dump.database;
  CHECK(read.icu_rules == database.icu_rules);
  CHECK(read.owner == database.owner);
  CHECK(read.comment == database.comment);
  CHECK(read.tablespace == database.tablespace);
  CHECK(read.connection_limit == 0);
  CHECK(read.is_template);
  REQUIRE(read.grants);
  REQUIRE(read.grants->size() == 2);
  CHECK(read.grants->at(0).role.empty());
  CHECK(read.grants->at(1).privilege == "CREATE");
  CHECK(read.grants->at(1).is_grantable);
  REQUIRE(read.role_settings.size() == 1);
  CHECK(read.role_settings[0].role == "web");
  CHECK(read.role_settings[0].setting == "work_mem=1MB");
  database.grants.emplace();  // nobody at all
  CHECK(parse_manifest(format_manifest(m)).dump.database.grants->empty());
}

TEST_CASE("A database's properties of a wrong type are damage") {
  const Json good = Json::parse(format_manifest(sample()));
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, Json>>{{"owner", 1},
                                                 {"icu_rules", Json::array()},
                                                 {"connection_limit", -2},
                                                 {"connection_limit", "7"},
                                                 {"connection_limit", 2147483648U},
                                                 {"is_template", "yes"},
                                                 {"grants", 1},
                                                 {"grants", {{{"role", "a"}}}},
                                                 {"role_settings", {{"role", "a"}}}}) {
    CAPTURE(name, value.dump());
    Json bad = good;
    bad["private"]["database"][name] = value;
    CHECK(is_corrupt(bad));
  }
}

TEST_CASE("A manifest survives its text form") {
  const Manifest wanted = sample();
  const std::string text = format_manifest(wanted);
  CHECK(text.back() == '\n');
  const Manifest m = parse_manifest(text);
  CHECK(m.group == wanted.group);
  CHECK(m.id == wanted.id);
  CHECK(m.started == wanted.started);
  CHECK(m.finished == wanted.finished);
  CHECK(m.tool == wanted.tool);
  CHECK(m.server_version == wanted.server_version);
  CHECK(m.client_version == wanted.client_version);
  CHECK(m.system_identifier == wanted.system_identifier);
  CHECK(m.groups == wanted.groups);
  REQUIRE(m.left_out.size() == 1);
  CHECK(m.left_out[0].database == "c");
  CHECK(m.left_out[0].reason == "it is a template");
  CHECK(m.dump.tables == wanted.dump.tables);
  REQUIRE(m.streams.size() == 2);
  const ManifestStream& stream = m.streams[0];
  REQUIRE(stream.objects.size() == 2);
  CHECK(stream.name == "app");
  CHECK(stream.objects[0].name == "app.dump.zst");
  CHECK(stream.objects[0].bytes == UINT64_MAX);
  CHECK(stream.objects[1].sha256 == std::string(64, '0'));
  CHECK(stream.uncompressed_bytes == wanted.streams[0].uncompressed_bytes);
  CHECK(stream.uncompressed_sha256 == wanted.streams[0].uncompressed_sha256);
  CHECK(m.streams[1].format == StreamFormat::plain);
  CHECK(m.streams[1].packing.compression == Compression::gzip);
  CHECK(m.streams[1].uncompressed_sha256 == std::string(64, 'e'));
  CHECK(m.uncompressed_bytes() == (uint64_t{1} << 53U) + 1);
  CHECK(m.warnings == wanted.warnings);
  CHECK(m.next_due == wanted.next_due);
  CHECK(m.locked_until == wanted.locked_until);
  CHECK(m.dump.database.encoding == wanted.dump.database.encoding);
  CHECK(m.dump.database.locale_provider == wanted.dump.database.locale_provider);
  CHECK(m.dump.database.collate == wanted.dump.database.collate);
  CHECK(m.dump.database.ctype == wanted.dump.database.ctype);
  CHECK(m.dump.database.locale == wanted.dump.database.locale);
  CHECK(m.dump.database.settings == wanted.dump.database.settings);
  CHECK(format_manifest(m) == text);
}

TEST_CASE("What is not always there may be missing; fields of later versions are ignored") {
  Manifest m = sample();
  m.next_due.reset();
  m.locked_until.reset();
  m.left_out.clear();
  Json json = Json::parse(format_manifest(m));
  CHECK_FALSE(json.contains("next_due"));
  CHECK_FALSE(json.contains("locked_until"));
  CHECK_FALSE(json.contains("left_out"));
  json["later"] = {{"x", 1}};
  CHECK_FALSE(parse_manifest(json.dump()).next_due);
  CHECK_FALSE(parse_manifest(json.dump()).locked_until);
  CHECK(parse_manifest(json.dump()).left_out.empty());
}

TEST_CASE("What was left out is kept, and a kind or packing of later versions is named") {
  Manifest m = sample();
  m.dump.selection = {"--schema-only", "--exclude-table=a b"};
  const Json json = Json::parse(format_manifest(m));
  CHECK(parse_manifest(json.dump()).dump.selection == m.dump.selection);
  for (const auto* path : {"/streams/0/format", "/streams/0/compression", "/kind"}) {
    CAPTURE(path);
    Json later = json;
    const Json::json_pointer pointer{std::string(path)};
    later[pointer] = "other";
    CHECK(fails_with(ErrorKind::failed, "this one does not know 'other' in the manifest",
                     [&] { return parse_manifest(later.dump()); }));
    later[pointer.parent_pointer()].erase(pointer.back());
    CHECK(is_corrupt(later));
  }
}

TEST_CASE("Roles and tablespaces have no database, and what may be sensitive is in one place") {
  Manifest m = sample();
  CHECK(Json::parse(format_manifest(m)).at("private").size() == 3);
  m.group = Group::globals();
  const Json json = Json::parse(format_manifest(m));
  CHECK_FALSE(json.contains("dump"));
  CHECK_FALSE(json.at("private").contains("database"));
  const Manifest read = parse_manifest(json.dump());
  CHECK(read.group == Group::globals());
  CHECK(read.streams.size() == 2);
  CHECK(json.at("kind") == "globals");
}

TEST_CASE("Streams of one name, or with other sums than their own, are damage") {
  const Json whole = Json::parse(format_manifest(sample()));
  Json same = whole;
  same["streams"][1]["name"] = "app";
  CHECK(is_corrupt(same));
  Json more = whole;
  more["private"]["uncompressed_sha256"]["third"] = std::string(64, 'a');
  CHECK(is_corrupt(more));
  Json less = whole;
  less["private"]["uncompressed_sha256"].erase("more");
  CHECK(is_corrupt(less));
}

TEST_CASE("Bytes that are not UTF-8 are replaced, the same way everywhere") {
  Manifest m = sample();
  m.group = db("a\xff");
  m.warnings = {"\xc3"};
  CHECK(parse_manifest(format_manifest(m)).group == db(as_utf8("a\xff")));
  CHECK(as_utf8("a\xff") == "a\xef\xbf\xbd");
  CHECK(as_utf8("\xc3\xa4 \"\n") == "\xc3\xa4 \"\n");
}

TEST_CASE("Every missing field is noticed and named") {
  const Json whole = Json::parse(format_manifest(sample()));
  for (const auto& [name, value] : whole.items()) {
    if (name == "next_due" || name == "locked_until" || name == "left_out") {
      continue;
    }
    CAPTURE(name);
    Json json = whole;
    json.erase(name);
    CHECK(is_corrupt(json));
    CHECK(fails_with(ErrorKind::corrupt, "the field '" + name + "' is missing",
                     [&] { return parse_manifest(json.dump()); }));
  }
  for (const auto* path :
       {"/streams/0/name", "/streams/0/objects", "/streams/0/uncompressed_bytes",
        "/streams/0/objects/0/name", "/streams/0/objects/1/bytes", "/streams/0/objects/1/sha256",
        "/dump/tables", "/dump/options", "/private/warnings", "/private/uncompressed_sha256",
        "/private/database", "/private/database/encoding", "/private/database/locale_provider",
        "/private/database/collate", "/private/database/ctype", "/private/database/locale",
        "/private/database/settings", "/left_out/0/database", "/left_out/0/reason"}) {
    CAPTURE(path);
    Json json = whole;
    const Json::json_pointer pointer{std::string(path)};
    json[pointer.parent_pointer()].erase(pointer.back());
    CHECK(is_corrupt(json));
  }
}

TEST_CASE("Every value of another type or out of range is noticed") {
  struct Row {
    const char* path;
    std::vector<Json> bad;
  };
  const std::string hex(63, 'a');
  const std::vector<Row> rows = {
      {"/format", {"1", nullptr, Json::array(), true, 1.0, 1.5, -1, 4294967297}},
      {"/group", {1, nullptr, Json::array()}},
      {"/id", {20261120, nullptr}},
      {"/kind", {1, nullptr}},
      {"/tool", {1, nullptr}},
      {"/started", {1795144500, "", "yesterday", "2026-11-20", nullptr}},
      {"/finished", {"2026-11-20T03:15:00", "2026-13-20T03:15:00Z"}},
      {"/next_due", {"soon", 1, nullptr}},
      {"/locked_until", {"soon", "", 1, nullptr, true}},
      {"/server_version", {"150018", nullptr, Json::array(), 1e30, -1, 150018.5, true, 4294967296}},
      {"/client_version", {"150018", nullptr, 1e30}},
      {"/system_identifier", {7123456789, nullptr}},
      {"/groups", {"a", 1, {{"a", 1}}, Json::array({1})}},
      {"/left_out", {"c", 1, nullptr, true, {{"database", "c"}}, Json::array({"c"})}},
      {"/left_out/0/database", {1, nullptr}},
      {"/left_out/0/reason", {1, nullptr, Json::array()}},
      {"/dump/tables", {"12", nullptr, -1, 0.5, 1e30, UINT64_MAX}},
      {"/dump", {Json::array(), "x", nullptr, 1}},
      {"/dump/options", {"x", 1, Json::array({1})}},
      {"/streams", {Json::array(), "app", nullptr, Json::array({"app"}), 1}},
      {"/streams/0/name", {1, nullptr, "other"}},
      {"/streams/0/uncompressed_bytes", {-1, 1.5, "17", nullptr}},
      {"/streams/0/objects",
       {Json::array(), "app.dump.zst", nullptr, Json::array({"app.dump.zst"})}},
      {"/streams/0/objects/0/bytes", {-1, 1.5, "17", nullptr, 1e30}},
      {"/streams/0/objects/0/sha256", {"", hex, hex + "A", hex + "g", hex + "aa", 1, nullptr}},
      {"/streams/0/objects/0/name", {"", 1, nullptr}},
      {"/private", {1, nullptr, Json::array()}},
      {"/private/uncompressed_sha256", {1, nullptr, Json::array(), hex}},
      {"/private/uncompressed_sha256/app", {"", hex, hex + "A", nullptr}},
      {"/private/warnings", {"w", 1, Json::array({1})}},
      {"/private/database", {"app", nullptr}},
      {"/private/database/settings", {"a=b", Json::array({1})}}};
  const Json whole = Json::parse(format_manifest(sample()));
  for (const Row& row : rows) {
    for (const Json& bad : row.bad) {
      CAPTURE(row.path, bad.dump());
      Json json = whole;
      json[Json::json_pointer{std::string(row.path)}] = bad;
      CHECK(is_corrupt(json));
    }
  }
}

TEST_CASE("An object's name cannot lead out of the backup's folder") {
  const Json whole = Json::parse(format_manifest(sample()));
  for (const auto* name : {"../app.dump.zst", "/etc/passwd", "a/b", "..", ".", ".hidden", "a/", "",
                           "./a", "app.dump.zst/.."}) {
    CAPTURE(name);
    Json json = whole;
    json["streams"][0]["objects"][0]["name"] = name;
    CHECK(is_corrupt(json));
  }
}

TEST_CASE("Text that is no manifest is refused, and one cut off anywhere") {
  for (const auto* text : {"", "{", "null", "[]", "\"x\"", "1", "{}", "<xml/>", "\xff"}) {
    CAPTURE(text);
    CHECK(is_corrupt(std::string(text)));
  }
  const std::string text = format_manifest(sample());
  for (size_t length = 0; length + 2 < text.size(); ++length) {
    CHECK(is_corrupt(text.substr(0, length)));
  }
}

TEST_CASE("What is said about a damaged manifest is one short line") {
  const std::string text = format_manifest(sample());
  for (const std::string& bad :
       {"{\x7f" + text, "{ \"" + std::string(5000, 'x'), text.substr(0, 30) + "\n\x01"}) {
    const auto error = error_of([&] { return parse_manifest(bad); });
    REQUIRE(error);
    CHECK(error->message().starts_with("the manifest is damaged: it is not valid JSON at byte "));
    CHECK(error->message().size() < 400);
    CHECK_FALSE(has_control_characters(error->message()));
  }
}

TEST_CASE("A format of the future is named as such") {
  Json json = Json::parse(format_manifest(sample()));
  json["format"] = 4;
  json["further"] = "x";
  const std::string newer = json.dump(1);
  const std::string deep = R"({"format": 4, "x": [[[[[[[[[[[[]]]]]]]]]]]]})";
  for (const std::string& text : {newer, newer.substr(0, newer.size() / 2), deep}) {
    CAPTURE(text);
    const auto error = error_of([&] { return parse_manifest(text); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::failed);
    CHECK(error->message() ==
          "it was written by a newer version: this one does not know manifest format 4");
    CHECK(error->hint() == "update pg-backup and pg-prune");
  }
  CHECK(fails_with(ErrorKind::failed, "format 4", [&] { return parse_lock(deep); }));
  CHECK(is_corrupt(std::string(R"({"x": 1, "format": 4, "y": )")));
  json["format"] = 2;
  json["tool"] = 1;
  CHECK(fails_with(ErrorKind::corrupt,
                   "the manifest is damaged: a field is of the wrong type or out of range",
                   [&] { return parse_manifest(json.dump()); }));
}

TEST_CASE("Versions of PostgreSQL are printed as it prints them") {
  CHECK(format_pg_version(150018) == "15.18");
  CHECK(format_pg_version(100000) == "10.0");
  CHECK(format_pg_version(90624) == "9.6.24");
  CHECK(major_version(150018) == 15);
  CHECK(major_version(100023) == 10);
  CHECK(major_version(90624) == 9);
}

TEST_CASE("A manifest that is large, deep or of many values is refused before it takes memory") {
  const std::string whole = format_manifest(sample());
  const auto with = [&](const std::string& value) {
    return whole.substr(0, whole.rfind('}')) + ",\"later\":" + value + "}";
  };
  const auto repeated = [](const std::string& text, size_t count) {
    std::string all;
    for (size_t i = 0; i < count; ++i) all += text;
    return all;
  };
  std::string keys = "{";
  for (int i = 0; i < 60'000; ++i) keys += fmt::format("\"{:x}\":0,", i);
  keys.back() = '}';
  CHECK(parse_manifest(with("[[[[[[[]]]]]]]")).id == sample().id);
  for (const std::string& value :
       {std::string("[[[[[[[[[]]]]]]]]]"), repeated("[", 1000) + repeated("]", 1000),
        repeated("[", 500'000), repeated("{\"a\":", 100'000), keys,
        "[" + repeated("0,", 200'000) + "0]", "[" + repeated("[],", 200'000) + "0]"}) {
    CAPTURE(value.substr(0, 20));
    for (const std::string& text : {with(value), value}) {
      CHECK(is_corrupt(text));
      CHECK(fails_with(ErrorKind::corrupt,
                       "the manifest is damaged: ", [&] { return parse_lock(text); }));
    }
  }
  CHECK(is_corrupt(whole + std::string(kMaxManifestBytes, ' ')));
}

TEST_CASE("Warnings are bounded where they are written and where they are read") {
  Manifest m = sample();
  m.warnings.assign(kMostWarnings, "w");
  CHECK(parse_manifest(format_manifest(m)).warnings == m.warnings);
  m.warnings.resize(450, "w");
  const Manifest read = parse_manifest(format_manifest(m));
  CHECK(read.warnings.size() == kMostWarnings);
  CHECK(read.warnings.back() == "and 351 more warnings");
  CHECK(parse_manifest(format_manifest(read)).warnings == read.warnings);

  Json json = Json::parse(format_manifest(sample()));
  json["private"]["warnings"] = std::vector<std::string>(5000, "w");
  CHECK(parse_manifest(json.dump()).warnings.size() == kMostWarnings);

  m.warnings = {std::string(kMaxWarningBytes - 4, 'x') + "\xc3\xa4" + std::string(500'000, 'y')};
  CHECK(parse_manifest(format_manifest(m)).warnings.at(0) ==
        std::string(kMaxWarningBytes - 4, 'x') + "...");
}

TEST_CASE("A manifest that nothing would read is not written") {
  Manifest m = sample();
  m.groups.assign(20'000, db(std::string(63, 'd')));
  CHECK(fails_with(ErrorKind::failed, "larger than 1 MiB", [&] { return format_manifest(m); }));
}

TEST_CASE("What a database held survives, and older manifests go without") {
  Manifest m = sample();
  CHECK_FALSE(parse_manifest(format_manifest(m)).dump.contents);
  m.dump.contents = {.tables = 3,
                     .sequences = 1,
                     .large_objects = 2,
                     .extensions = {{"hstore", "public"}},
                     .roles = {"a\"b"},
                     .rows = {{"public", "item", 7}, {"public", "other", 0}, {"x", "item", 1}},
                     .further_tables = 2,
                     .further_rows = UINT64_MAX};
  CHECK(parse_manifest(format_manifest(m)).dump.contents == m.dump.contents);
  // The largest that there may be.
  for (size_t i = m.dump.contents->rows.size(); i < kMostCountedTables; ++i) {
    m.dump.contents->rows.push_back({"schema", fmt::format("table{:0120}", i), UINT64_MAX});
  }
  CHECK(parse_manifest(format_manifest(m)).dump.contents->rows.size() == kMostCountedTables);
  const Json good = Json::parse(format_manifest(sample()));
  for (
      const char* const bad :
      {"1", "{}",
       R"({"tables":-1,"sequences":0,"large_objects":0,"extensions":{},"roles":[],"rows":{}})",
       R"({"tables":1,"sequences":0,"large_objects":0,"extensions":[],"roles":{},"rows":{}})",
       R"({"tables":1,"sequences":0,"large_objects":0,"extensions":{},"roles":[],"rows":{"a":{"b":"c"}}})",
       R"({"tables":1,"sequences":0,"large_objects":0,"extensions":{"x":1},"roles":[],"rows":{}})",
       R"({"tables":1,"sequences":0,"large_objects":0,"extensions":{},"roles":[1],"rows":{}})"}) {
    CAPTURE(bad);
    Json json = good;
    json["private"]["contents"] = Json::parse(bad);
    CHECK(is_corrupt(json));
  }
}

}  // namespace
}  // namespace pgbackup
