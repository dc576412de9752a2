#include "backup/postgres/sql_guard.h"

#include "tests/support/error_of.h"
#include "tests/support/string_sink.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using namespace std::string_literals;

const std::string kStart = "--\n-- PostgreSQL database dump\n--\n\n";
const std::string kSettings = "SET statement_timeout = 0;\nSET transaction_timeout = 0;\n\n";
const std::string kHead = kStart + kSettings;
const std::string kEnd = "--\n-- PostgreSQL database dump complete\n--\n\n";
const std::string kLargeObjects =
    "BEGIN;\n\nSELECT pg_catalog.lo_open('16388', 131072);\n\nCOMMIT;\n";

/// What psql gets, and what the guard says.
struct Outcome {
  std::string bytes;
  std::string end_word;
  bool finished = false;
  std::optional<Error> error;
};

Outcome guard(const std::string& sql, size_t chunk, const SqlGuardSpec& spec = {}) {
  StringSink out;
  SqlGuard guard(out, spec);
  Outcome outcome;
  outcome.error = error_of([&] {
    for (size_t at = 0; at < sql.size(); at += chunk) guard.write(sql.substr(at, chunk));
    guard.finish();
    return 0;
  });
  outcome.bytes = out.bytes;
  outcome.end_word = guard.end_word();
  outcome.finished = out.finished;
  return outcome;
}

std::string take(std::string& text, const std::string& start) {
  REQUIRE(text.starts_with(start));
  text.erase(0, start.size());
  const std::string word = text.substr(0, text.find_first_not_of("0123456789abcdef"));
  text.erase(0, word.size());
  return word;
}

/// What stands between our lines before and behind it, which are checked.
std::string inner(Outcome outcome, bool single_transaction) {
  REQUIRE_FALSE(outcome.error);
  CHECK(outcome.finished);
  std::string text = outcome.bytes;
  const std::string word = take(text, "\\restrict ");
  CHECK(word.size() == 32);
  std::string end = "\n";
  if (single_transaction) {
    const std::string savepoint = take(text, "\nBEGIN; SAVEPOINT pg_backup_restore_");
    end += "RELEASE SAVEPOINT pg_backup_restore_" + savepoint + ";\nCOMMIT;\n\n";
  }
  end += "\\unrestrict " + word + "\n\\echo " + outcome.end_word + "\n";
  const std::string start = single_transaction ? ";\n" : "\n";
  REQUIRE(text.starts_with(start));
  REQUIRE(text.ends_with(end));
  return text.substr(start.size(), text.size() - start.size() - end.size());
}

