#include "common/catalog/backup_name.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/text.h"
#include "common/catalog/catalog.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

/// Returns whether an id may begin so.
bool is_beginning_of_id(std::string_view text) {
  constexpr std::string_view kExample = "20261120T031500Z-9f3a1c2b";
  constexpr size_t kRandom = std::string_view("20261120T031500Z-").size();
  if (text.empty() || text.size() > kExample.size()) return false;
  if (text.size() == kExample.size()) return parse_backup_id(text).has_value();
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_hex = is_digit(text[i]) || (text[i] >= 'a' && text[i] <= 'f');
    const bool fits = i >= kRandom            ? is_hex
                      : is_digit(kExample[i]) ? is_digit(text[i])
                                              : text[i] == kExample[i];
    if (!fits) return false;
  }
  return true;
}

}  // namespace

bool BackupName::is_whole() const { return group.is_named() && parse_backup_id(id).has_value(); }

std::optional<BackupName> parse_backup_name(std::string_view text) {
  const size_t slash = text.rfind('/');
  const std::string_view id = slash == std::string_view::npos ? text : text.substr(slash + 1);
  if (!is_beginning_of_id(id) || slash == 0) return std::nullopt;
  BackupName name{.id = std::string(id)};
  if (slash != std::string_view::npos) name.group = parse_group(text.substr(0, slash));
  return name;
}

void check_backup_name(std::string_view verb, std::string_view name,
                       std::vector<std::string>& problems) {
  if (parse_backup_name(name)) return;
  problems.push_back(
      fmt::format("{}: '{}' is neither GROUP/ID such as app/20261120T031500Z-9f3a1c2b nor the "
                  "beginning of an id; pg-backup list shows them",
                  verb, printable(name)));
}

std::vector<BackupName> find_backup_names(const Destinations& destinations,
                                          const BackupName& name) {
  std::set<std::pair<Group, std::string>> found;
  const std::vector<DestinationFailure> failures =
      for_each_destination(destinations, [&](const Destination& destination) {
        for (const Backup& backup : read_catalog(destination.store(), name.group)) {
          if (backup.complete && backup.id.starts_with(name.id)) {
            found.emplace(backup.group, backup.id);
          }
        }
      });
  if (!failures.empty() && found.empty()) throw join_failures(failures);
  std::vector<BackupName> names;
  names.reserve(found.size());
  for (const auto& [group, id] : found) names.push_back({.group = group, .id = id});
  return names;
}

BackupName complete_backup_name(const Destinations& destinations, const BackupName& name) {
  if (name.is_whole()) return name;
  std::vector<BackupName> found = find_backup_names(destinations, name);
  if (found.size() == 1) return std::move(found.front());
  if (found.empty()) throw unknown_name(format_backup_name(name));
  std::vector<std::string> candidates;
  std::transform(found.begin(), found.end(), std::back_inserter(candidates), &format_backup_name);
  throw ambiguous_name(format_backup_name(name), candidates);
}

Error ambiguous_name(std::string_view name, const std::vector<std::string>& candidates) {
  constexpr size_t kMost = 10;
  const auto end =
      candidates.begin() + static_cast<std::ptrdiff_t>(std::min(candidates.size(), kMost));
  const std::string more =
      candidates.size() > kMost ? fmt::format(", and {} more", candidates.size() - kMost) : "";
  return {ErrorKind::usage,
          fmt::format("'{}' is the beginning of several backups: {}{}", printable(name),
                      fmt::join(candidates.begin(), end, ", "), more),
          "write more of it, or GROUP/ID"};
}

Error unknown_name(std::string_view name) {
  return {ErrorKind::not_found, fmt::format("there is no complete backup '{}'", printable(name)),
          "pg-backup list shows the backups"};
}

std::string format_backup_name(const BackupName& name) {
  if (!name.group.is_named()) return name.id;
  return fmt::format("{}/{}", name.group.name(), name.id);
}

}  // namespace pgbackup
