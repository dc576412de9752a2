#include "common/catalog/manifest_facts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

/// Fills `database` with what newer manifests hold.
void parse_further(const ManifestJson& value, DatabaseProperties& database) {
  database.icu_rules = value.value("icu_rules", "");
  database.owner = value.value("owner", "");
  database.comment = value.value("comment", "");
  database.tablespace = value.value("tablespace", "");
  database.is_template = value.value("is_template", false);
  if (value.contains("connection_limit")) {
    database.connection_limit = parse_whole<int>(value.at("connection_limit"), "connection_limit");
  }
  if (value.contains("grants")) {
    std::vector<DatabaseGrant>& grants = database.grants.emplace();
    for (const ManifestJson& grant : value.at("grants")) {
      grants.push_back({grant.at("role").get<std::string>(),
                        grant.at("privilege").get<std::string>(),
                        grant.at("is_grantable").get<bool>()});
    }
  }
  if (!value.contains("role_settings")) return;
  for (const ManifestJson& setting : value.at("role_settings")) {
    database.role_settings.push_back(
        {setting.at("role").get<std::string>(), setting.at("setting").get<std::string>()});
  }
}

Lsn parse_position(const ManifestJson& value, const char* name) {
  const std::optional<Lsn> lsn = parse_lsn(value.get<std::string>());
  if (!lsn) throw_damaged(std::string(name) + " is not a position in the write-ahead log");
  return *lsn;
}

TablespaceFacts parse_tablespace(const ManifestJson& value) {
  TablespaceFacts tablespace{
      .oid = parse_whole<uint32_t>(value.at("oid"), "the oid of a tablespace"),
      .location = value.at("location").get<std::string>(),
      .bytes = parse_whole<uint64_t>(value.at("bytes"), "the size of a tablespace")};
  if (tablespace.oid == 0) throw_damaged("the oid of a tablespace is 0");
  const std::string& location = tablespace.location;
  if (!location.starts_with('/') || location.find('\0') != std::string::npos) {
    throw_damaged("the location of a tablespace is not an absolute path");
  }
  return tablespace;
}

std::chrono::seconds parse_clock_ahead(const ManifestJson& cluster) {
  constexpr std::chrono::seconds kMost = std::chrono::years(200);
  const auto found = cluster.find("clock_ahead_seconds");
  if (found == cluster.end()) return std::chrono::seconds(0);
  const bool is_whole =
      found->is_number_integer() &&
      (!found->is_number_unsigned() || std::in_range<int64_t>(found->get<uint64_t>()));
  const int64_t count = is_whole ? found->get<int64_t>() : INT64_MAX;
  if (count > kMost.count() || count < -kMost.count()) {
    throw_damaged("clock_ahead_seconds is not a difference of clocks");
  }
  return std::chrono::seconds(count);
}

}  // namespace

void throw_damaged(const std::string& what) {
  throw Error(ErrorKind::corrupt, "the manifest is damaged: " + short_line(what));
}

