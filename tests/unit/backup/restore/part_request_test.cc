#include "backup/restore/part_request.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

std::string problems_of(const PartRequest& request) {
  std::vector<std::string> problems;
  check_part(request, problems);
  std::string text;
  for (const std::string& problem : problems) text += problem + "\n";
  return text;
}

TEST_CASE("Sections that a restore brings follow from the flags") {
  const auto brings = [](const PartRequest& request) {
    std::string text;
    if (request.restores(TocSection::pre_data)) text += "pre ";
    if (request.restores(TocSection::data)) text += "data ";
    if (request.restores(TocSection::post_data)) text += "post";
    return text;
  };
  CHECK(brings({}) == "pre data post");
  CHECK(brings({.tables = "t"}) == "pre data post");
  CHECK(brings({.schema_only = true}) == "pre post");
  CHECK(brings({.data_only = true}) == "data ");
  CHECK(brings({.sections = "post-data"}) == "post");
  CHECK(brings({.sections = "pre-data, data"}) == "pre data ");
  CHECK(PartRequest{}.is_whole());
  CHECK_FALSE(PartRequest{.schema_only = true}.is_whole());
  CHECK_FALSE(PartRequest{.excluded = "t"}.is_whole());
}

TEST_CASE("Flags of parts that make no sense are refused in one sentence each") {
  CHECK(problems_of({}).empty());
  CHECK(problems_of({.schemas = "a", .tables = "b.c", .excluded = "d*"}).empty());
  CHECK(problems_of({.data_only = true, .disable_triggers = true}).empty());
  CHECK(problems_of({.sections = "data", .disable_triggers = true}).empty());
  struct Row {
    PartRequest request;
    const char* text;
  };
  const std::vector<Row> rows = {
      {{.schemas = "\"a"}, "--schema: a double quote is not closed"},
      {{.tables = "a.b.c"}, "--table: 'a.b.c' is not TABLE or SCHEMA.TABLE"},
      {{.excluded = "a."}, "--exclude-table: 'a.' has an empty name"},
      {{.sections = "predata"}, "--section: 'predata' is not pre-data, data or post-data"},
      {{.sections = "data,x", .disable_triggers = true}, "--section: 'x' is not"},
      {{.schema_only = true, .data_only = true}, "exclude each other"},
      {{.data_only = true, .sections = "data"}, "exclude each other"},
      {{.disable_triggers = true}, "it needs --data-only"},
      {{.schema_only = true, .disable_triggers = true}, "it needs --data-only"},
      {{.sections = "post-data", .disable_triggers = true}, "it needs --data-only"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(problems_of(row.request).find(row.text) != std::string::npos);
  }
}

TEST_CASE("pg_restore gets the sections as they were asked for") {
  CHECK(section_options({.tables = "t"}).empty());
  CHECK(section_options({.sections = "data, post-data"}) ==
        std::vector<std::string>{"--section=data", "--section=post-data"});
  CHECK(section_options({.data_only = true, .disable_triggers = true}) ==
        std::vector<std::string>{"--data-only", "--disable-triggers"});
}

}  // namespace
}  // namespace pgbackup
