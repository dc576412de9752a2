#include "common/catalog/group.h"

#include <algorithm>

#include "tests/support/manifests.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("A group has a name, a title and the kind of its backups") {
  struct Row {
    Group group;
    GroupKind kind;
    std::string name;
    std::string title;
    std::string kind_name;
  };
  for (const Row& row : std::vector<Row>{
           {Group(), GroupKind::unnamed, "", "(no database named)", "dump"},
           {db("app"), GroupKind::database, "app", "app", "dump"},
           {db("a\nb"), GroupKind::database, "a\nb", "a?b", "dump"},
           {Group::globals(), GroupKind::globals, "_globals", "_globals", "globals"},
           {Group::cluster(), GroupKind::cluster, "_cluster", "_cluster", "cluster"}}) {
    CAPTURE(row.title);
    CHECK(row.group.kind() == row.kind);
    CHECK(row.group.is_named() == !row.name.empty());
    CHECK(row.group.name() == row.name);
    CHECK(group_title(row.group) == row.title);
    CHECK(kind_name(row.group.kind()) == row.kind_name);
    CHECK(is_of_database(row.group.kind()) == (row.kind_name == "dump"));
  }
}

TEST_CASE("A name is that of the globals, of the cluster, of a database, or of none") {
  CHECK(parse_group("_globals") == Group::globals());
  CHECK(parse_group("_cluster") == Group::cluster());
  CHECK(parse_group("") == Group());
  for (const auto* name : {"app", "globals", "_Globals", "_globals ", "_globals2", "_", "..", " ",
                           "a/b", "\xff", "_Cluster", "_cluster2"}) {
    CAPTURE(name);
    CHECK(parse_group(name) == db(name));
    CHECK(parse_group(name).name() == name);
  }
  const std::vector<std::string> names = {"b", "_globals", "a", "_cluster", ""};
  CHECK(parse_groups(names) ==
        std::vector<Group>{db("b"), Group::globals(), db("a"), Group::cluster(), Group()});
  CHECK(names_of(parse_groups(names)) == names);
}

TEST_CASE("Groups are in the order of their names, and a kind is not another of the same name") {
  const std::vector<Group> ordered = {Group(),          db("App"),       Group::cluster(),
                                      Group::globals(), db("_globals2"), db("app"),
                                      db("app-2"),      db("app2"),      db("\xc3\xa4")};
  CHECK(std::is_sorted(ordered.begin(), ordered.end()));
  CHECK(std::adjacent_find(ordered.begin(), ordered.end()) == ordered.end());
  CHECK(db("_globals") != Group::globals());
  CHECK(db("_cluster") != Group::cluster());
}

}  // namespace
}  // namespace pgbackup
