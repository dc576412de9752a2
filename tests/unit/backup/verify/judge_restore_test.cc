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

TEST_CASE("An answer of a server is judged by its words, silence says nothing") {
  const auto kind = [](const std::string& message) { return judge_answer(message).kind(); };
  const std::string connect =
      "cannot connect to PostgreSQL: connection to server on socket \"/tmp/x/.s.PGSQL.5432\" "
      "failed: ";
  CHECK(kind(connect + "FATAL:  could not open file \"base/5/2601\": No such file or directory") ==
        ErrorKind::corrupt);
  CHECK(kind("PostgreSQL: ERROR:  invalid page in block 0 of relation base/5/1249") ==
        ErrorKind::corrupt);
  CHECK(kind(connect + "FATAL:  database locale is incompatible with operating system") ==
        ErrorKind::failed);
  CHECK(kind(connect + "FATAL:  the database system is in recovery mode") == ErrorKind::failed);
  CHECK(kind(connect + "Connection refused") == ErrorKind::failed);
  CHECK(kind("") == ErrorKind::failed);
  CHECK(judge_answer("x: FATAL:  out of memory").message() == "x: FATAL:  out of memory");
  CHECK(judge_answer("x: FATAL:  out of memory").hint() ==
        "this says nothing of the backup: the server needs more memory");
}

TEST_CASE("A recovery that lacks what only this machine lacks says nothing of the backup") {
  for (const std::string errors : {"FATAL:  resource manager with ID 129 not registered",
                                   "FATAL:  database files are incompatible with server",
                                   "FATAL:  could not map anonymous shared memory"}) {
    CAPTURE(errors);
    CHECK(judge_server(errors).kind() == ErrorKind::failed);
  }
  for (const std::string errors : {"FATAL:  WAL ends before end of online backup",
                                   "PANIC:  could not locate a valid checkpoint record"}) {
    CAPTURE(errors);
    CHECK(judge_server(errors).kind() == ErrorKind::corrupt);
  }
}

}  // namespace
}  // namespace pgbackup
