#include "backup/config.h"

#include <fmt/ranges.h>

#include "backup/connection_sources.h"
#include "backup/restore/terminal.h"
#include "common/base/error.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"
#include "tests/support/test_log.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

/// All problems of one start, a line each.
std::string problems_of(const std::vector<std::string>& arguments, const Environment& environment) {
  const VariableGuard zone("TZ");
  BackupConfig config;
  const CommandLine command = backup_command_line(config);
  ParsedOptions parsed = parse_options(command, arguments, environment);
  check_backup_config(config, parsed, environment);
  return fmt::format("{}", fmt::join(parsed.problems, "\n"));
}

const Environment kDirectory = {{"BACKUP_DIR", "/backups"}, {"DB", "app"}};
const Environment kBucket = {
    {"S3_BUCKET", "b"}, {"S3_ACCESS_KEY", "a"}, {"S3_SECRET_KEY", "s"}, {"DB", "app"}};

const Environment kPhysical = {{"BACKUP_DIR", "/backups"}, {"BACKUP_METHOD", "physical"}};

Environment with(Environment environment, const std::string& name, const std::string& value) {
  environment[name] = value;
  return environment;
}

TEST_CASE("The least that a backup needs is a database and a target") {
  CHECK(problems_of({"now"}, kDirectory).empty());
  CHECK(problems_of({"now"}, kBucket).empty());
  CHECK(problems_of({"now"}, with(kBucket, "BACKUP_DIR", "/b")).empty());
  CHECK(problems_of({"list", "--from", "dir"}, with(kBucket, "BACKUP_DIR", "/b")).empty());
  CHECK(problems_of({"restore", "--from", "s3"}, with(kBucket, "BACKUP_DIR", "/b")).empty());
  CHECK(problems_of({}, kBucket).empty());
  CHECK(problems_of({"list"}, {{"BACKUP_DIR", "/backups"}}).empty());
  CHECK(problems_of({"now"}, {{"BACKUP_DIR", "/b"}, {"PGDATABASE", "app"}}).empty());
  CHECK(problems_of({"now"}, {{"BACKUP_DIR", "/b"}, {"PGSERVICE", "app"}}).empty());
  CHECK(problems_of({"restore", "--id", "20261120T031500Z-9f3a1c2b"}, kDirectory).empty());
}

TEST_CASE("The key of an older system's backup is an id that needs no database") {
  const Environment adopting = {{"BACKUP_DIR", "/backups"}, {"ADOPT_LAYOUTS", "all"}};
  for (const auto* key :
       {"backup-2021-01-06T22:06:31.106555.dump", "app-2021-11-01T20:51:55-9f3a1c2b.pg-dump",
        "app/app_20240115T120000Z.sql.gz", "2024/01/15/app_120000.sql.gz"}) {
    CAPTURE(key);
    CHECK(problems_of({"restore", "--id", key}, adopting).empty());
    CHECK(problems_of({"restore", "--id", key}, kDirectory).find("ADOPT_LAYOUTS=") !=
          std::string::npos);
  }
  for (const auto* key : {"app/app_20240115T120000Z.dump.sha256", "app/app_20240115T120000Z.tar",
                          "app/app.dump", "/app/app_20240115T120000Z.dump",
                          "../app/app_20240115T120000Z.dump", "2024/01/32/app_120000.sql.gz"}) {
    CAPTURE(key);
    CHECK(problems_of({"restore", "--id", key}, adopting).find("is not latest or an id") !=
          std::string::npos);
  }
}

