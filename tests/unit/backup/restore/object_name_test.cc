#include "backup/restore/object_name.h"

#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("Names of tables are literal, and quotes protect dots, commas and wildcards") {
  struct Row {
    const char* text;
    const char* schema;  ///< nullptr: none
    const char* name;
    bool is_pattern;
  };
  const std::vector<Row> rows = {
      {"orders", nullptr, "orders", false},
      {"Orders", nullptr, "Orders", false},
      {"sales.orders", "sales", "orders", false},
      {R"("sales.orders")", nullptr, "sales.orders", false},
      {R"("a, b"."c d")", "a, b", "c d", false},
      {R"(sales."say ""hi""")", "sales", R"(say "hi")", false},
      {"sales.*", "sales", "*", true},
      {"sa?es.orders", "sa?es", "orders", true},
      {R"("*")", nullptr, "*", false},
      {R"("a*".b)", "a*", "b", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const std::vector<ObjectName> names = parse_object_names(row.text);
    REQUIRE(names.size() == 1);
    CHECK(names[0].name.text == row.name);
    CHECK(names[0].schema.has_value() == (row.schema != nullptr));
    if (names[0].schema) CHECK(names[0].schema->text == row.schema);
    CHECK(names[0].is_pattern() == row.is_pattern);
    CHECK(names[0].given == row.text);
  }
  CHECK(parse_object_names("a, b.c\n\"d e\"").size() == 3);
  CHECK(parse_object_names("").empty());
}

TEST_CASE("What is no name of a table is refused") {
  for (const char* text : {"a.b.c", ".a", "a.", "a..b", "\"a", "\"\"", "a.\"\"", ".", "a.b.c.d"}) {
    CAPTURE(text);
    CHECK(fails_with(ErrorKind::usage, "", [&] { return parse_object_names(text); }));
  }
}

TEST_CASE("A dot is nothing special in the name of a schema") {
  const std::vector<ObjectName> names = parse_schema_names("a.b \"c d\" e* \"f*\"");
  REQUIRE(names.size() == 4);
  CHECK(names[0].name.matches("a.b"));
  CHECK(names[1].name.matches("c d"));
  CHECK(names[2].name.matches("every"));
  CHECK_FALSE(names[3].name.matches("fall"));
  CHECK(names[3].name.matches("f*"));
}

TEST_CASE("Case counts, and a name matches as a whole") {
  const NamePattern literal{.text = "orders"};
  CHECK(literal.matches("orders"));
  for (const char* other : {"Orders", "orders2", "order", "", "orders "}) {
    CHECK_FALSE(literal.matches(other));
  }
  const NamePattern pattern{.text = "order_*", .is_pattern = true};
  CHECK(pattern.matches("order_2026"));
  CHECK_FALSE(pattern.matches("orders"));
  CHECK_FALSE(pattern.matches("my_order_2026"));
}

}  // namespace
}  // namespace pgbackup
