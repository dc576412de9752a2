#include "common/catalog/group.h"

#include "common/base/printable.h"

namespace pgbackup {

Group Group::database(std::string name) {
  return {name.empty() ? GroupKind::unnamed : GroupKind::database, std::move(name)};
}

Group Group::globals() { return {GroupKind::globals, "_globals"}; }

Group Group::cluster() { return {GroupKind::cluster, "_cluster"}; }

Group parse_group(std::string_view name) {
  for (const Group& group : {Group::globals(), Group::cluster()}) {
    if (name == group.name()) return group;
  }
  return Group::database(std::string(name));
}

std::vector<Group> parse_groups(const std::vector<std::string>& names) {
  std::vector<Group> groups;
  groups.reserve(names.size());
  for (const std::string& name : names) groups.push_back(parse_group(name));
  return groups;
}

std::vector<std::string> names_of(const std::vector<Group>& groups) {
  std::vector<std::string> names;
  names.reserve(groups.size());
  for (const Group& group : groups) names.push_back(group.name());
  return names;
}

std::string group_title(const Group& group) {
  return group.is_named() ? printable(group.name()) : "(no database named)";
}

bool is_of_database(GroupKind kind) {
  switch (kind) {
    case GroupKind::unnamed:
    case GroupKind::database:
      return true;
    case GroupKind::globals:
    case GroupKind::cluster:
      return false;
  }
  return false;
}

std::string_view kind_name(GroupKind kind) {
  switch (kind) {
    case GroupKind::unnamed:
    case GroupKind::database:
      return "dump";
    case GroupKind::globals:
      return "globals";
    case GroupKind::cluster:
      return "cluster";
  }
  return "";
}

}  // namespace pgbackup
