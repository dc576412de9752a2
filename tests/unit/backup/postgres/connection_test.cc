#include "backup/postgres/connection.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE(
    "The first statement empties the search_path and lifts the limits that the server knows") {
  const std::string first =
      "SELECT pg_catalog.set_config('search_path', '', false), "
      "pg_catalog.set_config('statement_timeout', '0', false)";
  const std::string last = ", pg_catalog.set_config('default_transaction_read_only', 'off', false)";
  for (const int version : {90200, 90624, 130023, 140000, 160004, 170000, 190001}) {
    CAPTURE(version);
    const std::string sql = session_sql(version);
    CHECK(sql.starts_with(first));
    CHECK(sql.ends_with(last));
    const auto has = [&](std::string_view name) { return sql.find(name) != std::string::npos; };
    CHECK(has("'lock_timeout', '0'") == (version >= 90300));
    CHECK(has("'idle_in_transaction_session_timeout', '0'") == (version >= 90600));
    CHECK(has("'idle_session_timeout', '0'") == (version >= 140000));
    CHECK(has("'transaction_timeout', '0'") == (version >= 170000));
  }
}

TEST_CASE("A hint is for what libpq complains of, not for a word in it") {
  const auto hint = [](std::string_view message) {
    return std::string(judge_connect_failure(message).hint);
  };
  CHECK(hint("FATAL:  database \"x\" does not exist").starts_with("names are taken literally"));
  CHECK(hint("FATAL:  role \"x\" does not exist") == "check DB_USER, with case");
  CHECK(hint("root certificate file \"/root/.postgresql/root.crt\" does not exist\nEither provide")
            .find("PGSSLROOTCERT") != std::string::npos);
  CHECK(hint("private key file \"x\" does not exist").empty());
  CHECK(hint("definition of service \"x\" not found").empty());
  CHECK(hint("FATAL:  password authentication failed for user \"x\"") ==
        "check DB_USER and DB_PASSWORD");
}

TEST_CASE("Only what may pass by itself is worth another try") {
  const auto kind = [](std::string_view message) { return judge_connect_failure(message).kind; };
  for (const auto* message : {"connection to server failed: Connection refused",
                              "FATAL:  the database system is starting up", "timeout expired",
                              "could not translate host name \"db\" to address",
                              "FATAL:  sorry, too many clients already"}) {
    CAPTURE(message);
    CHECK(kind(message) == ErrorKind::transient);
  }
  CHECK(kind("FATAL:  password authentication failed for user \"x\"") == ErrorKind::denied);
  CHECK(kind("FATAL:  no pg_hba.conf entry for host \"::1\"") == ErrorKind::denied);
  CHECK(kind("FATAL:  database \"x\" does not exist") == ErrorKind::not_found);
}

TEST_CASE(
    "Of two maintenance databases the first one's error is shown, the second's if it differs") {
  const Error refused(ErrorKind::transient, "to postgres: Connection refused", "check DB_HOST");
  const Error again(ErrorKind::transient, "to template1: Connection refused", "check DB_HOST");
  CHECK(maintenance_error(refused, again).message() == refused.message());
  CHECK(maintenance_error(refused, again).hint() == refused.hint());
  const Error absent(ErrorKind::transient, "database \"postgres\" does not exist", "names");
  const Error denied(ErrorKind::transient, "no access to template1", "GRANT CONNECT");
  CHECK(maintenance_error(absent, denied).message() ==
        "database \"postgres\" does not exist; and with template1: no access to template1");
  CHECK(maintenance_error(absent, denied).hint() == "GRANT CONNECT");
}

}  // namespace
}  // namespace pgbackup
