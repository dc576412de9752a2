// What a backup is of, and what retention counts over: one database, or what belongs to the whole
// server. key_grammar.h writes a group as a directory.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgbackup {

enum class GroupKind : uint8_t {
  unnamed,   ///< no database is named: a backup of an older system, or work that is not of one
  database,  ///< one database, by pg_dump
  globals,   ///< roles and tablespaces, by pg_dumpall
  cluster,   ///< everything that the server holds: base backups
};

class Group {
 public:
  /// Makes the unnamed group.
  Group() = default;
  /// Returns the group of a database. An empty name, which no database has, is the unnamed group.
  [[nodiscard]] static Group database(std::string name);
  [[nodiscard]] static Group globals();
  [[nodiscard]] static Group cluster();

  [[nodiscard]] GroupKind kind() const { return kind_; }
  [[nodiscard]] bool is_named() const { return kind_ != GroupKind::unnamed; }
  /// Returns the name as manifests, JSON, logs and command lines have it: that of the database,
  /// `_globals` or `_cluster`; "" for the unnamed group.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Orders groups by name.
  friend auto operator<=>(const Group&, const Group&) = default;

 private:
  Group(GroupKind kind, std::string name) : name_(std::move(name)), kind_(kind) {}

  std::string name_;  // first, since it comes first in the order
  GroupKind kind_ = GroupKind::unnamed;
};

/// Returns the group of that name: `_globals` is the globals, `_cluster` the cluster, any other
/// name a database.
[[nodiscard]] Group parse_group(std::string_view name);
/// Returns the groups of these names, as parse_group() does.
[[nodiscard]] std::vector<Group> parse_groups(const std::vector<std::string>& names);
/// Returns the names of `groups`.
[[nodiscard]] std::vector<std::string> names_of(const std::vector<Group>& groups);

/// Returns the name for people: `(no database named)` for the unnamed group.
[[nodiscard]] std::string group_title(const Group& group);

/// Returns whether the backups of such a group are dumps of one database.
[[nodiscard]] bool is_of_database(GroupKind kind);
/// Returns what manifests and JSON call the backups of such a group: `dump`, `globals` or
/// `cluster`.
[[nodiscard]] std::string_view kind_name(GroupKind kind);

}  // namespace pgbackup
