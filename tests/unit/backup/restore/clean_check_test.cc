#include "backup/restore/clean_check.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kContents =
    ";\n; Archive created at 2026-11-20\n;\n"
    "3; 2615 2200 SCHEMA - public postgres\n"
    "4; 2615 2201 SCHEMA - sales app\n"
    "214; 1247 16380 TYPE public mood app\n"
    "215; 1259 16386 TABLE public users app\n"
    "216; 1259 16390 TABLE public order items app owner\n"
    "217; 1259 16394 VIEW reports monthly app\n"
    "218; 1259 16398 SEQUENCE public users_id_seq app\n"
    "219; 1259 16399 TABLE sales orders app\n"
    "3001; 0 16386 TABLE DATA public users app\n";

TEST_CASE("Tables that the backup does not know are named") {
  const ArchiveContents contents(kContents);
  CHECK(tables_unknown_to({{"public", "users"},
                           {"public", "order items"},
                           {"reports", "monthly"},
                           {"public", "users_id_seq"}},
                          contents)
            .empty());
  CHECK(tables_unknown_to({{"public", "user"},
                           {"public", "users2"},
                           {"reports", "users"},
                           {"public", "order"},
                           {"Public", "users"}},
                          contents)
            .size() >= 4);
  CHECK(tables_unknown_to({{"public", "users"}, {"public", "extra"}}, contents) ==
        Names{"public.extra"});
  CHECK(tables_unknown_to({{"a", "b"}}, ArchiveContents("")) == Names{"a.b"});
}

TEST_CASE("What hinders --clean is known before it starts, with the reason") {
  const ArchiveContents contents(kContents);
  const TableName users{"public", "users"};
  const TableName mood{"public", "mood"};
  const TableName view{"public", "v"};
  const auto in_the_way = [&](const std::vector<TableName>& tables,
                              const std::vector<Dependency>& all) {
    return tables_in_the_way(tables, all, contents);
  };
  CHECK(in_the_way({users, {"sales", "orders"}}, {{users, mood}}).empty());
  CHECK(in_the_way({{"public", "extra"}, {"other", "t"}}, {}).empty());
  CHECK(in_the_way({{"salesman", "extra"}, {"sale", "extra"}}, {}).empty());
  CHECK(in_the_way({{"sales", "extra"}}, {}) == Names{"sales.extra (in the schema sales)"});
  CHECK(in_the_way({view}, {{view, users}}) == Names{"public.v (depends on public.users)"});
  CHECK(in_the_way({view}, {{view, mood}}) == Names{"public.v (depends on public.mood)"});
  CHECK(in_the_way({view}, {{view, {"public", "w"}}}).empty());
  CHECK(in_the_way({view}, {{{"other", "v"}, users}}).empty());
}

}  // namespace
}  // namespace pgbackup
