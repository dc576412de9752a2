#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/catalog/manifest.h"
#include "tests/support/error_of.h"
#include "tests/support/manifests.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Json = nlohmann::ordered_json;

Manifest sample() {
  return make_base_manifest("20261120T031500Z-9f3a1c2b",
                            {.start = *parse_lsn("1/A000028"),
                             .end = *parse_lsn("2/100"),
                             .timeline = 3,
                             .segment_bytes = kMostSegmentBytes,
                             .from_standby = true,
                             .clock_ahead = std::chrono::hours(-1),
                             .tablespaces = {{16384, "/srv/fast \"1\"", uint64_t{1} << 40U},
                                             {4294967295U, "/srv/\xc3\xa4", 0}}});
}

bool is_corrupt(const Json& json) {
  const auto error = error_of([&] { return parse_manifest(json.dump()); });
  return error && error->kind() == ErrorKind::corrupt;
}

TEST_CASE("The facts of a base backup survive the text form of its manifest") {
  const std::string text = format_manifest(sample());
  const Manifest m = parse_manifest(text);
  CHECK(m.group == Group::cluster());
  CHECK(m.groups == std::vector<Group>{Group::cluster()});
  CHECK(m.client_version == 0);
  CHECK(m.system_identifier == "7");
  CHECK(format_lsn(m.cluster.start) == "1/A000028");
  CHECK(format_lsn(m.cluster.end) == "2/100");
  CHECK(m.cluster.timeline == 3);
  CHECK(m.cluster.segment_bytes == kMostSegmentBytes);
  CHECK(m.cluster.from_standby);
  CHECK(m.cluster.clock_ahead == std::chrono::hours(-1));
  REQUIRE(m.cluster.tablespaces.size() == 2);
  CHECK(m.cluster.tablespaces[0].oid == 16384);
  CHECK(m.cluster.tablespaces[0].location == "/srv/fast \"1\"");
  CHECK(m.cluster.tablespaces[0].bytes == uint64_t{1} << 40U);
  CHECK(m.cluster.tablespaces[1].oid == UINT32_MAX);
  REQUIRE(m.streams.size() == 2);
  CHECK(m.streams[0].format == StreamFormat::tar);
  CHECK(m.streams[0].objects[0].name == "base.tar.zst");
  CHECK(m.streams[1].format == StreamFormat::manifest);
  CHECK(m.streams[1].objects[0].name == "backup_manifest.zst");
  CHECK(format_manifest(m) == text);
}

TEST_CASE(
    "A base backup's manifest names no client, and says where its files lay only in private") {
  const Json json = Json::parse(format_manifest(sample()));
  CHECK(json.at("kind") == "cluster");
  CHECK_FALSE(json.contains("client_version"));
  CHECK_FALSE(json.contains("dump"));
  CHECK_FALSE(json.at("private").contains("database"));
  CHECK(json.at("cluster").dump() ==
        R"({"start":"1/A000028","end":"2/100","timeline":3,"segment_bytes":1073741824,)"
        R"("from_standby":true,"clock_ahead_seconds":-3600})");
  CHECK(json.at("private").at("tablespaces").at(0).at("location") == "/srv/fast \"1\"");
}

TEST_CASE("Other kinds of backups have no facts of a base backup") {
  const Json json = Json::parse(format_manifest(make_manifest(db("app"), "id")));
  CHECK_FALSE(json.contains("cluster"));
  CHECK_FALSE(json.at("private").contains("tablespaces"));
  CHECK(json.contains("client_version"));
}

TEST_CASE("A position is read as any server prints it") {
  Json json = Json::parse(format_manifest(sample()));
  json["cluster"]["start"] = "1/0A000028";
  CHECK(parse_manifest(json.dump()).cluster.start == sample().cluster.start);
  json["cluster"]["end"] = "1/A000028";  // nothing was written meanwhile
  CHECK(parse_manifest(json.dump()).cluster.end == sample().cluster.start);
}

