#include "backup/postgres/client_program.h"

#include <sys/stat.h>

#include <array>
#include <csignal>

#include "backup/config.h"
#include "backup/restore/client_sink.h"
#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("The version of a client program is read from its --version") {
  CHECK(parse_client_version("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n") == 150018);
  CHECK(parse_client_version("pg_dump (PostgreSQL) 17.0\n") == 170000);
  CHECK(parse_client_version("pg_restore (PostgreSQL) 9.6.24\n") == 90624);
  CHECK(parse_client_version("pg_dump (PostgreSQL) 19devel\n") == 190000);
  CHECK(parse_client_version("pg_dump (PostgreSQL) 18rc1") == 180000);
}

TEST_CASE("What is no version of a client program counts as none") {
  for (const auto* text : {"", "pg_dump", "pg_dump (PostgreSQL) ", "pg_dump (PostgreSQL) x",
                           "pg_dump 15.2", "15.2", "Error: You must install postgresql-client"}) {
    CAPTURE(text);
    CHECK(parse_client_version(text) == 0);
  }
}

TEST_CASE("A server gets the client of its own major version, else the next newer one") {
  const std::vector<ClientProgram> found = {{"/14/pg_dump", 140010},
                                            {"/17/pg_dump", 170002},
                                            {"/16/pg_dump", 160001},
                                            {"/16b/pg_dump", 160009}};
  CHECK(choose_client(found, "pg_dump", 140001).path == "/14/pg_dump");
  CHECK(choose_client(found, "pg_dump", 150001).path == "/16b/pg_dump");
  CHECK(choose_client(found, "pg_dump", 160000).path == "/16b/pg_dump");
  CHECK(choose_client(found, "pg_dump", 170009).path == "/17/pg_dump");
  CHECK(choose_client(found, "pg_dump", 90600).path == "/14/pg_dump");
}

TEST_CASE("Of one major version the newest release is taken, and of equals the first") {
  const std::vector<ClientProgram> found = {{"/old/pg_dump", 150018},
                                            {"/new/pg_dump", 150020},
                                            {"/again/pg_dump", 150020},
                                            {"/16/pg_dump", 160016}};
  CHECK(choose_client(found, "pg_dump", 150018).path == "/new/pg_dump");
  CHECK(choose_client(found, "pg_dump", 150021).path == "/new/pg_dump");
}

TEST_CASE("Only older clients, or none, is an error that names both versions") {
  const std::vector<ClientProgram> old = {{"/13/pg_dump", 130005}, {"/14/pg_dump", 140010}};
  try {
    static_cast<void>(choose_client(old, "pg_dump", 150018));
    FAIL("an older pg_dump was chosen");
  } catch (const Error& error) {
    CHECK(error.message() ==
          "the server is PostgreSQL 15.18, but the newest pg_dump here is 14.10 (/14/pg_dump)");
    CHECK_FALSE(error.hint().empty());
  }
  CHECK_THROWS_AS(choose_client({}, "pg_dump", 150018), Error);
}

TEST_CASE("A connection string holds every odd name and no password") {
  PgConfig config;
  config.host = "db";
  config.user = "o'neil";
  config.database = R"(a'b\c d=e)";
  config.password = Secret("hunter2");
  const std::string text = connection_string(config);
  CHECK(text.starts_with(R"(host='db' port='5432' user='o\'neil' dbname='a\'b\\c d=e')"));
  CHECK(text.find("hunter2") == std::string::npos);
}

TEST_CASE("Without a host the port is left to libpq, unless it was set") {
  PgConfig config;
  CHECK(connection_string(config).find("port=") == std::string::npos);
  config.port_is_set = true;
  CHECK(connection_string(config).find("port='5432'") != std::string::npos);
  CHECK(connection_string(config.with_database("x")).find("port='5432'") != std::string::npos);
}

TEST_CASE("A client program inherits no secret that the table of options knows, by any name") {
  BackupConfig config;
  const CommandLine command = backup_command_line(config);
  Environment environment = {{"S3_SECRET_KEY", "x"},
                             {"S3_ACCESS_KEY_FILE", "x"},
                             {"AWS_SECRET_ACCESS_KEY", "x"},
                             {"DB_PASSWORD", "x"},
                             {"DB_PASSWORD_FILE", "x"},
                             {"POSTGRES_PASSWORD", "x"},
                             {"POSTGRES_PASSWORD_FILE", "x"},
                             {"PGPASSWORD", "x"},
                             {"DATABASE_URL", "x"},
                             {"DATABASE_URL_FILE", "x"},
                             {"PGPASSFILE", "/p"},
                             {"PGSSLMODE", "require"},
                             {"PATH", "/bin"}};
  environment = without_secrets(std::move(environment), command.options);
  const std::vector<std::string> with = client_environment(environment, true);
  CHECK(with == std::vector<std::string>{"PATH=/bin", "PGSSLMODE=require",
                                         "PGPASSFILE=/proc/self/fd/3", "PGCONNECT_TIMEOUT=30"});
  const std::vector<std::string> without = client_environment(environment, false);
  CHECK(without == std::vector<std::string>{"PATH=/bin", "PGPASSFILE=/p", "PGSSLMODE=require",
                                            "PGCONNECT_TIMEOUT=30"});
}

/// A program in place of psql: it reads the passfile when it starts, as psql does, answers one
/// line, and then runs a program that looks for the password.
std::string stand_in_for_psql(const TemporaryFolder& folder) {
  const std::filesystem::path path = folder.write(
      "psql",
      "#!/bin/sh\n"
      "known=$(cat \"$PGPASSFILE\")\n"
      "read -r warn word && echo \"$word\" >&2\n"
      "read -r look\n"
      "sh -c 'cat \"$PGPASSFILE\" /proc/$PPID/fd/3; env' 2>/dev/null | grep -c hunter2\n"
      "case $known in *hunter2*) echo knew ;; esac\n");
  chmod(path.c_str(), 0700);
  return path.string();
}

TEST_CASE("What psql starts finds no password, which psql itself has had") {
  const TemporaryFolder folder;
  const ClientProgram psql{stand_in_for_psql(folder), 150000};
  PgConfig config;
  config.password = Secret("hunter2");
  ClientProcess client({.program = psql, .arguments = {}}, config, {{"PATH", "/usr/bin:/bin"}}, {});
  wait_until_connected(client, [](std::string_view) { return std::string(); });
  client.process().write("look\n");
  client.process().close_stdin();
  std::string said;
  std::array<char, 256> buffer{};
  while (const size_t got = client.read(buffer)) said.append(buffer.data(), got);
  CHECK(said == "0\nknew\n");
}

TEST_CASE("A psql that cannot connect is an error with its status") {
  const auto before = std::signal(SIGPIPE, SIG_IGN);  // as both programs do
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.write("psql", "#!/bin/sh\nexit 2\n");
  chmod(path.c_str(), 0700);
  const ClientProgram psql{path, 150000};
  PgConfig config;
  config.password = Secret("hunter2");
  ClientProcess client({.program = psql, .arguments = {}}, config, {{"PATH", "/usr/bin:/bin"}}, {});
  CHECK(fails_with(ErrorKind::failed, "exited with 2", [&] {
    wait_until_connected(client, [](std::string_view) { return std::string(); });
  }));
  static_cast<void>(std::signal(SIGPIPE, before));
}

}  // namespace
}  // namespace pgbackup
