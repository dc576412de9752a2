#include "backup/restore_target.h"

#include "tests/test.h"

namespace pgbackup {
namespace {

constexpr const char* kContents =
    ";\n; Archive created at 2026-11-20\n;\n"
    "3; 2615 2200 SCHEMA - public postgres\n"
    "215; 1259 16386 TABLE public users app\n"
    "216; 1259 16390 TABLE public order items app owner\n"
    "217; 1259 16394 VIEW reports monthly app\n"
    "218; 1259 16398 SEQUENCE public users_id_seq app\n"
    "3001; 0 16386 TABLE DATA public users app\n";

TEST_CASE("Tables that the backup does not know are named") {
  CHECK(tables_unknown_to({{"public", "users"},
                           {"public", "order items"},
                           {"reports", "monthly"},
                           {"public", "users_id_seq"}},
                          kContents)
            .empty());
  CHECK(tables_unknown_to({{"public", "user"},
                           {"public", "users2"},
                           {"reports", "users"},
                           {"public", "order"},
                           {"Public", "users"}},
                          kContents)
            .size() >= 4);
  CHECK(tables_unknown_to({{"public", "users"}, {"public", "extra"}}, kContents) ==
        std::vector<std::string>{"public.extra"});
  CHECK(tables_unknown_to({{"a", "b"}}, "") == std::vector<std::string>{"a.b"});
}

TEST_CASE("A list setting is taken apart into its names") {
  using Names = std::vector<std::string>;
  CHECK(split_name_list("public") == Names{"public"});
  CHECK(split_name_list(R"("$user", public)") == Names{"$user", "public"});
  CHECK(split_name_list(R"("")") == Names{""});
  CHECK(split_name_list(R"("a,b","c ""d""", e)") == Names{"a,b", "c \"d\"", "e"});
  CHECK(split_name_list("").empty());
}

TEST_CASE("pg_restore is not stopped by a read-only default of the database") {
  CHECK(restore_environment({}).at("PGOPTIONS") == "-c default_transaction_read_only=off");
  CHECK(restore_environment({{"PGOPTIONS", "-c x=y"}}).at("PGOPTIONS") ==
        "-c x=y -c default_transaction_read_only=off");
}

}  // namespace
}  // namespace pgbackup
