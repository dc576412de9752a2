#include "backup/postgres/dump_format.h"

#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using namespace std::string_literals;

TEST_CASE("What pg_dump wrote is told by its first bytes") {
  CHECK(format_of("PGDMP\x01\x0e\x00\x04\x08\x01"s) == StreamFormat::custom);
  CHECK(format_of("PGDMP") == StreamFormat::custom);
  CHECK(format_of("--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\n") ==
        StreamFormat::plain);
  CHECK(format_of("--\n-- PostgreSQL database dump\n--\n") == StreamFormat::plain);
}

TEST_CASE("Anything else is not what pg_dump writes of one database") {
  for (const std::string& head :
       {""s, "P"s, "PGDM"s, "pgdmp"s, " PGDMP"s, "\x1f\x8b\x08"s, "\x28\xb5\x2f\xfd"s, "--\n"s,
        "-- PostgreSQL database dump\n--\n"s, "--\n-- PostgreSQL database dump\n"s,
        "--\n-- PostgreSQL database dump complete\n--\n"s,
        "--\n-- PostgreSQL database cluster dump\n--\n"s, "--\r\n-- PostgreSQL database dump\r\n"s,
        "drop database app;\n"s, "<html>"s, "toc.dat\0\0\0"s}) {
    CAPTURE(head);
    CHECK_FALSE(format_of(head));
  }
}

TEST_CASE("The version of an archive tells which pg_restore can read it") {
  const auto archive = [](char minor) { return "PGDMP\x01"s + minor + "\0\4\10"s; };
  CHECK(least_pg_restore(archive(12)) == 0);
  CHECK(least_pg_restore(archive(14)) == 0);
  CHECK(least_pg_restore(archive(15)) == 160000);
  CHECK(least_pg_restore(archive(16)) == 170000);
  CHECK(least_pg_restore(archive(17)) == 170000);  // later ones: the newest that we know of
  CHECK(least_pg_restore("PGDMP\x01") == 0);
}

TEST_CASE("Plain SQL ends with pg_dump's own line") {
  const std::string end = "--\n-- PostgreSQL database dump complete\n--\n\n";
  for (const std::string& text : {end, "x\n" + end, end + "\\unrestrict 4xTokenOfAnyLength\n\n",
                                  end + "\n\n", std::string(200'000, 'x') + "\n" + end}) {
    CHECK(is_complete_sql(text));
  }
}

TEST_CASE("Plain SQL without it, or with more behind it, is not complete") {
  const std::string end = "--\n-- PostgreSQL database dump complete\n--\n\n";
  for (const std::string& text :
       {""s, "\n"s, "--\n"s, "\n-- PostgreSQL database dump complete"s, end.substr(3),
        "-- PostgreSQL database dump complet\n"s, "-- PostgreSQL database dump complete \n"s,
        "-- PostgreSQL database dump\n"s, " " + end.substr(3), "x" + end.substr(3),
        end + "select 1;\n", end + "--x\n", end + "\\unrestrict", end + "\\connect app\n",
        "\\unrestrict token\n"s, end + std::string(5000, '\n'), end + "--"}) {
    CAPTURE(text.substr(0, 100));
    CHECK_FALSE(is_complete_sql(text));
  }
  // Nowhere in the middle.
  for (size_t length = 0; length + 5 < end.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(is_complete_sql("copy 1\n" + end.substr(0, length)));
  }
}

const std::string kDigest = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";

TEST_CASE("The output of sha256sum is read, whatever path it names") {
  CHECK(parse_sha256sum(kDigest + "  app_20240115T120000Z.dump\n") == kDigest);
  CHECK(parse_sha256sum(kDigest + " */backups/app/a name.sql.gz") == kDigest);
  CHECK(parse_sha256sum("B94D27" + kDigest.substr(6) + "  x\n") == kDigest);
}

TEST_CASE("Anything else beside a dump is no checksum") {
  for (const std::string& text :
       {""s, "\n"s, kDigest, kDigest + "\n", kDigest + " x\n", kDigest + "  ", kDigest + "  \n",
        kDigest.substr(1) + "  x\n", "0" + kDigest + "  x\n", "g" + kDigest.substr(1) + "  x\n",
        kDigest + "\tx\n", "SHA256 (x) = " + kDigest + "\n",
        kDigest + "  x\n" + kDigest + "  y\n"}) {
    CAPTURE(text);
    CHECK(fails_with(ErrorKind::corrupt, "not what sha256sum prints",
                     [&] { return parse_sha256sum(text); }));
  }
}

}  // namespace
}  // namespace pgbackup
