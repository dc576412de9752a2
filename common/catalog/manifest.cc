#include "common/catalog/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/text.h"
#include "common/catalog/manifest_facts.h"
#include "common/catalog/manifest_private.h"

namespace pgbackup {
namespace {

using Json = ManifestJson;

constexpr int kFirstFormat = 1;
constexpr int kPlainFormat = 2;
constexpr int kSealedFormat = 3;
/// PostgreSQL's major version is one number since this version.
constexpr int kFirstOneNumberVersion = 100000;

/// Throws for a manifest that this version does not understand. Its backup may be good, so no
/// message may suggest to delete it.
[[noreturn]] void throw_newer(const std::string& what) {
  throw Error(ErrorKind::failed,
              fmt::format("it was written by a newer version: this one does not know {}", what),
              "update pg-backup and pg-prune");
}

/// Limits that no manifest of ours reaches. JSON from a store is not trusted: without limits a
/// megabyte of brackets takes many times as much memory, and one of keys a long time.
constexpr int kMostDepth = 8;
constexpr int kMostKeys = 10'000;
constexpr int kMostValues = 100'000;

/// Throws Json::exception, and `corrupt` when `text` exceeds the limits.
Json parse_json(std::string_view text) {
  if (text.size() > kMaxManifestBytes) throw_damaged("it is larger than 1 MiB");
  int keys = 0;
  int values = 0;
  return Json::parse(text, [&](int depth, Json::parse_event_t event, const Json&) {
    if (depth > kMostDepth) throw_damaged("it is nested too deeply");
    if (event == Json::parse_event_t::key) ++keys;
    if (event != Json::parse_event_t::key) ++values;
    if (keys > kMostKeys || values > kMostValues) throw_damaged("it holds too many values");
    return true;
  });
}

/// Returns the format that `text` states first, as our manifests do, whatever follows; 0: none.
int stated_format(std::string_view text) {
  const auto take = [&](std::string_view word) {
    text.remove_prefix(std::min(text.find_first_not_of(kWhitespace), text.size()));
    if (!text.starts_with(word)) return false;
    text.remove_prefix(word.size());
    return true;
  };
  int format = 0;
  if (!take("{") || !take("\"format\"") || !take(":") || !take("")) return 0;
  std::from_chars(text.data(), text.data() + text.size(), format);
  return format;
}

/// Says in our words what the JSON library complains of, with the field where its `text` names one.
/// https://json.nlohmann.me/home/exceptions/
std::string complaint_of(std::string_view text) {
  constexpr std::string_view kBefore = "key '";
  const size_t begin = text.find(kBefore);
  const size_t end = text.rfind("' not found");
  if (begin == std::string_view::npos || end == std::string_view::npos) {
    return "a field is of the wrong type or out of range";
  }
  const std::string_view behind = text.substr(begin + kBefore.size());
  return fmt::format("the field '{}' is missing", behind.substr(0, end - begin - kBefore.size()));
}

/// Returns the result of `parse`. A manifest of a newer version may exceed our limits, and is not
/// damaged for that.
template <class Parse>
auto understand(std::string_view text, const Parse& parse) {
  try {
    try {
      return parse();
    } catch (const Json::parse_error& error) {
      throw_damaged(fmt::format("it is not valid JSON at byte {}", error.byte));
    } catch (const Json::exception& error) {
      throw_damaged(complaint_of(error.what()));
    }
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::corrupt) refuse_newer(text);
    throw;
  }
}

UtcTime parse_time(const Json& value, const char* name) {
  const std::optional<UtcTime> time = parse_iso(value.get<std::string>());
  if (!time) throw_damaged(fmt::format("{} is not a time", name));
  return *time;
}

ManifestObject parse_object(const Json& value) {
  ManifestObject object{value.at("name").get<std::string>(),
                        parse_whole<uint64_t>(value.at("bytes"), "a size"),
                        parse_sha256(value.at("sha256"))};
  // The name is appended to a directory and must not lead out of it.
  if (object.name.empty() || object.name[0] == '.' || object.name.find('/') != std::string::npos) {
    throw_damaged("an object's name is not a file name");
  }
  return object;
}

constexpr std::array<const char*, 4> kFormats = {"custom", "plain", "tar", "manifest"};

StreamFormat parse_format(const Json& value) {
  const auto name = value.get<std::string>();
  const auto found = std::find(kFormats.begin(), kFormats.end(), name);
  if (found == kFormats.end()) throw_newer(fmt::format("'{}' in the manifest", printable(name)));
  return static_cast<StreamFormat>(found - kFormats.begin());
}

bool is_of_cluster(StreamFormat format) {
  switch (format) {
    case StreamFormat::custom:
    case StreamFormat::plain:
      return false;
    case StreamFormat::tar:
    case StreamFormat::manifest:
      return true;
  }
  return false;
}

/// Returns the group of a manifest. Its name and the kind of the backup must agree.
Group parse_own_group(const Json& json) {
  const auto name = json.at("group").get<std::string>();
  const auto kind = json.at("kind").get<std::string>();
  if (kind == kind_name(GroupKind::database)) return Group::database(name);
  for (const Group& group : {Group::globals(), Group::cluster()}) {
    if (kind != kind_name(group.kind())) continue;
    if (name != group.name()) throw Error(ErrorKind::corrupt, "its kind is " + kind);
    return group;
  }
  throw_newer(fmt::format("'{}' in the manifest", printable(kind)));
}

Json left_out_json(const std::vector<LeftOut>& left_out) {
  Json list = Json::array();
  for (const LeftOut& item : left_out) {
    list.push_back({{"database", item.database}, {"reason", item.reason}});
  }
  return list;
}

std::vector<LeftOut> parse_left_out(const Json& value) {
  if (!value.is_array()) throw_damaged("left_out is not a list");
  std::vector<LeftOut> left_out;
  for (const Json& item : value) {
    left_out.push_back(
        {item.at("database").get<std::string>(), item.at("reason").get<std::string>()});
  }
  return left_out;
}

ManifestStream parse_stream_core(const Json& dump, const Json& objects) {
  ManifestStream stream;
  stream.format = parse_format(dump.at("format"));
  const auto packing = dump.at("compression").get<std::string>();
  const std::optional<Compression> compression = parse_compression(packing);
  if (!compression) throw_newer(fmt::format("'{}' in the manifest", printable(packing)));
  stream.packing.compression = *compression;
  const auto cipher = dump.value("encryption", std::string(encryption_name(Encryption::none)));
  const std::optional<Encryption> encryption = parse_encryption(cipher);
  if (!encryption) throw_newer(fmt::format("'{}' in the manifest", printable(cipher)));
  stream.packing.encryption = *encryption;
  for (const Json& object : objects) stream.objects.push_back(parse_object(object));
  if (stream.objects.empty()) throw_damaged("it lists no object");
  return stream;
}

/// Fills the fields that format 1 writes in its own way: there was one stream, and every kind had
/// all facts.
void parse_first_format(const Json& json, Manifest& m) {
  // Manifests without `dump` are from the time when there was one form of dump.
  const Json oldest = {{"format", "custom"}, {"compression", "zstd"}};
  m.groups = parse_groups(json.at("databases").get<std::vector<std::string>>());
  const Json& dump = json.contains("dump") ? json.at("dump") : oldest;
  ManifestStream stream = parse_stream_core(dump, json.at("objects"));
  stream.name = dump_stream_name(m.group);
  stream.uncompressed_bytes = parse_whole<uint64_t>(json.at("plain").at("bytes"), "a size");
  stream.uncompressed_sha256 = parse_sha256(json.at("plain").at("sha256"));
  m.streams.push_back(std::move(stream));
  m.dump.tables = parse_whole<int64_t>(json.at("tables"), "tables");
  if (dump.contains("options")) {
    m.dump.selection = dump.at("options").get<std::vector<std::string>>();
  }
  m.dump.database = parse_database(json.at("database"));
  m.warnings = parse_warnings(json.at("warnings"));
}

ManifestStream parse_stream(const Json& json) {
  ManifestStream stream = parse_stream_core(json, json.at("objects"));
  stream.name = json.at("name").get<std::string>();
  stream.uncompressed_bytes = parse_whole<uint64_t>(json.at("uncompressed_bytes"), "a size");
  return stream;
}

/// Fills what only this kind of backup has.
void parse_facts(const Json& json, Manifest& m) {
  if (is_of_database(m.group.kind())) {
    m.dump.tables = parse_whole<int64_t>(json.at("dump").at("tables"), "tables");
    m.dump.selection = json.at("dump").at("options").get<std::vector<std::string>>();
  }
  if (m.group.kind() != GroupKind::cluster) return;
  m.cluster = parse_cluster(json.at("cluster"));
  // The write-ahead log that the backup needs is found by it.
  if (!is_system_id(m.system_identifier)) throw_damaged("it does not say which server it is of");
}

std::vector<std::string> parse_recipients(const Json& value) {
  auto recipients = value.get<std::vector<std::string>>();
  for (const std::string& recipient : recipients) {
    const bool is_line = std::all_of(recipient.begin(), recipient.end(),
                                     [](char c) { return c >= ' ' && c <= '~'; });
    if (recipient.empty() || !is_line) throw_damaged("a recipient is not a line of text");
  }
  if (recipients.empty()) throw_damaged("it is encrypted for nobody");
  return recipients;
}

/// Fills in what format 3 has in the place of the private part.
void parse_sealed(const Json& json, Manifest& m) {
  m.is_private_known = false;
  m.sealed_warnings = parse_whole<uint64_t>(json.at("warnings"), "the number of warnings");
  if (json.contains("age")) m.age_version = json.at("age").get<std::string>();
  m.recipients = parse_recipients(json.at("recipients"));
  m.sealed = parse_object(json.at("sealed"));
  if (m.sealed->bytes > kMaxSmallObject) throw_damaged("its private part is larger than 1 MiB");
}

/// Fills the fields that formats 2 and 3 write in their own way.
void parse_streams(const Json& json, Manifest& m) {
  m.groups = parse_groups(json.at("groups").get<std::vector<std::string>>());
  for (const Json& stream : json.at("streams")) m.streams.push_back(parse_stream(stream));
  if (m.streams.empty()) throw_damaged("it lists no stream");
  std::set<std::string_view> names;
  for (const ManifestStream& stream : m.streams) names.insert(stream.name);
  if (names.size() != m.streams.size()) throw_damaged("two of its streams have one name");
  parse_facts(json, m);
}

Manifest from_json(const Json& json) {
  const int format = parse_whole<int>(json.at("format"), "format");
  if (format < kFirstFormat) throw_damaged("format is less than 1");
  if (format > kSealedFormat) throw_newer(fmt::format("manifest format {}", format));
  Manifest m;
  m.group = parse_own_group(json);
  m.id = json.at("id").get<std::string>();
  m.started = parse_time(json.at("started"), "started");
  m.finished = parse_time(json.at("finished"), "finished");
  m.tool = json.at("tool").get<std::string>();
  m.server_version = parse_whole<int>(json.at("server_version"), "server_version");
  const bool is_cluster = m.group.kind() == GroupKind::cluster;
  if (!is_cluster) {
    m.client_version = parse_whole<int>(json.at("client_version"), "client_version");
  }
  m.system_identifier = json.at("system_identifier").get<std::string>();
  if (json.contains("left_out")) m.left_out = parse_left_out(json.at("left_out"));
  if (json.contains("next_due")) m.next_due = parse_time(json.at("next_due"), "next_due");
  if (json.contains("locked_until")) {
    m.locked_until = parse_time(json.at("locked_until"), "locked_until");
  }
  if (is_cluster && format == kFirstFormat) throw_damaged("format 1 has no base backups");
  format == kFirstFormat ? parse_first_format(json, m) : parse_streams(json, m);
  if (format == kPlainFormat) parse_private_fields(json.at("private"), m);
  if (format == kSealedFormat) parse_sealed(json, m);
  for (const ManifestStream& stream : m.streams) {
    if (is_of_cluster(stream.format) != is_cluster) {
      throw_damaged("a stream is not of the backup's kind");
    }
    if ((stream.packing.encryption != Encryption::none) != m.sealed.has_value()) {
      throw_damaged("its streams and its private part are not encrypted alike");
    }
  }
  return m;
}

Json object_json(const ManifestObject& object) {
  return {{"name", object.name}, {"bytes", object.bytes}, {"sha256", object.sha256}};
}

Json stream_json(const ManifestStream& stream) {
  Json json = {{"name", stream.name},
               {"format", kFormats.at(static_cast<size_t>(stream.format))},
               {"compression", compression_name(stream.packing.compression)}};
  if (stream.packing.encryption != Encryption::none) {
    json["encryption"] = encryption_name(stream.packing.encryption);
  }
  json["uncompressed_bytes"] = stream.uncompressed_bytes;
  json["objects"] = Json::array();
  for (const ManifestObject& object : stream.objects) {
    json["objects"].push_back(object_json(object));
  }
  return json;
}

/// Adds the private part, or what stands in its place.
void add_private(const Manifest& m, Json& json) {
  if (!m.sealed) {
    json["private"] = private_json(m);
    return;
  }
  json["warnings"] = m.is_private_known ? bounded_warnings(m.warnings).size() : m.sealed_warnings;
  if (!m.age_version.empty()) json["age"] = m.age_version;
  json["recipients"] = m.recipients;
  json["sealed"] = object_json(*m.sealed);
}

/// Returns indented JSON. Warnings of pg_dump and names of databases need not be UTF-8.
std::string text_of(const Json& json) {
  std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (text.size() > kMaxManifestBytes) {
    throw Error(
        ErrorKind::failed, "its manifest would be larger than 1 MiB, the most that can be read",
        "divide the databases of the run among several pg-backup, each with its own DATABASES");
  }
  return text;
}

}  // namespace

