#include "backup/restore/part.h"

#include <algorithm>

#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Ids = std::vector<int>;
constexpr auto kPre = TocSection::pre_data;
constexpr auto kData = TocSection::data;
constexpr auto kPost = TocSection::post_data;
constexpr auto kNoSection = TocSection::none;

TocEntry entry(int id, TocSection section, const char* kind, const char* schema, const char* name,
               Ids depends_on = {}) {
  return {.id = id,
          .section = section,
          .kind = kind,
          .schema = schema,
          .name = name,
          .owner = "app",
          .inherits = false,
          .depends_on = std::move(depends_on)};
}

/// Returns a database as pg_dump describes it: orders with everything, users, a partitioned table,
/// a view, and things that only belong to them.
Toc shop() {
  Toc toc = {
      entry(1, kPre, "ENCODING", "", "ENCODING"),
      entry(10, kPre, "SCHEMA", "", "sales"),
      entry(11, kNoSection, "ACL", "", "SCHEMA sales", {10}),
      entry(12, kPre, "EXTENSION", "", "citext"),
      entry(13, kPre, "TYPE", "public", "state"),
      entry(14, kNoSection, "COMMENT", "public", "TYPE state", {13}),
      entry(15, kPre, "FUNCTION", "public", "touch()"),
      entry(20, kPre, "TABLE", "public", "users", {12}),
      entry(30, kPre, "TABLE", "sales", "orders", {10, 13}),
      entry(31, kNoSection, "ACL", "sales", "TABLE orders", {30}),
      entry(32, kNoSection, "ACL", "sales", "COLUMN orders.id", {30, 31}),
      entry(33, kNoSection, "SECURITY LABEL", "sales", "TABLE orders", {30}),
      entry(34, kPre, "SEQUENCE", "sales", "orders_id_seq", {30, 10}),
      entry(35, kPre, "SEQUENCE OWNED BY", "sales", "orders_id_seq", {34}),
      entry(36, kPre, "DEFAULT", "sales", "orders id", {34, 30}),
      entry(37, kPre, "TABLE", "sales", "orders extra", {10}),
      entry(40, kPre, "TABLE", "public", "day"),
      entry(41, kPre, "TABLE", "public", "day_1", {40}),
      entry(42, kPre, "TABLE ATTACH", "public", "day_1", {41, 40}),
      entry(50, kPre, "VIEW", "public", "open_orders", {30, 13}),
      entry(60, kData, "TABLE DATA", "public", "users", {20}),
      entry(61, kData, "TABLE DATA", "sales", "orders", {30}),
      entry(62, kData, "TABLE DATA", "public", "day_1", {41}),
      entry(63, kData, "SEQUENCE SET", "sales", "orders_id_seq", {34}),
      entry(64, kData, "BLOBS", "", "BLOBS"),
      entry(70, kPost, "CONSTRAINT", "public", "users users_pkey", {20}),
      entry(71, kPost, "CONSTRAINT", "sales", "orders orders_pkey", {30}),
      entry(72, kNoSection, "COMMENT", "sales", "CONSTRAINT orders_pkey ON orders", {71}),
      entry(73, kPost, "CONSTRAINT", "public", "day day_pkey", {40}),
      entry(74, kPost, "CONSTRAINT", "public", "day_1 day_1_pkey", {41, 73}),
      entry(75, kPost, "INDEX ATTACH", "public", "day_1_pkey", {73, 74, 41, 40}),
      entry(76, kPost, "INDEX", "sales", "orders_state", {30}),
      entry(77, kPost, "TRIGGER", "sales", "orders touch", {30, 15}),
      entry(78, kPost, "FK CONSTRAINT", "sales", "orders orders_user_fkey", {70, 20, 30}),
      entry(79, kNoSection, "COMMENT", "sales", "CONSTRAINT orders_user_fkey ON orders", {78}),
      entry(80, kPost, "POLICY", "sales", "orders own", {30}),
      entry(81, kPost, "ROW SECURITY", "sales", "orders", {30}),
      entry(82, kPost, "PUBLICATION", "", "events"),
      entry(83, kPost, "PUBLICATION TABLE", "sales", "events orders", {82, 30}),
      entry(84, kPost, "STATISTICS", "sales", "orders_statistics", {10, 30}),
      entry(85, kPost, "RULE", "sales", "orders extra no_delete", {37}),
      entry(86, kPost, "DEFAULT ACL", "sales", "DEFAULT PRIVILEGES FOR TABLES", {10}),
  };
  return toc;
}

PartNames tables(const char* text) { return {.tables = parse_object_names(text)}; }