TEST_CASE("How objects are written matters to a bucket only") {
  for (const auto& [name, value] : Environment{{"S3_STORAGE_CLASS", "GLACIER"},
                                               {"S3_OBJECT_LOCK_MODE", "GOVERNANCE"},
                                               {"S3_KMS_KEY_ID", "k"}}) {
    CAPTURE(name);
    CHECK(problems_of({"now"}, with(kDirectory, name, value)).empty());
    CHECK(problems_of({"now"}, with(kBucket, name, value)).find(name) != std::string::npos);
  }
  const Environment trusting = with(kBucket, "S3_PAYLOAD_SIGNING", "unsigned");
  CHECK(problems_of({"now"}, trusting).empty());  // AWS: https
  CHECK(problems_of({"now"}, with(trusting, "S3_ENDPOINT", "s3.example.com")).empty());
  CHECK(problems_of({"now"}, with(trusting, "S3_ENDPOINT", "http://s3.example.com"))
            .find("needs an https endpoint") != std::string::npos);
}

TEST_CASE("Everything that is wrong is said at once") {
  const std::string problems =
      problems_of({"now"}, {{"DB_PORT", "tcp://10.0.0.1:5432"}, {"ZSTD_LEVEL", "99"}});
  CHECK(problems.find("DB_PORT: 'tcp://10.0.0.1:5432' is not a whole number from 1 to 65535 "
                      "(Kubernetes") != std::string::npos);
  CHECK(problems.find("ZSTD_LEVEL: '99'") != std::string::npos);
  CHECK(problems.find("there is no destination") != std::string::npos);
  CHECK(problems.find("nothing says which database") != std::string::npos);
}

TEST_CASE("An environment of wal-e makes the backups physical, unless a database is named") {
  const Environment theirs = {{"WALE_S3_PREFIX", "s3://b/p"},
                              {"AWS_ACCESS_KEY_ID", "a"},
                              {"AWS_SECRET_ACCESS_KEY", "s"},
                              {"PGUSER", "u"},
                              {"PGHOST", "h"}};
  BackupConfig config;
  const auto parse = [&](const std::vector<std::string>& arguments,
                         const Environment& environment) {
    config = BackupConfig{};
    const CommandLine command = backup_command_line(config);
    ParsedOptions parsed = parse_options(command, arguments, environment);
    check_backup_config(config, parsed, environment);
    return fmt::format("{}", fmt::join(parsed.problems, "\n"));
  };
  const auto method_of = [&](const Environment& environment) {
    static_cast<void>(parse({"now"}, environment));
    return config.method;
  };
  CHECK(parse({"restore", "LATEST"}, theirs).empty());
  CHECK(config.restore.id == "latest");
  CHECK(config.cluster.cluster);
  CHECK(method_of(theirs) == BackupMethod::physical);
  CHECK(method_of(with(theirs, "DATABASES", "all")) == BackupMethod::logical);
  CHECK(method_of(with(theirs, "DB", "app")) == BackupMethod::logical);
  CHECK(method_of(with(theirs, "BACKUP_METHOD", "logical")) == BackupMethod::logical);
  CHECK(method_of(with(theirs, "PGDATABASE", "app")) == BackupMethod::physical);
  CHECK(problems_of({"serve"}, kPhysical).empty());
}

TEST_CASE("The commands of older systems are verbs") {
  BackupConfig config;
  const CommandLine command = backup_command_line(config);
  const auto verb_of = [&](const std::string& word) {
    const ParsedOptions parsed = parse_options(command, std::vector{word}, {});
    return parsed.problems.empty() ? std::string(parsed.verb) : parsed.problems[0];
  };
  const std::vector<std::pair<std::string, std::string>> words = {
      {"backup-service", "serve"},
      {"backup-db", "now"},
      {"/opt/backup.py", "now"},
      {"/scripts/backup.sh", "now"},
      {"/scripts/restore.sh", "restore"}};
  for (const auto& [word, verb] : words) {
    CAPTURE(word);
    CHECK(verb_of(word) == verb);
  }
  for (const auto* word : {"backup.py", "/opt/backup", "/opt/prune-backups.py",
                           "/scripts/cleanup.sh", "/scripts/restore.sh latest"}) {
    CAPTURE(word);
    CHECK(verb_of(word).starts_with("unknown command "));
  }
  const ParsedOptions parsed =
      parse_options(command, std::vector<std::string>{"/scripts/restore.sh", "2024/x.sql.gz"}, {});
  CHECK(parsed.arguments == std::vector<std::string>{"2024/x.sql.gz"});
}