constexpr auto kChunks = {size_t{1}, size_t{7}, size_t{1000}, size_t{80'000}, size_t{1'000'000}};

/// In chunks of each size.
void check_passes(const std::string& sql, const std::string& wanted,
                  const SqlGuardSpec& spec = {}) {
  for (const size_t chunk : kChunks) {
    CAPTURE(chunk);
    CHECK(inner(guard(sql, chunk, spec), spec.single_transaction) == wanted);
  }
}

TEST_CASE("SQL passes between our own restriction and transaction") {
  for (const std::string& sql :
       {kHead, kHead + "COPY t FROM stdin;\nBEGIN;\n\n\\.\n", std::string(), std::string("\n"),
        kHead + "CREATE FUNCTION f() AS $$\nBEGIN\nCOMMIT;\nEND $$;\n",
        kHead + "-- CREATE DATABASE app\n", kHead + "SELECT pg_catalog.lo_create('16388');\n",
        kHead + std::string(200'000, '-') + "\nDROP DATABASE app;\n" + kEnd}) {
    CAPTURE(sql.size());
    check_passes(sql, sql);
  }
}

TEST_CASE("The dump's own restriction is left out, so that nobody else knows the word") {
  const std::string body = kSettings + "SELECT 1;\n";
  for (const size_t rows : {size_t{0}, size_t{1}, size_t{5000}, size_t{100'000}}) {
    CAPTURE(rows);
    const std::string sql = body + std::string(rows, '-') + "\n" + kEnd;
    check_passes(kStart + "\\restrict w0rD\n\n" + sql + "\\unrestrict w0rD\n\n",
                 kStart + "\n" + sql);
    check_passes(kStart + "\\restrict w0rD\n\n" + sql + "\\unrestrict w0rD\n", kStart + "\n" + sql);
  }
}

TEST_CASE("No other line of that kind reaches psql, wherever it stands") {
  const std::string ours = kStart + "\\restrict w\n\n";
  const std::string end = kEnd + "\\unrestrict w\n\n";
  for (const std::string& sql :
       {"\\restrict w\n"s, "\\unrestrict w\n"s, "\n" + ours, ours + "\\unrestrict w\n",
        ours + "\\unrestrict other\n" + end, ours + kEnd + "\\unrestrict other\n\n",
        ours + kEnd + "\\unrestrict w\nSELECT 1;\n", ours + kEnd + "\\unrestrict w x\n",
        ours + end + end, kHead + kEnd + "\\unrestrict w\n\n", kHead + "\\restrict w\n",
        kStart + "\\restrict a b\n", kStart + "\\restrict\n", kHead + "select 1 \\unrestrict w\n",
        kHead + "select 1;\\unrestrict\n", kHead + "\\unrestrict", kHead + "\\unrestrict\tw\n",
        kHead + "\\unrestrict\\echo\n", kHead + "\\;\\unrestrict w\n",
        kHead + "select 1 \\\\\\unrestrict w\n",
        // Not seen as data, comment or text: what psql takes it for is not ours to know.
        kHead + "COPY t FROM stdin;\n\\unrestrict w\n\\.\n", kHead + "-- \\unrestrict w\n",
        kHead + "select '\\unrestrict w';\n", kHead + "select $$ \\restrict w $$;\n",
        // The first of two backslashes can be the second half of a character.
        kHead + "select \x95\\\\unrestrict w\n", kHead + "\x81\x30\x61\\\\unrestrict w\n",
        kHead + std::string(99, '\\') + "unrestrict w\n",
        kHead + std::string(100, '\\') + "unrestrict w\n"}) {
    for (const size_t padding : {size_t{0}, size_t{3000}, size_t{69'670}, size_t{150'000}}) {
      for (const size_t chunk : kChunks) {
        CAPTURE(sql, padding, chunk);
        const std::string padded =
            padding == 0 ? sql : kHead + std::string(padding, '-') + "\n" + sql;
        const Outcome outcome = guard(padded, chunk);
        REQUIRE(outcome.error);
        CHECK(outcome.error->kind() == ErrorKind::conflict);
        CHECK_FALSE(outcome.finished);
        CHECK(outcome.error->message().find("restrict") != std::string::npos);
        CHECK(outcome.bytes.find("restrict", 10) == std::string::npos);
        CHECK(outcome.bytes.find("COMMIT") == std::string::npos);
      }
    }
  }
}

TEST_CASE("The letters elsewhere are data") {
  for (const std::string& sql :
       {"COPY t FROM stdin;\n\\\\unrestrict w\nC:\\\\restrict \\\\\\\\restrict\n\\.\n"s,
        "select 'restrict', 'unrestrict', 'on delete restrict';\n"s,
        "select '\\restricted', '\\unrestricted', '\\restrict_x', 'C:\\un\\x\\restriction';\n"s,
        "select '\xc3\xa9tat \\\\unrestrict';\n"s}) {
    CAPTURE(sql);
    check_passes(kHead + sql, kHead + sql);
    check_passes(kHead + std::string(69'600, '-') + "\n" + sql,
                 kHead + std::string(69'600, '-') + "\n" + sql);
  }
}

TEST_CASE("A NUL, behind which psql would join two lines, is refused") {
  for (const std::string& sql : {kHead + "\\\0\nunrestrict w\n"s, kHead + "\0"s, "\0"s,
                                 kHead + std::string(150'000, '-') + "\0"s}) {
    for (const size_t chunk : kChunks) {
      const Outcome outcome = guard(sql, chunk);
      REQUIRE(outcome.error);
      CHECK(outcome.error->message().find("NUL") != std::string::npos);
      CHECK(outcome.bytes.find('\0') == std::string::npos);
    }
  }
}

TEST_CASE("A dump that makes or drops its database is judged by pg_dump's own heading") {
  const auto heading = [](const std::string& type) {
    return "--\n-- Name: app; Type: " + type + "; Schema: -; Owner: o\n--\n\n";
  };
  const std::string made = heading("DATABASE") + "CREATE DATABASE app;\n\n";
  const std::string function = heading("FUNCTION") +
                               "CREATE FUNCTION f() AS $$\nCREATE DATABASE x;\n"
                               "DROP DATABASE app;\n-- Name: app; Type: DATABASE; Schema: -\n$$;\n";
  for (const SqlGuardSpec& spec :
       {SqlGuardSpec{}, SqlGuardSpec{.single_transaction = false, .unknown_settings = {}}}) {
    check_passes(kHead + function, kHead + function, spec);
    for (const std::string& sql :
         {kHead + made, kHead + "DROP DATABASE app;\n" + made,
          kHead + "\nDROP DATABASE IF EXISTS app;\n", kHead + made + std::string(200'000, '-')}) {
      for (const size_t chunk : kChunks) {
        CAPTURE(chunk);
        const Outcome outcome = guard(sql, chunk, spec);
        REQUIRE(outcome.error);
        CHECK(outcome.error->message().find("makes its own database") != std::string::npos);
        CHECK(outcome.bytes.empty());
      }
    }
  }
}

TEST_CASE("A transaction of the dump's own is refused where ours is wanted") {
  for (const size_t padding : {size_t{0}, size_t{69'680}, size_t{100'000}}) {
    const std::string sql = kHead + std::string(padding, 'x') + "\n" + kLargeObjects;
    for (const size_t chunk : kChunks) {
      CAPTURE(padding, chunk);
      const Outcome outcome = guard(sql, chunk);
      REQUIRE(outcome.error);
      CHECK(outcome.error->hint().find("--no-single-transaction") != std::string::npos);
      CHECK(outcome.bytes.find("COMMIT") == std::string::npos);
    }
    check_passes(sql, sql, {.single_transaction = false, .unknown_settings = {}});
  }
}

TEST_CASE("What pg_restore --single-transaction puts around its SQL is left out") {
  const std::string sql = kStart + "\\restrict w\n\n-- Dumped by pg_dump\n\nBEGIN;\n\n" +
                          kSettings + "SELECT 1;\n\nCOMMIT;\n\n" + kEnd + "\\unrestrict w\n\n";
  check_passes(sql, kStart + "\n-- Dumped by pg_dump\n\n\n" + kSettings + "SELECT 1;\n\n" + kEnd);
  // Only there: what else ends the transaction is found by psql.
  const std::string other = kHead + "COMMIT;\n\nSELECT 1;\n" + kEnd;
  check_passes(other, other);
}

TEST_CASE("Settings that the target does not know are left out, at the start only") {
  const SqlGuardSpec spec{.single_transaction = true,
                          .unknown_settings = {"transaction_timeout", "other"}};
  const std::string object = "--\n-- Name: f; Type: FUNCTION\n--\n\nSET transaction_timeout = 0;\n";
  check_passes(kHead + object + kEnd, kStart + "SET statement_timeout = 0;\n\n" + object + kEnd,
               spec);
  check_passes(kHead + object + kEnd, kHead + object + kEnd);
}

TEST_CASE("A backup of plain SQL that no restore would take is none") {
  StringSink out;
  SqlCheck check(out);
  check.write(kHead + kLargeObjects + kEnd);
  check.judge_end();
  CHECK_FALSE(out.finished);
  check.finish();
  CHECK(out.finished);
  CHECK(out.bytes == kHead + kLargeObjects + kEnd);

  SqlCheck bad(out);
  const auto error = error_of([&] {
    bad.write(kHead + "COMMENT ON TABLE t IS '\\unrestrict w';\n");
    bad.judge_end();
    return 0;
  });
  REQUIRE(error);
  CHECK(error->kind() == ErrorKind::failed);
  CHECK(error->message().starts_with("pg-backup could not restore this backup: the SQL holds"));
  CHECK(error->hint().find("BACKUP_FORMAT=custom") != std::string::npos);
}

TEST_CASE("The end of our transaction is known by psql's words") {
  CHECK(has_lost_transaction(
      "psql:<stdin>:9: ERROR:  savepoint \"pg_backup_restore_00ff\" does not exist"));
  CHECK(has_lost_transaction(
      "psql:<stdin>:9: ERROR:  RELEASE SAVEPOINT can only be used in transaction blocks"));
  CHECK_FALSE(has_lost_transaction("ERROR:  savepoint \"x\" does not exist"));
}

}  // namespace
}  // namespace pgbackup
