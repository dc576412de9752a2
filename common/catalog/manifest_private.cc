#include "common/catalog/manifest_private.h"

#include <fmt/format.h>

#include <algorithm>

namespace pgbackup {
namespace {

/// Cuts off a line that is too long, and drops an incomplete character at its end.
std::string cut_warning(const std::string& line) {
  if (line.size() <= kMaxWarningBytes) return line;
  constexpr std::string_view kCut = "...";
  size_t end = kMaxWarningBytes - kCut.size();
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  return line.substr(0, end).append(kCut);
}

}  // namespace

std::vector<std::string> bounded_warnings(const std::vector<std::string>& warnings) {
  std::vector<std::string> kept;
  for (const std::string& warning : warnings) {
    if (kept.size() == kMostWarnings) break;
    kept.push_back(cut_warning(warning));
  }
  if (warnings.size() > kMostWarnings) {
    kept.back() = fmt::format("and {} more warnings", warnings.size() - kMostWarnings + 1);
  }
  return kept;
}

std::vector<std::string> parse_warnings(const ManifestJson& value) {
  return bounded_warnings(value.get<std::vector<std::string>>());
}

std::vector<std::string> without_values(std::vector<std::string> options) {
  for (std::string& option : options) option.resize(std::min(option.find('='), option.size()));
  return options;
}

ManifestJson private_json(const Manifest& m) {
  ManifestJson json = {{"warnings", bounded_warnings(m.warnings)},
                       {"uncompressed_sha256", ManifestJson::object()}};
  for (const ManifestStream& stream : m.streams) {
    json["uncompressed_sha256"][stream.name] = stream.uncompressed_sha256;
  }
  if (is_of_database(m.group.kind())) {
    json["database"] = database_json(m.dump.database);
    if (m.is_encrypted()) json["options"] = m.dump.selection;
  }
  if (m.dump.contents) json["contents"] = contents_json(*m.dump.contents);
  if (m.group.kind() == GroupKind::cluster) {
    json["tablespaces"] = tablespaces_json(m.cluster.tablespaces);
  }
  return json;
}

void parse_private_fields(const ManifestJson& value, Manifest& m) {
  const ManifestJson& sums = value.at("uncompressed_sha256");
  for (ManifestStream& stream : m.streams) {
    stream.uncompressed_sha256 = parse_sha256(sums.at(stream.name));
  }
  if (sums.size() != m.streams.size())
    throw_damaged("its streams and their checksums do not match");
  m.warnings = parse_warnings(value.at("warnings"));
  if (is_of_database(m.group.kind())) {
    m.dump.database = parse_database(value.at("database"));
    if (m.sealed) m.dump.selection = value.at("options").get<std::vector<std::string>>();
    if (value.contains("contents")) m.dump.contents = parse_contents(value.at("contents"));
  }
  if (m.group.kind() == GroupKind::cluster) {
    m.cluster.tablespaces = parse_tablespaces(value.at("tablespaces"));
  }
}

}  // namespace pgbackup