TEST_CASE("Base backups are no archives that pg_dump could compress") {
  CHECK(problems_of({"now"}, with(kPhysical, "BACKUP_COMPRESSION", "native"))
            .find("BACKUP_COMPRESSION=native is pg_dump's own compression of its archive, and base "
                  "backups are none") != std::string::npos);
  CHECK(problems_of({"now"}, with(kPhysical, "BACKUP_COMPRESSION", "none")).empty());
  CHECK(problems_of({"list"}, with(kPhysical, "BACKUP_COMPRESSION", "native")).empty());
}

TEST_CASE("Each wrong setting is named") {
  struct Case {
    std::vector<std::string> arguments;
    Environment environment;
    std::string says;
  };
  const std::vector<Case> cases = {
      {{"now"}, {{"BACKUP_DIR", "/b"}}, "nothing says which database to back up: set DB=app"},
      {{"serve"}, with(kPhysical, "WAL_SLOT", "Slot"), "WAL_SLOT: 'Slot' is not a name"},
      {{"serve"},
       with(with(kPhysical, "WAL_SYNC", "true"), "WAL_STREAM", "false"),
       "WAL_SYNC has no effect with WAL_STREAM=false"},
      {{"now"}, with(kPhysical, "BASE_BACKUP_MAX_RATE", "1KiB"), "no less than 32KiB per second"},
      {{"wal-push", "--system-id", "../../x", "00000002.history"},
       kDirectory,
       "--system-id: '../../x' is not the system identifier of a server"},
      {{"wal-push", "--system-id", "abc", "00000002.history"}, kDirectory, "--system-id: 'abc'"},
      {{"wal-fetch", "--system-id", "0", "00000002.history", "p"}, kBucket, "--system-id: '0'"},
      {{"restore", "--cluster", "--target-time", "noon"}, kPhysical, "--target-time: 'noon'"},
      {{"restore", "LATEST", "--id", "20261120T031500Z-9f3a1c2b"},
       kPhysical,
       "the id is given twice"},
      {{"restore", "--target-dir", "/d"}, kDirectory, "--target-dir needs --cluster"},
      {{"restore", "--cluster", "--create"}, kDirectory, "--create has no effect with --cluster"},
      {{"restore", "--cluster", "--database", "x"},
       kDirectory,
       "--database has no effect with --cluster"},
      {{"restore", "--cluster", "--globals"}, kDirectory, "--globals has no effect with --cluster"},
      {{"restore", "--cluster", "--output", "f"},
       kDirectory,
       "--output has no effect with --cluster"},
      {{"now"}, with(kDirectory, "DATABASES", "app, b"), "DB is 'app' and DATABASES is 'app, b'"},
      {{"now"}, with(kDirectory, "DB_NAME", "b"), "DB is 'app' and DATABASES is 'b'; keep one"},
      {{"now"}, with(kDirectory, "POSTGRES_DB", "other"), "DB and POSTGRES_DB are two names"},
      {{"now"},
       {{"BACKUP_DIR", "/b"}, {"DATABASES", "a \"b"}},
       "DATABASES: 'a \"b': a double quote"},
      {{"now"}, {{"BACKUP_DIR", "/b"}, {"DATABASES", "a,\"\""}}, "a name is empty"},
      {{"now"}, with(kDirectory, "EXCLUDE_DATABASES", "\""), "EXCLUDE_DATABASES: '\"'"},
      {{"now"}, with(kDirectory, "BACKUP_GLOBALS", "maybe"), "BACKUP_GLOBALS"},
      {{"restore", "--globals", "--database", "app"}, kDirectory, "--globals and --database"},
      {{"now", "--globals"},
       kDirectory,
       "--globals has no effect on now; it belongs to pg-backup restore"},
      {{"now"}, {{"DB", "app"}}, "there is no destination"},
      {{"list"}, {}, "there is no destination"},
      {{"now"}, with(kBucket, "S3_SECRET_KEY", ""), "S3_ACCESS_KEY is set without S3_SECRET_KEY"},
      {{"list", "--from", "s3"}, kDirectory, "--from s3: S3_BUCKET is not set"},
      {{"restore", "--from", "dir"}, kBucket, "--from dir: BACKUP_DIR is not set"},
      {{"list", "--from", "tape"}, kDirectory, "--from: 'tape' is neither s3 nor dir"},
      {{"now", "--from", "dir"},
       kDirectory,
       "--from has no effect on now; it belongs to pg-backup list, show, "
       "restore and verify"},
      {{"now"}, with(kBucket, "S3_ENDPOINT", "ftp://host"), "S3_ENDPOINT"},
      {{"now"}, with(kBucket, "S3_ADDRESSING", "host"), "S3_ADDRESSING"},
      {{"now"}, with(kBucket, "S3_UPLOAD_CONCURRENCY", "0"), "S3_UPLOAD_CONCURRENCY"},
      {{"now"}, with(kBucket, "S3_PART_SIZE", "5MB"), "S3_PART_SIZE"},
      {{"now"}, with(kBucket, "S3_PART_SIZE", "1GiB"), "S3_PART_SIZE"},
      {{"now"}, with(kBucket, "S3_MAX_PARTS", "10001"), "S3_MAX_PARTS"},
      {{"now"}, with(kBucket, "S3_MAX_RATE", "40KiB"), "S3_UPLOAD_CONCURRENCY"},
      {{"now"}, with(kBucket, "S3_BUCKET", "has blanks"), "S3_BUCKET"},
      {{"now"}, with(kBucket, "S3_CA_FILE", "/not/there"), "S3_CA_FILE: cannot read /not/there"},
      {{"now"}, with(kDirectory, "BACKUP_INTERVAL", "daily"), "BACKUP_INTERVAL"},
      {{"now"}, with(kDirectory, "BACKUP_INTERVAL", "0"), "BACKUP_INTERVAL"},
      {{"serve"}, with(kDirectory, "BACKUP_SCHEDULE", "0 3 * *"), "BACKUP_SCHEDULE: "},
      {{"now"}, with(kDirectory, "BACKUP_SCHEDULE", "daily"), "BACKUP_SCHEDULE: "},
      {{"now", "--backup-interval", "1h"},
       with(kDirectory, "BACKUP_SCHEDULE", "@daily"),
       "BACKUP_INTERVAL and BACKUP_SCHEDULE are both set"},
      {{"serve"}, with(kDirectory, "TZ", "Europe/Berlln"), "TZ: "},
      {{"serve"}, with(kDirectory, "BACKUP_SCHEDULE", "TZ=Mars/Olympus @daily"), "TZ: "},
      {{"serve"}, with(kDirectory, "MAX_BACKUP_AGE_SECONDS", "0"), "MAX_BACKUP_AGE_SECONDS"},
      {{"now"}, with(kDirectory, "LOG_LEVEL", "loud"), "LOG_LEVEL"},
      {{"now"}, with(kDirectory, "LOG_FORMAT", "xml"), "LOG_FORMAT"},
      {{"now"}, with(kDirectory, "DB_PASSWORD_FILE", "/does/not/exist"), "DB_PASSWORD_FILE"},
      {{"now"}, with(kDirectory, "DB_PASSWORD", "x\r"), "DB_PASSWORD: the value holds a control"},
      {{"now"}, with(kBucket, "S3_ACCESS_KEY", "a\nb"), "S3_ACCESS_KEY: the value holds a control"},
      {{"now", "--json"}, kDirectory, "--json has no effect on now; it belongs to pg-backup list"},
      {{"now", "--db-password", "x"}, kDirectory, "every process can read a command line"},
      {{"backup"}, kDirectory, "unknown command backup"},
      {{"now", "--bucket"}, kDirectory, "unknown option --bucket"},
      {{"restore", "--id", "yesterday"}, kDirectory, "--id: 'yesterday'"},
      {{"restore", "--id", "2024/01/15/app_120000.sql.gz"},
       with(kDirectory, "ADOPT_LAYOUTS", "db-folder"),
       "ADOPT_LAYOUTS=date-folders adopts it"},
      {{"restore", "--clean", "--create"}, kDirectory, "keep one"},
      {{"restore", "--output", "f", "--create"}, kDirectory, "--output writes a file"},
      {{"restore", "--output", "f", "--table", "t"}, kDirectory, "--table does not go with it"},
      {{"restore", "--data-only", "--create"}, kDirectory, "--create does not go with a restore"},
      {{"restore", "--table", "a.b.c"},
       kDirectory,
       "--table: 'a.b.c' is not TABLE or SCHEMA.TABLE"},
      {{"restore", "--at", "noon"}, kDirectory, "--at: 'noon' is no time"},
      {{"restore", "--at", "2026-11-20", "--id", "20261120T031500Z-9f3a1c2b"},
       kDirectory,
       "--at and --id are both given"},
      {{"restore", "--input", "f", "--globals"}, kDirectory, "--input is a file in place"},
      {{"restore", "--all", "--table", "t"}, kDirectory, "--all restores every database"},
      {{"restore", "--all", "--create"}, kDirectory, "--all restores every database"},
      {{"restore", "--replace", "--clean"}, kDirectory, "--replace makes a whole new database"},
      {{"restore", "--replace", "--table", "t"}, kDirectory, "--replace makes a whole new"},
      {{"restore", "--database", "app", "--jobs", "2"}, kDirectory, "needs --create or --replace"},
      {{"restore", "--jobs", "0"}, kDirectory, "--jobs"},
      {{"restore", "--database", "app"}, with(kDirectory, "TARGET_PORT", "1"), "TARGET_HOST"},
      {{"restore", "--database", "app"}, with(kDirectory, "TARGET_URL", "x"), "postgres://"},
      {{"restore", "--output", "f", "--no-owner", "--role", "r"},
       kDirectory,
       "--no-owner, --role=r do"},
      {{"restore", "--output", "f", "--keep-going"},
       kDirectory,
       "--keep-going does not go with it"},
      {{"restore", "--locale", "C"}, kDirectory, "--locale is of a new database"},
      {{"restore", "--database", "app", "--target-database", ""},
       kDirectory,
       "--target-database is empty: give it a value, or leave it out"},
      {{"restore", "--database", "app", "--output="}, kDirectory, "--output is empty"},
      {{"restore", "--database", "app", "--role", ""}, kDirectory, "--role is empty"},
      {{"now", "--keep-going"},
       kDirectory,
       "--keep-going has no effect on now; it belongs to pg-backup restore"},
      {{"list", "--no-comments"},
       kDirectory,
       "--no-comments has no effect on list; it belongs to pg-backup restore"},
  };
  for (const Case& wrong : cases) {
    const std::string problems = problems_of(wrong.arguments, wrong.environment);
    CAPTURE(problems, wrong.says);
    CHECK(problems.find(wrong.says) != std::string::npos);
  }
}

