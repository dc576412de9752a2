// The facts of a manifest that only one kind of backup has, as JSON. What they mean is said in
// manifest.h and cluster_facts.h; nothing but manifest.cc and manifest_private.cc needs this file.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "common/catalog/manifest.h"

namespace pgbackup {

using ManifestJson = nlohmann::ordered_json;

// The functions that parse throw `corrupt` for a value out of range, and ManifestJson::exception
// for one that is missing or of another type.

/// Throws `corrupt`: the manifest is damaged, and `what` is wrong with it.
[[noreturn]] void throw_damaged(const std::string& what);

/// Returns a whole number. JSON has one type of number: without this check a fraction or high bits
/// would be cut off.
template <class Whole>
[[nodiscard]] Whole parse_whole(const ManifestJson& value, const char* name) {
  if (!value.is_number_unsigned() || !std::in_range<Whole>(value.get<uint64_t>())) {
    throw_damaged(std::string(name) + " is not a whole number in range");
  }
  return value.get<Whole>();
}

/// Returns a SHA-256 as 64 hexadecimal digits.
[[nodiscard]] std::string parse_sha256(const ManifestJson& value);

[[nodiscard]] ManifestJson database_json(const DatabaseProperties& database);
[[nodiscard]] DatabaseProperties parse_database(const ManifestJson& value);

[[nodiscard]] ManifestJson contents_json(const DumpContents& contents);
[[nodiscard]] DumpContents parse_contents(const ManifestJson& value);

/// Returns which write-ahead log a base backup needs.
[[nodiscard]] ManifestJson cluster_json(const ClusterFacts& cluster);
/// Parses it; the tablespaces are private.
[[nodiscard]] ClusterFacts parse_cluster(const ManifestJson& cluster);

/// Returns the tablespaces, whose locations may say more than the owner of the store should know.
[[nodiscard]] ManifestJson tablespaces_json(const std::vector<TablespaceFacts>& tablespaces);
[[nodiscard]] std::vector<TablespaceFacts> parse_tablespaces(const ManifestJson& value);

}  // namespace pgbackup
