#include "backup/restore/database_sql.h"

#include <utility>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Lines = std::vector<std::string>;

const DatabaseProperties kPlain{.encoding = "UTF8",
                                .locale_provider = "c",
                                .collate = "C.UTF-8",
                                .ctype = "C.UTF-8",
                                .locale = "",
                                .settings = {}};
constexpr int kMark = 2000000001;

RestoreRequest request_for(std::string name) {
  RestoreRequest request;
  request.target_database = std::move(name);
  request.create = true;
  return request;
}

Lines statements(const std::vector<PropertySql>& all) {
  Lines result;
  for (const PropertySql& one : all) result.push_back(one.sql);
  return result;
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("Names and texts are quoted, whatever they hold") {
  CHECK(sql_identifier("a\"b;--") == "\"a\"\"b;--\"");
  CHECK(sql_literal("it's") == "'it''s'");
  CHECK(sql_literal("a\\b'") == " E'a\\\\b'''");
}

TEST_CASE("A list setting is taken apart into its names") {
  using Names = std::vector<std::string>;
  CHECK(split_name_list("public") == Names{"public"});
  CHECK(split_name_list(R"("$user", public)") == Names{"$user", "public"});
  CHECK(split_name_list(R"("")") == Names{""});
  CHECK(split_name_list(R"("a,b","c ""d""", e)") == Names{"a,b", "c \"d\"", "e"});
  CHECK(split_name_list("").empty());
}

TEST_CASE("A database is created with the locale, the rules and the tablespace that it had") {
  const RestoreRequest request = request_for("app");
  CHECK(create_database_sql(request, &kPlain, 150018, kMark, false) ==
        "CREATE DATABASE \"app\" WITH TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' "
        "LC_CTYPE 'C.UTF-8' LOCALE_PROVIDER libc CONNECTION LIMIT 2000000001");
  CHECK_FALSE(holds(create_database_sql(request, &kPlain, 140001, kMark, false), "PROVIDER"));
  CHECK(create_database_sql(request, nullptr, 150018, kMark, false) ==
        "CREATE DATABASE \"app\" WITH TEMPLATE template0 CONNECTION LIMIT 2000000001");
  DatabaseProperties icu = kPlain;
  icu.locale_provider = "i";
  icu.locale = "und";
  icu.icu_rules = "&a < g";
  icu.tablespace = "fast";
  CHECK(create_database_sql(request, &icu, 170012, kMark, true) ==
        "CREATE DATABASE \"app\" WITH TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' "
        "LC_CTYPE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'und' ICU_RULES '&a < g' TABLESPACE "
        "\"fast\" CONNECTION LIMIT 2000000001");
  CHECK(lost_properties(request, icu, 170012).empty());
  CHECK_FALSE(holds(create_database_sql(request, &icu, 150018, kMark, false), "RULES"));
  CHECK(lost_properties(request, icu, 150018).size() == 1);
  CHECK(lost_properties(request, icu, 140001).size() == 1);
}

TEST_CASE("The flag --locale takes the place of a locale that the server lacks") {
  RestoreRequest request = request_for("app");
  request.locale = "C.UTF-8";
  DatabaseProperties properties = kPlain;
  properties.collate = properties.ctype = "de_AT.utf8";
  constexpr const char* kGiven = "LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'";
  CHECK(holds(create_database_sql(request, &properties, 150018, kMark, false), kGiven));
  CHECK(holds(create_database_sql(request, nullptr, 150018, kMark, false), kGiven));
  properties.locale_provider = "b";
  properties.locale = "C.UTF-8";
  CHECK(holds(create_database_sql(request, &properties, 150018, kMark, false),
              "LOCALE_PROVIDER libc"));
  CHECK(holds(create_database_sql(request, &properties, 170012, kMark, false),
              "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"));
}

TEST_CASE("Owner, privileges, comment and settings come before the data") {
  DatabaseProperties properties = kPlain;
  properties.owner = "Own";
  properties.comment = "it's";
  properties.grants = {{"", "TEMPORARY", false}, {"app", "CONNECT", true}, {"app", "DROP", false}};
  properties.settings = {"work_mem=7MB", "search_path=\"$user\", public",
                         "search_path=", "search_path=\"\"",
                         "app.key=a=b",  "default_transaction_read_only=on"};
  RestoreRequest request = request_for("d");
  CHECK(statements(sql_before_restore(request, properties, 150018)) ==
        Lines{"ALTER DATABASE \"d\" OWNER TO \"Own\"", "REVOKE ALL ON DATABASE \"d\" FROM PUBLIC",
              "GRANT TEMPORARY ON DATABASE \"d\" TO PUBLIC",
              "GRANT CONNECT ON DATABASE \"d\" TO \"app\" WITH GRANT OPTION",
              "COMMENT ON DATABASE \"d\" IS 'it''s'",
              "ALTER DATABASE \"d\" SET \"work_mem\" TO '7MB'",
              "ALTER DATABASE \"d\" SET \"search_path\" TO '$user', 'public'",
              "ALTER DATABASE \"d\" SET \"search_path\" TO ''",
              "ALTER DATABASE \"d\" SET \"search_path\" TO ''",
              "ALTER DATABASE \"d\" SET \"app.key\" TO 'a=b'"});
  CHECK(statements(sql_before_restore(request, properties, 190000)).at(7) ==
        "ALTER DATABASE \"d\" SET \"search_path\" TO NULL");
  request.no_owner = request.no_privileges = request.no_comments = true;
  properties.settings.clear();
  CHECK(sql_before_restore(request, properties, 150018).empty());
  request.role = "r";
  CHECK(statements(sql_before_restore(request, properties, 150018)) ==
        Lines{"ALTER DATABASE \"d\" OWNER TO \"r\""});
}

TEST_CASE("What would hinder a restore comes after it, and the connection limit last") {
  DatabaseProperties properties = kPlain;
  properties.settings = {"work_mem=7MB", "default_transaction_read_only=on", "role=app"};
  properties.role_settings = {{"Web", "search_path=a, b"}, {"web2", "work_mem=1MB"}};
  properties.is_template = true;
  properties.connection_limit = 7;
  CHECK(statements(sql_after_restore(request_for("d"), &properties, 150018)) ==
        Lines{"ALTER DATABASE \"d\" SET \"default_transaction_read_only\" TO 'on'",
              "ALTER DATABASE \"d\" SET \"role\" TO 'app'",
              "ALTER ROLE \"Web\" IN DATABASE \"d\" SET \"search_path\" TO 'a', 'b'",
              "ALTER ROLE \"web2\" IN DATABASE \"d\" SET \"work_mem\" TO '1MB'",
              "ALTER DATABASE \"d\" IS_TEMPLATE true", "ALTER DATABASE \"d\" CONNECTION LIMIT 7"});
  CHECK(statements(sql_after_restore(request_for("d"), nullptr, 150018)) ==
        Lines{"ALTER DATABASE \"d\" CONNECTION LIMIT -1"});
}

}  // namespace
}  // namespace pgbackup