TEST_CASE("Without a terminal nothing is dropped or altered unasked") {
  const auto needs_yes = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "restore");
    const std::string problems = problems_of(arguments, kDirectory);
    CAPTURE(problems);
    return problems.find("needs --yes") != std::string::npos;
  };
  if (can_ask()) return;  // then it asks
  CHECK(needs_yes({"--clean"}));
  CHECK(needs_yes({"--globals"}));
  CHECK(needs_yes({"--database", "_globals"}));
  CHECK_FALSE(needs_yes({"--clean", "--yes"}));
  CHECK_FALSE(needs_yes({"--globals", "--yes"}));
  CHECK_FALSE(needs_yes({"--globals", "--output", "f"}));
  CHECK_FALSE(needs_yes({"--create"}));
  CHECK_FALSE(needs_yes({}));
}

TEST_CASE("A restore is of the globals, of a database, or of what is yet to be said") {
  RestoreRequest request;
  CHECK(request.group() == Group());
  CHECK(request.is_bare());
  request.database = "app";
  CHECK(request.group() == Group::database("app"));
  request.database = "_globals";
  CHECK(request.group() == Group::globals());
  request.database.clear();
  request.globals = true;
  CHECK(request.group() == Group::globals());
  CHECK_FALSE(request.is_bare());
}

