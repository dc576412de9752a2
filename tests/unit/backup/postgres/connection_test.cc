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