std::string parse_sha256(const ManifestJson& value) {
  std::string text = value.get<std::string>();
  const bool hex = std::all_of(text.begin(), text.end(),
                               [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
  if (text.size() != 64 || !hex) throw_damaged("a sha256 is not 64 hexadecimal digits");
  return text;
}

ManifestJson database_json(const DatabaseProperties& database) {
  ManifestJson json = {
      {"encoding", database.encoding}, {"locale_provider", database.locale_provider},
      {"collate", database.collate},   {"ctype", database.ctype},
      {"locale", database.locale},     {"settings", database.settings}};
  const auto add_text = [&](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = text;
  };
  add_text("icu_rules", database.icu_rules);
  add_text("owner", database.owner);
  add_text("comment", database.comment);
  add_text("tablespace", database.tablespace);
  if (database.connection_limit >= 0) json["connection_limit"] = database.connection_limit;
  if (database.is_template) json["is_template"] = true;
  if (database.grants) {
    json["grants"] = ManifestJson::array();
    for (const DatabaseGrant& grant : *database.grants) {
      json["grants"].push_back({{"role", grant.role},
                                {"privilege", grant.privilege},
                                {"is_grantable", grant.is_grantable}});
    }
  }
  for (const RoleSetting& setting : database.role_settings) {
    json["role_settings"].push_back({{"role", setting.role}, {"setting", setting.setting}});
  }
  return json;
}

DatabaseProperties parse_database(const ManifestJson& value) {
  DatabaseProperties database{.encoding = value.at("encoding").get<std::string>(),
                              .locale_provider = value.at("locale_provider").get<std::string>(),
                              .collate = value.at("collate").get<std::string>(),
                              .ctype = value.at("ctype").get<std::string>(),
                              .locale = value.at("locale").get<std::string>(),
                              .settings = value.at("settings").get<std::vector<std::string>>()};
  parse_further(value, database);
  return database;
}

ManifestJson contents_json(const DumpContents& contents) {
  ManifestJson json = {{"tables", contents.tables},
                       {"sequences", contents.sequences},
                       {"large_objects", contents.large_objects},
                       {"extensions", ManifestJson::object()},
                       {"roles", contents.roles},
                       {"rows", ManifestJson::object()}};
  for (const auto& [name, schema] : contents.extensions) json["extensions"][name] = schema;
  for (const TableRows& one : contents.rows) json["rows"][one.schema][one.table] = one.rows;
  if (contents.further_tables > 0) {
    json["further"] = {{"tables", contents.further_tables}, {"rows", contents.further_rows}};
  }
  return json;
}

DumpContents parse_contents(const ManifestJson& value) {
  DumpContents contents{
      .tables = parse_whole<uint64_t>(value.at("tables"), "the number of tables"),
      .sequences = parse_whole<uint64_t>(value.at("sequences"), "the number of sequences"),
      .large_objects =
          parse_whole<uint64_t>(value.at("large_objects"), "the number of large objects"),
      .roles = value.at("roles").get<std::vector<std::string>>()};
  for (const auto& [name, schema] : value.at("extensions").items()) {
    contents.extensions.push_back({name, schema.get<std::string>()});
  }
  std::sort(contents.extensions.begin(), contents.extensions.end());
  for (const auto& [schema, tables] : value.at("rows").items()) {
    for (const auto& [table, rows] : tables.items()) {
      contents.rows.push_back({schema, table, parse_whole<uint64_t>(rows, "a number of rows")});
    }
  }
  std::sort(contents.rows.begin(), contents.rows.end());
  if (!value.contains("further")) return contents;
  const ManifestJson& further = value.at("further");
  contents.further_tables = parse_whole<uint64_t>(further.at("tables"), "the number of tables");
  contents.further_rows = parse_whole<uint64_t>(further.at("rows"), "a number of rows");
  return contents;
}

ManifestJson cluster_json(const ClusterFacts& cluster) {
  ManifestJson json = {{"start", format_lsn(cluster.start)},
                       {"end", format_lsn(cluster.end)},
                       {"timeline", cluster.timeline},
                       {"segment_bytes", cluster.segment_bytes},
                       {"from_standby", cluster.from_standby}};
  if (cluster.clock_ahead.count() != 0) {
    json["clock_ahead_seconds"] = cluster.clock_ahead.count();
  }
  return json;
}

ManifestJson tablespaces_json(const std::vector<TablespaceFacts>& tablespaces) {
  ManifestJson list = ManifestJson::array();
  for (const TablespaceFacts& tablespace : tablespaces) {
    list.push_back(
        {{"oid", tablespace.oid}, {"location", tablespace.location}, {"bytes", tablespace.bytes}});
  }
  return list;
}

std::vector<TablespaceFacts> parse_tablespaces(const ManifestJson& value) {
  if (!value.is_array()) throw_damaged("tablespaces is not a list");
  std::vector<TablespaceFacts> tablespaces;
  std::set<uint32_t> oids;
  for (const ManifestJson& item : value) {
    tablespaces.push_back(parse_tablespace(item));
    if (!oids.insert(tablespaces.back().oid).second) throw_damaged("a tablespace is listed twice");
  }
  return tablespaces;
}

ClusterFacts parse_cluster(const ManifestJson& cluster) {
  ClusterFacts facts{
      .start = parse_position(cluster.at("start"), "start"),
      .end = parse_position(cluster.at("end"), "end"),
      .timeline = parse_whole<Timeline>(cluster.at("timeline"), "timeline"),
      .segment_bytes = parse_whole<uint64_t>(cluster.at("segment_bytes"), "segment_bytes"),
      .from_standby = cluster.at("from_standby").get<bool>(),
      .clock_ahead = parse_clock_ahead(cluster)};
  if (facts.end < facts.start) throw_damaged("end lies before start");
  if (facts.timeline == 0) throw_damaged("timeline is 0");
  if (!is_segment_size(facts.segment_bytes)) throw_damaged("segment_bytes is no size of segments");
  return facts;
}

}  // namespace pgbackup