void refuse_newer(std::string_view start) {
  const int format = stated_format(start);
  if (format > kSealedFormat) throw_newer(fmt::format("manifest format {}", format));
}

std::string_view stream_format_name(StreamFormat format) {
  return kFormats.at(static_cast<size_t>(format));
}

bool Manifest::is_encrypted() const {
  return !streams.empty() && streams.front().packing.encryption != Encryption::none;
}

std::vector<const ManifestObject*> Manifest::objects() const {
  std::vector<const ManifestObject*> all;
  for (const ManifestStream& stream : streams) {
    for (const ManifestObject& object : stream.objects) all.push_back(&object);
  }
  if (sealed) all.push_back(&*sealed);
  return all;
}

uint64_t Manifest::stored_bytes() const {
  uint64_t total = 0;
  for (const ManifestStream& stream : streams) {
    for (const ManifestObject& object : stream.objects) total += object.bytes;
  }
  return total;
}

uint64_t Manifest::uncompressed_bytes() const {
  uint64_t total = 0;
  for (const ManifestStream& stream : streams) total += stream.uncompressed_bytes;
  return total;
}

std::string format_manifest(const Manifest& m) {
  Json json = {{"format", m.sealed ? kSealedFormat : kPlainFormat},
               {"group", m.group.name()},
               {"kind", kind_name(m.group.kind())},
               {"id", m.id},
               {"started", format_iso(m.started)},
               {"finished", format_iso(m.finished)},
               {"tool", m.tool},
               {"server_version", m.server_version}};
  const bool is_cluster = m.group.kind() == GroupKind::cluster;
  if (!is_cluster) json["client_version"] = m.client_version;
  json["system_identifier"] = m.system_identifier;
  json["groups"] = names_of(m.groups);
  json["streams"] = Json::array();
  for (const ManifestStream& stream : m.streams) json["streams"].push_back(stream_json(stream));
  if (is_of_database(m.group.kind())) {
    json["dump"] = {{"tables", m.dump.tables},
                    {"options", m.sealed ? without_values(m.dump.selection) : m.dump.selection}};
  }
  if (is_cluster) json["cluster"] = cluster_json(m.cluster);
  if (!m.left_out.empty()) json["left_out"] = left_out_json(m.left_out);
  if (m.next_due) json["next_due"] = format_iso(*m.next_due);
  if (m.locked_until) json["locked_until"] = format_iso(*m.locked_until);
  add_private(m, json);
  return text_of(json);
}

std::string format_private(const Manifest& m) { return text_of(private_json(m)); }

void parse_private(std::string_view text, Manifest& m) {
  understand(text, [&] { parse_private_fields(parse_json(text), m); });
  m.is_private_known = true;
}

Manifest parse_manifest(std::string_view text) {
  return understand(text, [&] { return from_json(parse_json(text)); });
}

std::optional<UtcTime> parse_lock(std::string_view text) {
  return understand(text, [&]() -> std::optional<UtcTime> {
    const Json json = parse_json(text);
    if (!json.is_object()) throw_damaged("it is not an object");
    if (!json.contains("locked_until")) {
      refuse_newer(text);  // a newer version may have put it elsewhere
      return std::nullopt;
    }
    return parse_time(json.at("locked_until"), "locked_until");
  });
}

std::string format_pg_version(int version_num) {
  if (version_num >= kFirstOneNumberVersion) {
    return fmt::format("{}.{}", version_num / 10000, version_num % 10000);
  }
  return fmt::format("{}.{}.{}", version_num / 10000, version_num / 100 % 100, version_num % 100);
}

int major_version(int version_num) { return version_num / 10000; }

}  // namespace pgbackup
