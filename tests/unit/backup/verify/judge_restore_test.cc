#include "backup/verify/judge_restore.h"

#include <string>
#include <vector>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("What the server lacks says nothing about the backup") {
  struct Row {
    std::string errors;
    std::string part;  ///< of what is missing
  };
  for (const Row& row : std::vector<Row>{
           {"ERROR:  could not extend file \"base/5/16384\": No space left on device", "room"},
           {"ERROR:  out of memory", "memory"},
           {"ERROR:  extension \"postgis\" is not available", "extension"},
           {"ERROR:  could not open extension control file \"/usr/share/x.control\"", "extension"},
           {"ERROR:  permission denied to create event trigger \"e\"", "superuser"},
           {"ERROR:  must be superuser to create a base type", "superuser"},
           {"ERROR:  must be able to SET ROLE \"app\"", "superuser"},
           {"ERROR:  only superuser can define a leakproof function", "superuser"},
           {"ERROR:  query would be affected by row-level security policy for table \"t\"",
            "superuser"},
           {"ERROR:  role \"reader\" does not exist", "roles"},
           {"server closed the connection unexpectedly", "stay up"},
           {"FATAL:  terminating connection due to administrator command", "stay up"},
           {"ERROR:  collation \"de-x-icu\" for encoding \"UTF8\" does not exist", "settings"},
           {"ERROR:  unrecognized configuration parameter \"app.user\"", "settings"}}) {
    CAPTURE(row.errors);
    CHECK(missing_on_server("pg_restore: error: could not execute query: " + row.errors)
              .find(row.part) != std::string_view::npos);
  }
}

TEST_CASE("What no server would take is the backup's") {
  for (const std::string errors :
       {"ERROR:  relation \"item\" does not exist", "ERROR:  syntax error at or near \"x\"",
        "ERROR:  could not create unique index \"item_pkey\"",
        "ERROR:  insert or update on table \"a\" violates foreign key constraint \"b\"",
        "ERROR:  invalid input syntax for type integer: \"x\"",
        "ERROR:  function public.f(integer) does not exist", "ERROR:  division by zero",
        "ERROR:  type \"mood\" does not exist", "pg_restore: error: unexpected end of file", "",
        "ERROR:  schema \"role\" does not exist", "ERROR:  missing data for column \"b\"",
        "ERROR:  new row for relation \"t\" violates check constraint \"c\""}) {
    CAPTURE(errors);
    CHECK(missing_on_server(errors).empty());
  }
}

}  // namespace
}  // namespace pgbackup
