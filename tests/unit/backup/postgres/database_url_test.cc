#include "backup/postgres/database_url.h"

#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Texts = std::vector<std::string>;

struct Read {
  PgConfig config;
  Texts left_out;

  explicit Read(std::string_view url) { left_out = read_database_url(config, Secret(url)); }
  [[nodiscard]] std::string further(std::string_view keyword) const {
    for (const auto& [key, value] : config.further) {
      if (key == keyword) return value;
    }
    return "";
  }
};

TEST_CASE("A URL is read as libpq reads it") {
  const Read all(
      "postgresql://app:p%40ss%2Fw%23rd:x@db:1,[::1]:5433/shop?sslmode=disable&connect_timeout=3");
  CHECK(all.config.password.reveal() == "p@ss/w#rd:x");
  CHECK(all.config.database == "shop");
  CHECK(all.further("user") == "app");
  CHECK(all.further("host") == "db,::1");
  CHECK(all.further("port") == "1,5433");
  CHECK(all.further("sslmode") == "disable");
  CHECK(all.left_out.empty());
  CHECK(Read("postgres://db/shop#1").config.database == "shop#1");
  CHECK(Read("postgres:///shop?host=/run/postgresql&user=me@tenant").further("user") ==
        "me@tenant");
  CHECK(Read("postgres://me:a?b@db/shop").config.password.reveal() == "a?b");
  CHECK(Read("postgres://db/shop?ssl=true").further("sslmode") == "require");
}

TEST_CASE("A password that is not percent-encoded is refused, and nothing of the URL is shown") {
  for (const auto* url :
       {"postgres://app:Zeit/geist#9@127.0.0.1:5432/app", "postgres://app:p@ss/w#rd@127.0.0.1/app",
        "postgres://app:half@other@127.0.0.1:5432/app", "postgres://app:one#two@db/app",
        "postgresql://app:12/34@db/app", "postgres://app:a@b?c@db/app",
        "postgres://app:a@b?c=d@db/app", "postgres://app:1/b?c=d@db/app", "postgres://app:@@db/app",
        "postgres://app:/@db", "postgres://app:x/@db/app?sslmode=require"}) {
    CAPTURE(url);
    const auto error = error_of([&] { Read{url}; });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::usage);
    CHECK(std::string(error->what()) ==
          "percent-encode the password: @ is %40, / is %2F, # is %23");
  }
  const auto error = error_of([] { Read{"postgres://app:geheim/app"}; });
  REQUIRE(error);
  CHECK(error->message().starts_with("a port is not a number"));
  CHECK(error->message().find("geheim") == std::string::npos);
}

TEST_CASE("A URL that names the driver of a library is read without it") {
  for (const auto* scheme :
       {"postgresql+asyncpg://", "postgres+psycopg2://", "jdbc:postgresql://"}) {
    CAPTURE(scheme);
    CHECK(is_database_url(scheme));
    const Read read(std::string(scheme) + "me:pass@db:1/shop?sslmode=require");
    CHECK(read.config.password.reveal() == "pass");
    CHECK(read.config.database == "shop");
    CHECK(read.further("host") == "db");
    CHECK(read.further("sslmode") == "require");
  }
  CHECK(Read("jdbc:postgresql://db/shop?user=me&password=pass").config.password.reveal() == "pass");
  for (const auto* url : {"mysql://db/shop", "jdbc:mysql://db/shop", "postgresqlx://db",
                          "postgres:/db", "+postgres://db", "", "://", "jdbc:jdbc:postgres://db"}) {
    CAPTURE(url);
    CHECK_FALSE(is_database_url(url));
  }
}

TEST_CASE("What is for an application's library is left out, and what nobody knows is named") {
  const Read prisma("postgres://db/shop?schema=sales&sslmode=require&connection_limit=5&pool=2");
  CHECK(prisma.left_out == Texts{"schema", "connection_limit", "pool"});
  CHECK(prisma.further("sslmode") == "require");
  CHECK(Read("postgres://db/shop?pgbouncer=true").left_out == Texts{"pgbouncer"});
  for (const auto& [url, name] : std::vector<std::pair<std::string, std::string>>{
           {"postgres://db/shop?sslcret=geheim", " sslcret"},
           {"postgres://db/shop?sslmode=require&sslaccept=strict", " sslaccept"},
           {"postgres://db/shop?x y=geheim", " such parameter behind the ?"},
           {"postgres://db/shop?=geheim", " such parameter behind the ?"}}) {
    CAPTURE(url);
    const auto error = error_of([&] { Read{url}; });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::usage);
    CHECK(error->message().find(name) != std::string::npos);
    CHECK(error->message().find("geheim") == std::string::npos);
  }
}

}  // namespace
}  // namespace pgbackup