/// Returns a target that holds tables, views, types and so on, as `KIND schema name`.
ExistingObjects with(const std::vector<std::array<const char*, 3>>& objects) {
  ExistingObjects existing;
  for (const auto& [kind, schema, name] : objects) existing.add(object_key(kind, schema, name));
  return existing;
}

Ids ids_of(const Part& part) {
  Ids ids;
  for (const TocEntry* one : part.entries) ids.push_back(one->id);
  return ids;
}

TEST_CASE("A table comes with all that belongs to it and all that it needs") {
  const Toc toc = shop();
  const Part part = choose_part(toc, tables("sales.orders"), {});
  CHECK(ids_of(part) ==
        Ids{10, 11, 13, 14, 15, 30, 31, 32, 33, 34, 35, 36, 61, 63, 71, 72, 76, 77, 80, 81, 84});
  CHECK(part.missing.empty());
  CHECK(part.present.empty());
  // Links to what is nowhere are left out and named, with the comments on them.
  CHECK(part.left_out.size() == 2);
}

TEST_CASE("What the target has is used, and links to it are kept") {
  const Toc toc = shop();
  const Part part = choose_part(toc, tables("orders"),
                                with({{"SCHEMA", "", "sales"},
                                      {"TYPE", "public", "state"},
                                      {"FUNCTION", "public", "touch()"},
                                      {"TABLE", "public", "users"},
                                      {"PUBLICATION", "", "events"}}));
  CHECK(ids_of(part) ==
        Ids{30, 31, 32, 33, 34, 35, 36, 61, 63, 71, 72, 76, 77, 78, 79, 80, 81, 83, 84});
  CHECK(part.left_out.empty());
  const Part again = choose_part(toc, tables("orders"), with({{"TABLE", "sales", "orders"}}));
  CHECK(again.present == std::vector<std::string>{"sales.orders"});
  CHECK(choose_part(toc, tables("orders"), with({{"TABLE", "sales", "orders"}}), OnExisting::drop)
            .present.empty());
}

TEST_CASE("Of tables whose names begin alike each has what is its own") {
  const Toc toc = shop();
  CHECK(ids_of(choose_part(toc, tables("sales.\"orders extra\""), {})) == Ids{10, 11, 37, 85});
}

TEST_CASE("Partitions come with their parent, or alone, and are attached where it is") {
  const Toc toc = shop();
  CHECK(ids_of(choose_part(toc, tables("day"), {})) == Ids{40, 41, 42, 62, 73, 74, 75});
  const Part alone = choose_part(toc, tables("day_1"), {});
  CHECK(ids_of(alone) == Ids{41, 62, 74});
  REQUIRE(alone.left_out.size() == 1);
  CHECK(alone.left_out[0].find("TABLE ATTACH public.day_1") != std::string::npos);
  // The attachment comes last: the server makes the keys that are missing.
  CHECK(ids_of(choose_part(toc, tables("day_1"), with({{"TABLE", "public", "day"}}))) ==
        Ids{41, 62, 74, 42});
  Toc inherited = {entry(1, kPre, "TABLE", "a", "parent"),
                   entry(2, kPre, "TABLE", "a", "child", {1})};
  CHECK(choose_part(inherited, tables("child"), {}).missing.size() == 1);
  CHECK(ids_of(choose_part(inherited, tables("parent"), {})) == Ids{1});
  inherited[1].inherits = true;
  CHECK(ids_of(choose_part(inherited, tables("parent"), {})) == Ids{1, 2});
}

TEST_CASE("A view does not bring the tables that it shows, but says that it needs them") {
  const Toc toc = shop();
  const Part part = choose_part(toc, tables("open_orders"), {});
  CHECK(part.missing == std::vector<std::string>{"public.open_orders needs sales.orders"});
  CHECK(choose_part(toc, tables("open_orders orders"), {}).missing.empty());
  CHECK(choose_part(toc, tables("open_orders"), with({{"TABLE", "sales", "orders"}}))
            .missing.empty());
}

TEST_CASE("A policy that needs another table is never left out silently") {
  Toc toc = shop();
  toc.push_back(entry(90, kPost, "POLICY", "sales", "orders restricted", {30, 20}));
  const Part part = choose_part(toc, tables("orders"), {});
  CHECK(part.missing ==
        std::vector<std::string>{"POLICY sales.orders restricted needs public.users"});
}

