// The private part of a manifest as JSON: what may say more than the owner of the store should
// know. What it holds is said in manifest.h; nothing but manifest.cc needs this file.
#pragma once

#include <string>
#include <vector>

#include "common/catalog/manifest.h"
#include "common/catalog/manifest_facts.h"

namespace pgbackup {

/// Returns the private fields of `manifest`; of an encrypted backup also the values of options.
[[nodiscard]] ManifestJson private_json(const Manifest& manifest);
/// Parses what private_json() returns into a manifest whose other fields are filled in. Throws as
/// the functions of manifest_facts.h do.
void parse_private_fields(const ManifestJson& value, Manifest& manifest);

/// Returns the first warnings and how many more there were, each within its limit.
[[nodiscard]] std::vector<std::string> bounded_warnings(const std::vector<std::string>& warnings);
/// Parses a list of warnings, and bounds it in the same way.
[[nodiscard]] std::vector<std::string> parse_warnings(const ManifestJson& value);

/// Returns the options without what is behind `=`.
[[nodiscard]] std::vector<std::string> without_values(std::vector<std::string> options);

}  // namespace pgbackup
