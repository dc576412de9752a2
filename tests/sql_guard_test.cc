#include "backup/sql_guard.h"

#include <regex>

#include "tests/error_of.h"
#include "tests/string_sink.h"
#include "tests/test.h"

namespace pgbackup {
namespace {

const std::string kHead = "--\n-- PostgreSQL database dump\n--\n\nSET lock_timeout = 0;\n\n";
const std::string kRestricted =
    "--\n-- PostgreSQL database dump\n--\n\n\\restrict word\n\n\\unrestrict word\n";
const std::string kLargeObjects =
    "BEGIN;\n\nSELECT pg_catalog.lo_open('16388', 131072);\n\nCOMMIT;\n";

/// What came through behind the line that restricts psql, in chunks of `chunk` bytes; empty when it
/// was refused.
std::string pass(const std::string& sql, size_t chunk, bool single_transaction = true) {
  StringSink out;
  SqlGuard guard(out, single_transaction);
  const auto error = error_of([&] {
    for (size_t at = 0; at < sql.size(); at += chunk) guard.write(sql.substr(at, chunk));
    guard.finish();
    return 0;
  });
  if (!error) {
    CHECK(out.finished);
    if (sql.starts_with(kRestricted)) return out.bytes;
    CHECK(std::regex_search(out.bytes, std::regex("^\\\\restrict [0-9a-f]{32}\n")));
    return out.bytes.substr(out.bytes.find('\n') + 1);
  }
  CHECK(error->kind() == ErrorKind::conflict);
  CHECK_FALSE(out.finished);
  CHECK(out.bytes.find("COMMIT") == std::string::npos);
  CHECK(out.bytes.find("DATABASE app") == std::string::npos);
  return "";
}

TEST_CASE("SQL that stays in its database and transaction passes") {
  for (const std::string& sql :
       {kHead, kHead + "COPY t FROM stdin;\nBEGIN;\n\n\\.\n", std::string(), std::string("\n"),
        kHead + "CREATE FUNCTION f() AS $$\nBEGIN\nCOMMIT;\nEND $$;\n",
        kHead + "-- CREATE DATABASE app\n", kRestricted, kHead + "\\restrict word\n",
        kHead + "SELECT pg_catalog.lo_create('16388');\n",
        kHead + std::string(5000, '-') + "\nDROP DATABASE app;\n"}) {
    for (const size_t chunk : {size_t{1}, size_t{7}, size_t{100'000}}) {
      CAPTURE(sql, chunk);
      CHECK(pass(sql, chunk) == sql);
    }
  }
}

TEST_CASE("SQL that would leave them is stopped before it does, however it is cut into pieces") {
  for (const std::string& sql :
       {kHead + "CREATE DATABASE app WITH TEMPLATE = template0;\n\n\\connect app\n",
        kHead + "DROP DATABASE app;\n", kHead + kLargeObjects,
        kHead + std::string(100'000, 'x') + "\n" + kLargeObjects}) {
    for (const size_t chunk : {size_t{1}, size_t{5}, size_t{64}, size_t{1000}, size_t{200'000}}) {
      CAPTURE(chunk);
      CHECK(pass(sql, chunk).empty());
    }
  }
}

TEST_CASE("Without a single transaction large objects pass, and databases do not") {
  CHECK(pass(kHead + kLargeObjects, 10, false) == kHead + kLargeObjects);
  CHECK(pass(kHead + "DROP DATABASE app;\n", 10, false).empty());
}

}  // namespace
}  // namespace pgbackup