TEST_CASE("What is left out of a restore becomes an option of pg_restore") {
  RestoreRequest request;
  CHECK(archive_options(request).empty());
  request.no_owner = request.no_privileges = request.no_comments = true;
  request.no_tablespaces = request.no_publications = true;
  request.role = "odd role";
  CHECK(archive_options(request) ==
        std::vector<std::string>{"--no-owner", "--no-privileges", "--no-comments",
                                 "--no-tablespaces", "--no-publications", "--role=odd role"});
}

TEST_CASE("Roles and tablespaces take none of the flags of a database") {
  RestoreRequest request;
  CHECK(database_flags(request).empty());
  request.create = request.clean = request.no_single_transaction = request.keep_going = true;
  request.no_owner = true;
  request.target_database = "other";
  request.locale = "C";
  CHECK(database_flags(request) ==
        std::vector<std::string>{"--no-owner", "--create", "--clean", "--target-database",
                                 "--locale", "--no-single-transaction", "--keep-going"});
}

TEST_CASE("In a container the directory is a mount, unless a setting allows another") {
  Environment environment = {
      {"BACKUP_DIR", "/"}, {"DB", "app"}, {"KUBERNETES_SERVICE_HOST", "10.0.0.1"}};
  CHECK(contains(problems_of({"now"}, environment), "no volume is mounted at /"));
  CHECK(problems_of({"now"}, with(environment, "BACKUP_DIR_ON_ROOT", "allow")).empty());
  environment["BACKUP_DIR"] = "/proc/self";
  CHECK(problems_of({"now"}, environment).empty());
}

