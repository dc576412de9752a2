#include "backup/dump/publications.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("A pattern of pg_dump becomes the regular expressions that pg_dump makes of it") {
  struct Row {
    std::string pattern;
    std::string schema;
    std::string name;
  };
  for (const Row& row : std::vector<Row>{
           {"log_*", "", "^(log_.*)$"},
           {"Log?", "", "^(log.)$"},
           {"audit.log_*", "^(audit)$", "^(log_.*)$"},
           {"db.audit.t", "^(audit)$", "^(t)$"},
           {R"("My S"."T, x")", "^(My S)$", "^(T, x)$"},
           {R"("a.b*"."c""d?")", R"(^(a\.b\*)$)", R"(^(c"d\?)$)"},
           {R"(a$b)", "", R"(^(a\$b)$)"},
           {R"(a|b[0-9]+)", "", "^(a|b[0-9]+)$"},
           {R"("a|b")", "", R"(^(a\|b)$)"},
           {"*", "", "^(.*)$"},
           {"ü*", "", "^(ü.*)$"},
           {"", "", "^()$"},
       }) {
    CAPTURE(row.pattern);
    const DumpPattern parsed = parse_dump_pattern(row.pattern);
    CHECK(parsed.schema == row.schema);
    CHECK(parsed.name == row.name);
  }
}

}  // namespace
}  // namespace pgbackup
