#include "backup/restore/apply_globals.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Statements = std::vector<std::string>;

TEST_CASE("What pg_dumpall writes falls apart into statements") {
  for (const auto& [sql, statements] : std::vector<std::pair<std::string, Statements>>{
           {"", {}},
           {" \n\n", {}},
           {"--\n-- Roles\n--\n", {}},
           {";;", {}},
           {"SET a = b;\n", {"SET a = b"}},
           {"-- x; y\nCREATE ROLE a;\nALTER ROLE a WITH LOGIN;\n",
            {"CREATE ROLE a", "ALTER ROLE a WITH LOGIN"}},
           {"\\restrict w;\nCREATE ROLE a;\n\\unrestrict w\n", {"CREATE ROLE a"}},
           {"ALTER ROLE a PASSWORD 'it''s; --x';", {"ALTER ROLE a PASSWORD 'it''s; --x'"}},
           {"ALTER ROLE a SET b TO E'\\\\';CREATE ROLE c;",
            {"ALTER ROLE a SET b TO E'\\\\'", "CREATE ROLE c"}},
           {"CREATE ROLE \"a;\"\"b\n--c\";", {"CREATE ROLE \"a;\"\"b\n--c\""}},
           {"GRANT a TO b;GRANT", {"GRANT a TO b", "GRANT"}},
           {"GRANT a -- why\n TO b;", {"GRANT a \n TO b"}},
           {"COMMENT ON ROLE a IS 'open", {"COMMENT ON ROLE a IS 'open"}}}) {
    CAPTURE(sql);
    CHECK(split_statements(sql) == statements);
  }
}

TEST_CASE("A membership is granted without its grantor when that one is missing") {
  CHECK(without_grantor("GRANT a TO b WITH ADMIN OPTION, INHERIT TRUE GRANTED BY c") ==
        "GRANT a TO b WITH ADMIN OPTION, INHERIT TRUE");
  CHECK(without_grantor("GRANT a TO b GRANTED BY \"C \"\"x\"") == "GRANT a TO b");
  CHECK(without_grantor("GRANT \"x GRANTED BY y\" TO b").empty());
  CHECK(without_grantor("GRANT \"x GRANTED BY y\" TO b GRANTED BY c") ==
        "GRANT \"x GRANTED BY y\" TO b");
  CHECK(without_grantor("GRANT a TO b").empty());
  CHECK(without_grantor("COMMENT ON ROLE a IS ' GRANTED BY c'").empty());
}

TEST_CASE("Whose password a statement sets is known, with or without quotes") {
  CHECK(sets_password_of("ALTER ROLE postgres WITH SUPERUSER LOGIN PASSWORD 'SCRAM'", "postgres"));
  CHECK(sets_password_of("ALTER ROLE \"My \"\"x\" WITH LOGIN PASSWORD 'md5'", "My \"x"));
  CHECK_FALSE(sets_password_of("ALTER ROLE postgres WITH SUPERUSER", "postgres"));
  CHECK_FALSE(sets_password_of("ALTER ROLE postgres2 WITH LOGIN PASSWORD 'x'", "postgres"));
  CHECK_FALSE(sets_password_of("ALTER ROLE postgres SET search_path TO ' PASSWORD '", "postgres"));
  CHECK_FALSE(sets_password_of("CREATE ROLE postgres", "postgres"));
}

}  // namespace
}  // namespace pgbackup