TEST_CASE("A DATABASE_URL that was rotated counts as a whole from then on") {
  const TemporaryFolder folder;
  const auto file = folder.write("url", "postgres://me:old@db/app?sslmode=disable");
  const Environment environment = {{"BACKUP_DIR", "/b"}, {"DATABASE_URL_FILE", file.string()}};
  BackupConfig config;
  const CommandLine command = backup_command_line(config);
  ParsedOptions parsed = parse_options(command, std::vector<std::string>{"now"}, environment);
  check_backup_config(config, parsed, environment);
  REQUIRE(parsed.problems.empty());
  CHECK(config.pg.password.reveal() == "old");
  const size_t settings = config.pg.further.size();

  folder.write("url", "postgres://me:new@db/app?sslmode=require");
  CHECK(reread_backup_secrets(config, command, parsed, environment).empty());
  CHECK(config.pg.password.reveal() == "new");
  CHECK(config.pg.further.size() == settings);
  CHECK(std::ranges::find(config.pg.further, std::pair<std::string, std::string>(
                                                 "sslmode", "require")) != config.pg.further.end());

  folder.write("url", "postgres://me:a@b@db/app");
  const auto kept = reread_backup_secrets(config, command, parsed, environment);
  REQUIRE(kept.size() == 1);
  CHECK(contains(kept.front(), "DATABASE_URL: the previous value is kept"));
  CHECK(config.pg.password.reveal() == "new");
}

