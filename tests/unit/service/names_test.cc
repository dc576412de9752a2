#include "common/service/names.h"

#include <algorithm>

#include "backup/config.h"
#include "prune/config.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Notes = std::vector<std::string>;

Notes notes_of(const CommandLine& command, const Environment& environment) {
  return notes_on_names(command, parse_options(command, {}, environment), environment);
}

Notes backup_notes(const Environment& environment) {
  BackupConfig config;
  return notes_of(backup_command_line(config), environment);
}

Notes prune_notes(const Environment& environment) {
  PruneConfig config;
  return notes_of(prune_command_line(config), environment);
}

TEST_CASE("Names of older systems in use are told with ours") {
  CHECK(backup_notes({{"POSTGRES_HOST", "h"}, {"PGUSER", "u"}, {"S3_BUCKET", "b"}}) ==
        Notes{"POSTGRES_HOST is used as DB_HOST"});
  CHECK(prune_notes({{"BACKUP_KEEP_DAYS", "7"}, {"DB_BACKUP_MAX_N", "3"}}) ==
        Notes{"BACKUP_KEEP_DAYS is used as S3_BACKUP_MAX_AGE",
              "DB_BACKUP_MAX_N is used as RETENTION_KEEP_LAST"});
}

TEST_CASE("A slip of the pen is noticed") {
  for (const auto& [name, meant] : std::vector<std::pair<std::string, std::string>>{
           {"S3_BUKET", "S3_BUCKET"},
           {"S3_BUCKETS", "S3_BUCKET"},
           {"S3_ENDPIONT", "S3_ENDPOINT"},
           {"DB_PASWORD", "DB_PASSWORD"},
           {"DB_PASSWORD_FIEL", "DB_PASSWORD_FILE"},
           {"DATABASE", "DATABASES"},
           {"BACKUP_SCEDULE", "BACKUP_SCHEDULE"},
           {"BACKUP-DIR", "BACKUP_DIR"},
           {"EXCLUDE_DATABASE", "EXCLUDE_DATABASES"}}) {
    CAPTURE(name);
    CHECK(backup_notes({{name, "x"}}) ==
          Notes{name + " is no setting; did you mean " + meant + "?"});
  }
  CHECK(prune_notes({{"RETENTION_KEEP_DALY", "7"}}) ==
        Notes{"RETENTION_KEEP_DALY is no setting; did you mean RETENTION_KEEP_DAILY?"});
}

TEST_CASE("The names of other images are told with ours, where ours is not set") {
  for (const auto& [name, ours] :
       std::vector<std::pair<std::string, std::string>>{{"POSTGRES_PORT", "DB_PORT"},
                                                        {"POSTGRESQL_PASSWORD", "DB_PASSWORD"},
                                                        {"DB_PASS", "DB_PASSWORD"},
                                                        {"DB_DATABASE", "DB"},
                                                        {"S3_SECRET_ACCESS_KEY", "S3_SECRET_KEY"},
                                                        {"S3_BUCKET_NAME", "S3_BUCKET"},
                                                        {"POSTGRES_EXTRA_OPTS", "PGDUMP_OPTIONS"},
                                                        {"TIMEZONE", "TZ"}}) {
    CAPTURE(name);
    CHECK(backup_notes({{name, "1"}}) == Notes{name + " is no setting here; " + ours + " is"});
  }
  CHECK(prune_notes({{"RETENTION_DAYS", "30"}}) ==
        Notes{"RETENTION_DAYS is no setting here; S3_BACKUP_MAX_AGE is"});
  // The value is the one in force, ours is set, empty, or of the other program.
  CHECK(backup_notes({{"POSTGRES_PORT", "5432"}}).empty());
  CHECK(backup_notes({{"POSTGRES_PORT", "1"}, {"DB_PORT", "2"}}).empty());
  CHECK(backup_notes({{"DB_PASS", ""}}).empty());
  CHECK(backup_notes({{"RETENTION_DAYS", "30"}}).empty());
  CHECK(prune_notes({{"DB_PASS", "x"}}).empty());
}

TEST_CASE("What others may have set is no slip of the pen") {
  for (const auto* name : {"PATH",
                           "HOME",
                           "USER",
                           "HOST",
                           "HOSTNAME",
                           "LANG",
                           "TERM",
                           "PWD",
                           "SHLVL",
                           "LC_ALL",
                           "DBS",
                           "DB_NAMES2X",
                           "PGHOSTS",
                           "PGDATABASES",
                           "AWS_REGIONS",
                           "AWS_PROFILE",
                           "POSTGRES_DBS",
                           "KUBERNETES_PORT",
                           "DB_PORT_5432_TCP",
                           "DB_SERVICE_HOST",
                           "S3_SERVICE_PORT",
                           "APP_PORT",
                           "LOGNAME",
                           "METRICS_JOB",
                           "PUSHGATEWAY_URL",
                           "RESTORE_COMMAND",
                           "SWEEP",
                           "BACKUP_COMMAND"}) {
    CAPTURE(name);
    CHECK(backup_notes({{name, "1"}}).empty());
    CHECK(prune_notes({{name, "1"}}).empty());
  }
}

TEST_CASE("The variables of one program are no slip of the pen for the other") {
  BackupConfig backup;
  PruneConfig prune;
  const auto all_set = [](const CommandLine& command) {
    Environment environment;
    for (const Option& row : command.options) {
      if (row.name.starts_with("--")) continue;
      environment[std::string(row.name)] = "x";
      for (const Alias& alias : row.aliases) environment[std::string(alias.name)] = "x";
    }
    return environment;
  };
  const auto slips = [](Notes notes) {
    std::erase_if(notes, [](const std::string& note) {
      return note.find("did you mean") == std::string::npos;
    });
    return notes;
  };
  CHECK(slips(backup_notes(all_set(prune_command_line(prune)))) == Notes());
  CHECK(slips(prune_notes(all_set(backup_command_line(backup)))) == Notes());
}

}  // namespace
}  // namespace pgbackup
