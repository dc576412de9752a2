#include "backup/restore/failures.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kTwoOfPgRestore =
    "pg_restore: error: could not execute query: ERROR:  function up(text) does not exist\n"
    "LINE 1: select up(t)\n"
    "               ^\n"
    "Command was: CREATE TABLE public.g (\n"
    "    t text\n"
    ");\n\n\n"
    "pg_restore: error: COPY failed for table \"c\": ERROR:  relation \"d\" does not exist\n"
    "COPY c, line 1: \"secret\"\n"
    "pg_restore: warning: errors ignored on restore: 2\n";

TEST_CASE("What failed is named with the start of its statement, and never with its data") {
  RestoreFailures failures;
  failures.add(kTwoOfPgRestore);
  CHECK(failures.count() == 2);
  CHECK(failures.first() ==
        Lines{"ERROR:  function up(text) does not exist (CREATE TABLE public.g ()",
              "COPY failed for table \"c\": ERROR:  relation \"d\" does not exist"});
  CHECK(failures.is_counted());
}

TEST_CASE("Failures are the same wherever stderr is cut") {
  for (size_t step = 1; step < 100; step += 7) {
    RestoreFailures failures;
    for (std::string_view rest = kTwoOfPgRestore; !rest.empty();) {
      failures.add(rest.substr(0, step));
      rest.remove_prefix(std::min(step, rest.size()));
    }
    CHECK(failures.count() == 2);
    CHECK(failures.first().at(0).ends_with("(CREATE TABLE public.g ()"));
  }
}

TEST_CASE("Only errors count, and pg_restore that broke off has not counted them") {
  RestoreFailures failures;
  failures.add("WARNING:  wal_level is insufficient\npg_restore: warning: something\n");
  CHECK(failures.count() == 0);
  CHECK(!failures.is_counted());
}

TEST_CASE("A million failures take no more memory than a few") {
  RestoreFailures failures;
  for (int i = 0; i < 200000; ++i) {
    failures.add(fmt::format("pg_restore: error: could not execute query: ERROR:  no {}\n", i));
    failures.add("Command was: GRANT\n");
  }
  failures.add(std::string(1 << 20, 'x'));
  CHECK(failures.count() == 200000);
  CHECK(failures.first().size() == RestoreFailures::kKept);
  CHECK(failures.first().back().find("no 49 (GRANT)") != std::string::npos);
}

}  // namespace
}  // namespace pgbackup