TEST_CASE("DB is one name taken whole, DATABASES a list, and libpq's variable yields to it") {
  struct Case {
    Environment environment;
    std::vector<std::string> names;
    bool all;
    bool globals;
  };
  for (const Case& row :
       std::vector<Case>{{{{"DB", "a, b"}}, {"a, b"}, false, false},
                         {{{"POSTGRES_DB", "all"}}, {"all"}, false, false},
                         {{{"DB", "app"}, {"DB_NAME", "app"}}, {"app"}, false, false},
                         {{{"PGDATABASE", "x"}}, {"x"}, false, false},
                         {{{"PGDATABASE", "x"}, {"DATABASES", "a,b  c \"d e\" a"}},
                          {"a", "b", "c", "d e"},
                          false,
                          false},
                         {{{"DB_NAME", "a"}, {"BACKUP_GLOBALS", "true"}}, {"a"}, false, true},
                         {{{"DATABASES", "\"all\""}}, {"all"}, false, false},
                         {{{"DATABASES", "all, app"}}, {"all", "app"}, false, false},
                         {{{"DATABASES", "\"a\"\"b\""}}, {"a\"b"}, false, false},
                         {{{"DATABASES", " all "}}, {}, true, true},
                         {{{"DATABASES", "all"}, {"BACKUP_GLOBALS", "false"}}, {}, true, false}}) {
    BackupConfig config;
    Environment environment = row.environment;
    environment["BACKUP_DIR"] = "/b";
    ParsedOptions parsed =
        parse_options(backup_command_line(config), std::vector<std::string>{"now"}, environment);
    check_backup_config(config, parsed, environment);
    CAPTURE(row.environment);
    CHECK(parsed.problems.empty());
    CHECK(config.databases.names == row.names);
    CHECK(config.databases.all == row.all);
    CHECK(config.globals() == row.globals);
  }
}

TEST_CASE("A secret's file that cannot be read is one problem, not two") {
  Environment environment = with(kBucket, "S3_SECRET_KEY_FILE", "/not/there");
  environment.erase("S3_SECRET_KEY");
  CHECK(problems_of({"now"}, environment) ==
        "S3_SECRET_KEY_FILE: cannot read /not/there: No such file or directory");
}

TEST_CASE("A schedule of the user's own is told from the default") {
  struct Case {
    std::string name;
    std::string value;
    bool is_set;
    std::string next;  ///< after 2026-11-20T12:00:00Z
  };
  const std::vector<Case> cases = {
      {"BACKUP_INTERVAL", "", false, "2026-11-21T12:00:00Z"},
      {"BACKUP_INTERVAL", "1d", true, "2026-11-21T12:00:00Z"},
      {"BACKUP_SCHEDULE", "15 3 * * *", true, "2026-11-21T03:15:00Z"},
      {"BACKUP_SCHEDULE", "TZ=Asia/Tokyo 15 3 * * *", true, "2026-11-20T18:15:00Z"},
  };
  const ZoneGuard zone("UTC");
  for (const Case& given : cases) {
    CAPTURE(given.value);
    const Environment environment = with(kDirectory, given.name, given.value);
    BackupConfig config;
    const CommandLine command = backup_command_line(config);
    ParsedOptions parsed = parse_options(command, {}, environment);
    check_backup_config(config, parsed, environment);
    CHECK(parsed.problems.empty());
    CHECK(config.timing.is_set == given.is_set);
    CHECK(format_iso(config.timing.schedule.next(*parse_iso("2026-11-20T12:00:00Z"))) ==
          given.next);
  }
}

TEST_CASE("The time zone of the schedule is TZ") {
  const ZoneGuard zone("UTC");
  BackupConfig config;
  const CommandLine command = backup_command_line(config);
  const Environment environment = {
      {"BACKUP_DIR", "/b"}, {"DB", "app"}, {"BACKUP_SCHEDULE", "15 3 * * *"}, {"TZ", "Asia/Tokyo"}};
  ParsedOptions parsed = parse_options(command, {}, environment);
  check_backup_config(config, parsed, environment);
  CHECK(format_iso(config.timing.schedule.next(*parse_iso("2026-11-20T12:00:00Z"))) ==
        "2026-11-20T18:15:00Z");
}

}  // namespace
}  // namespace pgbackup