TEST_CASE("A schema comes with what is in it, its privileges and default privileges") {
  const Toc toc = shop();
  const PartNames names{.schemas = parse_schema_names("sales")};
  const Part part = choose_part(toc, names, {});
  CHECK(ids_of(part) == Ids{10, 11, 13, 14, 15, 30, 31, 32, 33, 34, 35, 36,
                            37, 61, 63, 71, 72, 76, 77, 80, 81, 84, 85, 86});
  // One that exists remains as it is, unless it is to be dropped.
  const ExistingObjects existing = with({{"SCHEMA", "", "sales"}});
  const Ids kept = ids_of(choose_part(toc, names, existing));
  CHECK(std::find(kept.begin(), kept.end(), 10) == kept.end());
  CHECK(std::find(kept.begin(), kept.end(), 11) == kept.end());
  const Ids dropped = ids_of(choose_part(toc, names, existing, OnExisting::drop));
  CHECK(dropped.front() == 10);
}

TEST_CASE("Excluded tables are left out with what belongs to them") {
  const Toc toc = shop();
  const Part part = choose_part(toc, {.excluded = parse_object_names("users, day, open_*")}, {});
  const Ids ids = ids_of(part);
  for (const int gone : {20, 40, 41, 42, 50, 60, 62, 70, 73, 74, 75, 78, 79}) {
    CAPTURE(gone);
    CHECK(std::find(ids.begin(), ids.end(), gone) == ids.end());
  }
  CHECK(ids.size() + 13 == toc.size());
  CHECK(part.left_out.size() == 1);
  CHECK(choose_part(toc, {.excluded = parse_object_names("orders")}, {}).missing ==
        std::vector<std::string>{"public.open_orders needs sales.orders"});
}

TEST_CASE("Entries of kinds that are not known belong to what they depend on, or are named after") {
  Toc toc = shop();
  toc.push_back(entry(90, kData, "STATISTICS DATA", "sales", "orders", {30}));
  toc.push_back(entry(91, kData, "STATISTICS DATA", "sales", "orders_state", {76}));
  toc.push_back(entry(92, kPost, "NEW GUARD", "sales", "orders guard"));
  toc.push_back(entry(93, kPost, "NEW GUARD", "sales", "ordersguard"));
  toc.push_back(entry(94, kPre, "NEW OBJECT", "", "alone"));
  const Ids ids = ids_of(choose_part(toc, tables("orders"), {}));
  CHECK(Ids(ids.end() - 3, ids.end()) == Ids{90, 91, 92});
  const Ids most = ids_of(choose_part(toc, {.excluded = parse_object_names("users")}, {}));
  CHECK(Ids(most.end() - 5, most.end()) == Ids{90, 91, 92, 93, 94});
}

TEST_CASE("A name that matches nothing is refused, with the nearest that there is") {
  const Toc toc = shop();
  struct Row {
    PartNames names;
    const char* text;
  };
  Toc twice = shop();
  twice.push_back(entry(90, kPre, "TABLE", "old", "orders"));
  const std::vector<Row> rows = {
      {tables("order"), "--table: the backup has no table 'order'; did you mean orders?"},
      {tables("Orders"), "has no table 'Orders'"},
      {tables("public.orders"), "has no table 'public.orders'"},
      {tables("sales.ordres"), "did you mean sales.orders?"},
      {tables("orders, nothing"), "has no table 'nothing'"},
      {tables("x*"), "has no table 'x*'"},
      {tables("\"sales.orders\""), "has no table '\"sales.orders\"'"},
      {tables("touch()"), "has no table"},
      {{.schemas = parse_schema_names("sale")}, "no schema 'sale'; did you mean sales?"},
      {{.excluded = parse_object_names("user")}, "--exclude-table: the backup has no table 'user'"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(fails_with(ErrorKind::usage, row.text, [&] { return choose_part(toc, row.names, {}); }));
  }
  CHECK(fails_with(ErrorKind::usage, "in each of the schemas old, sales",
                   [&] { return choose_part(twice, tables("orders"), {}); }));
  CHECK_FALSE(error_of([&] { return choose_part(twice, tables("*.orders"), {}); }));
}

TEST_CASE("A ring of entries that belong to each other ends nothing") {
  const Toc toc = {entry(1, kPost, "A", "s", "x", {2}), entry(2, kPost, "B", "s", "x", {1}),
                   entry(3, kPre, "TABLE", "s", "t", {3, 99})};
  CHECK(ids_of(choose_part(toc, tables("t"), {})) == Ids{3});
}

TEST_CASE("The list for pg_restore has one id a line") {
  const Toc toc = {entry(7, kPre, "TABLE", "s", "t"),
                   entry(12, kData, "TABLE DATA", "s", "t", {7})};
  CHECK(format_use_list(choose_part(toc, tables("t"), {})) == "7;\n12;\n");
}

}  // namespace
}  // namespace pgbackup
