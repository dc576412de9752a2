#include "backup/postgres/link.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("A hint is for what libpq complains of, not for a word in it") {
  const auto hint = [](std::string_view message) { return judge_connect_failure(message).hint; };
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

TEST_CASE("Who may not replicate is told what to change") {
  const auto hint = [](std::string_view message) { return judge_connect_failure(message).hint; };
  const std::string line = "let the role in by a line in the server's pg_hba.conf, and reload it: ";
  CHECK(hint("FATAL:  no pg_hba.conf entry for replication connection from host \"10.0.0.5\", user "
             "\"backup\", no encryption") ==
        line + "host replication \"backup\" 10.0.0.5/32 scram-sha-256");
  CHECK(hint("FATAL:  pg_hba.conf rejects replication connection for host \"::1\", user \"b\", SSL "
             "encryption") == line + "host replication \"b\" ::1/128 scram-sha-256");
  CHECK(hint("FATAL:  no pg_hba.conf entry for replication connection from host \"[local]\", user "
             "\"b\", no encryption") == line + "local replication \"b\" scram-sha-256");
  CHECK(hint("FATAL:  no pg_hba.conf entry for replication connection") ==
        line + "host replication ROLE ADDRESS scram-sha-256");
  CHECK(hint("FATAL:  no pg_hba.conf entry for host \"10.0.0.5\", user \"replication connection\", "
             "database \"app\", no encryption") ==
        "allow this role and address in the server's pg_hba.conf");
  const std::string role = "let the role replicate (ALTER ROLE ... REPLICATION)";
  CHECK(hint("FATAL:  must be superuser or replication role to start walsender") == role);
  CHECK(hint("FATAL:  permission denied to start WAL sender\nDETAIL:  Only roles with the "
             "REPLICATION attribute may start a WAL sender process.") == role);
  CHECK(judge_connect_failure("FATAL:  must be superuser or replication role to start walsender")
            .kind == ErrorKind::denied);
  CHECK(judge_connect_failure("FATAL:  number of requested standby connections exceeds "
                              "\"max_wal_senders\" (currently 10)")
            .kind == ErrorKind::transient);
}

}  // namespace
}  // namespace pgbackup
