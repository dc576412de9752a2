#include "backup/restore/hints.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("Each statement that pg_dump writes and a restore cannot run has a way out") {
  struct Case {
    std::string_view errors;
    std::string_view says;
  };
  for (const auto& [errors, says] : {
           Case{"ERROR:  out of shared memory", "--no-single-transaction"},
           Case{"HINT:  You might need to increase max_locks_per_transaction.", "raise max_locks"},
           Case{"ERROR:  permission denied for schema public", "TARGET_USER"},
           Case{
               "ERROR:  permission denied for schema other\nCommand was: ALTER TABLE ONLY public.a "
               "ADD CONSTRAINT b FOREIGN KEY (c, PERIOD d) REFERENCES other.e;",
               "by a grant"},
           Case{"ERROR:  must be owner of table x", "--no-owner"},
           Case{"ERROR:  must be owner of extension pg_stat_statements", "--no-comments"},
           Case{"ERROR:  role \"app\" does not exist", "restore --globals"},
           Case{"ERROR:  must be member of role \"app\"", "--no-owner"},
           Case{"ERROR:  must be able to SET ROLE \"app\"", "--no-owner"},
           Case{"ERROR:  invalid value for parameter \"default_tablespace\": \"fast\"\n"
                "DETAIL:  Tablespace \"fast\" does not exist.",
                "--no-tablespaces"},
           Case{"ERROR:  tablespace \"fast\" does not exist", "--no-tablespaces"},
           Case{"ERROR:  must be superuser to create FOR ALL TABLES publication",
                "--no-publications"},
           Case{"ERROR:  must be superuser to create FOR TABLES IN SCHEMA publication",
                "--no-publications"},
           Case{"ERROR:  can only create extension in database postgres", "cron.database_name"},
           Case{"ERROR:  could not create unique index \"u\"\nDETAIL:  Key (a)=(1) is duplicated.",
                "delete them"},
           Case{"ERROR:  could not connect to server \"far\"", "--keep-going"},
           Case{"ERROR:  function up(text) does not exist\nCONTEXT:  SQL function \"up2\" during "
                "inlining",
                "SET search_path"},
           Case{"ERROR:  relation \"d\" does not exist\nCONTEXT:  SQL function \"okv\" during "
                "startup",
                "SET search_path"},
           Case{"ERROR:  function up(text) does not exist\nCONTEXT:  PL/pgSQL function public.up3("
                "text) line 1 at RETURN",
                "SET search_path"},
           Case{"ERROR:  insert or update on table \"b\" violates foreign key constraint \"k\"",
                "--disable-triggers"},
           Case{"ERROR:  new row for relation \"c\" violates check constraint \"k\"",
                "--keep-going"},
           Case{"ERROR:  extension \"x\" is not available", "install"},
           Case{"FATAL:  unsupported startup parameter: options", "pooler"},
           Case{"ERROR:  relation \"public.log\" does not exist\nCommand was: ALTER PUBLICATION p "
                "ADD TABLE ONLY public.log;",
                "--no-publications"},
           Case{"ERROR:  unrecognized parameter \"pg_attver\"", "update the"},
           Case{"ERROR:  savepoint \"pg_backup_restore_0\" does not exist",
                "ended the transaction"},
       }) {
    CAPTURE(errors);
    CHECK(restore_hint(errors, true).find(says) != std::string::npos);
  }
}

TEST_CASE("What has no known cause gets no hint, and no way out that is taken already") {
  CHECK(restore_hint("ERROR:  syntax error", true).empty());
  CHECK(restore_hint("", true).empty());
  CHECK(restore_hint("ERROR:  out of shared memory", false).empty());
  CHECK(restore_hint("ERROR:  relation \"a\" does not exist", true).empty());
}

}  // namespace
}  // namespace pgbackup