TEST_CASE("Every fact of a base backup that is missing is noticed") {
  const Json whole = Json::parse(format_manifest(sample()));
  for (const auto* path :
       {"/cluster", "/cluster/start", "/cluster/end", "/cluster/timeline", "/cluster/segment_bytes",
        "/cluster/from_standby", "/private/tablespaces", "/private/tablespaces/0/oid",
        "/private/tablespaces/0/location", "/private/tablespaces/1/bytes", "/system_identifier"}) {
    CAPTURE(path);
    Json json = whole;
    const Json::json_pointer pointer{std::string(path)};
    json[pointer.parent_pointer()].erase(pointer.back());
    CHECK(is_corrupt(json));
  }
}

TEST_CASE("Every fact of a base backup of another type or out of range is noticed") {
  struct Row {
    const char* path;
    std::vector<Json> bad;
  };
  const std::vector<Row> rows = {
      {"/cluster", {1, nullptr, "x", Json::array()}},
      {"/cluster/start",
       {"", "0", "0/", "/0", "0/100000000", "0/-1", "0/4000028 ", "x/1", "2/101", 67108904, nullptr,
        "0/1\n"}},
      {"/cluster/end", {"", "1/A000027", "0/0", "2/g", 1, nullptr, Json::array()}},
      {"/cluster/timeline", {0, -1, 1.5, "1", nullptr, 4294967296U, true}},
      {"/cluster/segment_bytes",
       {0, 1, 16777215, 524288, 3145728, 2147483648U, UINT64_MAX, -16777216, "16777216", nullptr,
        1e7}},
      {"/cluster/from_standby", {0, 1, "true", nullptr}},
      {"/cluster/clock_ahead_seconds",
       {"1", nullptr, 1.5, true, UINT64_MAX, INT64_MAX, INT64_MIN, 6'400'000'000}},
      {"/system_identifier", {"", "0", "07", "-7", "7 ", "x", "18446744073709551616", 7}},
      {"/groups", {"_cluster", 1}},
      {"/private/tablespaces", {1, nullptr, "x", {{"oid", 1}}, Json::array({1})}},
      {"/private/tablespaces/0/oid", {0, -1, "1", 4294967296U, 1.5, nullptr, 4294967295U}},
      {"/private/tablespaces/0/location",
       {"", "srv", "../x", "C:/x", std::string("/a\0b", 4), 1, nullptr}},
      {"/private/tablespaces/0/bytes", {-1, "1", nullptr, 1.5}}};
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

TEST_CASE("A stream is of its backup's kind") {
  const Json base = Json::parse(format_manifest(sample()));
  const Json dump = Json::parse(format_manifest(make_manifest(db("app"), "id")));
  const Json globals = Json::parse(format_manifest(make_manifest(Group::globals(), "id")));
  for (const auto* format : {"custom", "plain"}) {
    CAPTURE(format);
    Json json = base;
    json["streams"][1]["format"] = format;
    CHECK(is_corrupt(json));
  }
  for (const auto* format : {"tar", "manifest"}) {
    for (const Json& whole : {dump, globals}) {
      CAPTURE(format, whole.at("kind"));
      Json json = whole;
      json["streams"][0]["format"] = format;
      CHECK(is_corrupt(json));
    }
  }
}

TEST_CASE("Format 1 has no base backups") {
  Json json = Json::parse(format_manifest(sample()));
  json["format"] = 1;
  json["databases"] = Json::array({"_cluster"});
  CHECK(is_corrupt(json));
}

TEST_CASE("The manifest of a base backup is bounded, whatever it lists") {
  Json json = Json::parse(format_manifest(sample()));
  for (int i = 1; i < 4000; ++i) {
    json["private"]["tablespaces"].push_back({{"oid", i}, {"location", "/"}, {"bytes", 0}});
  }
  CHECK(fails_with(ErrorKind::corrupt, "it holds too many values",
                   [&] { return parse_manifest(json.dump()); }));
}

}  // namespace
}  // namespace pgbackup
