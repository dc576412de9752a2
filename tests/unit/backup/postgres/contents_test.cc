#include "backup/postgres/contents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

DumpContents sample() {
  return {.tables = 3,
          .sequences = 1,
          .large_objects = 2,
          .extensions = {{"hstore", "public"}, {"plpgsql", "pg_catalog"}},
          .roles = {"app"},
          .rows = {{"a", "b", 1}, {"public", "item", 1000}, {"public", "other", 0}}};
}

std::string difference(const DumpContents& noted, const DumpContents& restored) {
  return fmt::format("{}", fmt::join(compare_contents(noted, restored), "; "));
}

TEST_CASE("What was restored in full does not differ") {
  CHECK(compare_contents(sample(), sample()).empty());
  DumpContents restored = sample();
  restored.roles.clear();  // roles are of the server
  restored.extensions.insert(restored.extensions.begin(), {"a further one", "public"});
  CHECK(compare_contents(sample(), restored).empty());
}

TEST_CASE("What is missing is named") {
  struct Row {
    std::string text;
    void (*change)(DumpContents& restored);
  };
  for (const Row& row : std::vector<Row>{
           {"3 tables were dumped, and 2 restored", [](DumpContents& r) { r.tables = 2; }},
           {"1 sequences were dumped, and 0 restored", [](DumpContents& r) { r.sequences = 0; }},
           {"2 large objects were dumped, and 3 restored",
            [](DumpContents& r) { r.large_objects = 3; }},
           {"the extension hstore in the schema public is missing",
            [](DumpContents& r) { r.extensions.erase(r.extensions.begin()); }},
           {"the extension hstore in the schema public is missing",
            [](DumpContents& r) { r.extensions.at(0).schema = "other"; }},
           {"public.item had 1000 rows in the dump, and has 999",
            [](DumpContents& r) { r.rows.at(1).rows = 999; }},
           {"public.item had 1000 rows in the dump, and has 1001",
            [](DumpContents& r) { r.rows.at(1).rows = 1001; }},
           {"public.other is missing", [](DumpContents& r) { r.rows.pop_back(); }},
           {"a.b is missing", [](DumpContents& r) { r.rows.erase(r.rows.begin()); }}}) {
    CAPTURE(row.text);
    DumpContents restored = sample();
    row.change(restored);
    CHECK(difference(sample(), restored) == row.text);
  }
}

TEST_CASE("Tables beyond those that are named are compared as a sum") {
  DumpContents noted = sample();
  noted.further_tables = 2;
  noted.further_rows = 10;
  DumpContents restored = noted;
  CHECK(difference(noted, restored).empty());
  restored.further_rows = 9;
  CHECK(difference(noted, restored) == "10 rows of further tables were dumped, and 9 restored");
  restored = sample();
  restored.further_tables = 7;  // where nothing was summed up, nothing is compared
  CHECK(difference(sample(), restored).empty());
}

TEST_CASE("However much differs, a few sentences say so, without control characters") {
  DumpContents noted;
  for (int i = 0; i < 1000; ++i) noted.rows.push_back({"s", fmt::format("t\x1b{:04}", i), 1});
  const std::vector<std::string> all = compare_contents(noted, {});
  REQUIRE(all.size() == kMostDifferences);
  CHECK(all.front() == "s.t?0000 is missing");
}

}  // namespace
}  // namespace pgbackup
