#include "backup/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "backup/connection_sources.h"
#include "backup/memory.h"
#include "common/base/container.h"
#include "common/base/units.h"
#include "common/catalog/backup_name.h"

namespace pgbackup {
namespace {

constexpr ScheduleRows kScheduleRows = {
    .interval = "BACKUP_INTERVAL", .cron = "BACKUP_SCHEDULE", .jitter = "BACKUP_JITTER"};

constexpr std::string_view kVerify = "verify";
constexpr std::string_view kShow = "show";

// The verbs on which a group of rows has an effect.
constexpr std::array<std::string_view, 3> kReported = {"serve", "now", kVerify};
constexpr std::array<std::string_view, 3> kBackingUp = {"serve", "now", kCheck};
constexpr std::array<std::string_view, 4> kTiming = {"serve", "now", kScheduleVerb.name, kCheck};
constexpr std::array<std::string_view, 6> kWriting = {"serve",  "now",   "hold",
                                                      kWalPush, kVerify, kCheck};
constexpr std::array<std::string_view, 4> kUploading = {"serve", "now", kWalPush, kCheck};
constexpr std::array<std::string_view, 5> kWithDatabase = {"serve", "now", "restore", kCheckBackup,
                                                           kCheck};
constexpr std::array<std::string_view, 11> kWithStore = {
    "serve",  "now",     "list",  kShow,        "restore", "hold",
    kWalPush, kWalFetch, kVerify, kCheckBackup, kCheck};
constexpr std::array<std::string_view, 12> kLogging = {
    "serve",  "now",     "list",  kShow,        "restore", "hold", kScheduleVerb.name,
    kWalPush, kWalFetch, kVerify, kCheckBackup, kCheck};
constexpr std::array<std::string_view, 4> kAdopting = {"list", kShow, "restore", kCheck};
constexpr std::array<std::string_view, 4> kChoosing = {"list", kShow, "restore", kVerify};
constexpr std::array<std::string_view, 6> kOpening = {"list",    kShow,   "restore",
                                                      kWalFetch, kVerify, kCheck};
constexpr std::array<std::string_view, 2> kVerifying = {"serve", kVerify};
constexpr std::array<std::string_view, 1> kRestoring = {"restore"};

constexpr const char* kDatabasesMount = "/run/secrets/pg_databases";

std::vector<Option> database_options(BackupConfig& config) {
  return {
      {.name = "DB",
       .value = &config.pg.database,
       .help = "The database to back up, taken literally: whitespace, quotes and case count.",
       .aliases = {{"POSTGRES_DB"}},
       .fallbacks = {"PGDATABASE"}},
      {.name = "DATABASE_URL",
       .value = &config.database_url,
       .help =
           "postgres://user:password@host:port/database, where neither DB_HOST, DB_PORT, DB_USER "
           "nor DB_PASSWORD says it."},
      {.name = "DATABASES",
       .value = &config.database_list,
       .help = "In place of DB several, split at commas and whitespace (double quotes protect a "
               "name), or `all`: every database that the role may connect to at each run.",
       .aliases = {{"DB_NAME"}},
       .secret_file = kDatabasesMount,
       .verbs = {"serve", "now", kCheck}},
      {.name = "EXCLUDE_DATABASES",
       .value = &config.excluded_databases,
       .help = "Databases to leave out: names, or patterns such as `test_*`.",
       .verbs = {"serve", "now", kCheck}},
      {.name = "BACKUP_GLOBALS",
       .value = choice(&config.backup_globals, {"auto", "true", "false"}),
       .help = "Whether to back up roles and tablespaces, too, as `_globals`. auto: with "
               "DATABASES=all.",
       .verbs = {"serve", "now", kCheck}},
  };
}

std::vector<Option> connection_options(BackupConfig& config) {
  return {
      {.name = "DB_HOST",
       .value = &config.pg.host,
       .help = "Host name, address, or the directory of a Unix socket.",
       .aliases = {{"POSTGRES_HOST"}},
       .fallbacks = {"PGHOST"},
       .default_note = "libpq's",
       .secret_file = "/run/secrets/pg_host"},
      {.name = "DB_PORT",
       .value = Number{&config.pg.port, 1, 65535},
       .help = "Port of the server.",
       .fallbacks = {"PGPORT"},
       .secret_file = "/run/secrets/pg_port"},
      {.name = "DB_USER",
       .value = &config.pg.user,
       .help = "Role to connect as.",
       .aliases = {{"POSTGRES_USER"}},
       .fallbacks = {"PGUSER"},
       .default_note = "libpq's",
       .secret_file = "/run/secrets/pg_user",
       .rotates = true},
      {.name = "DB_PASSWORD",
       .value = &config.pg.password,
       .help = "Password of the role. Unset: libpq's own means, such as PGPASSFILE.",
       .aliases = {{"POSTGRES_PASSWORD"}},
       .fallbacks = {"PGPASSWORD"},
       .secret_file = "/run/secrets/pg_password"},
      {.name = "PG_BINDIR",
       .value = &config.bindir,
       .help = "Directory searched first for pg_dump, pg_restore and psql; then "
               "/usr/lib/postgresql/*/bin and PATH. The server's major version chooses among what "
               "is found.",
       .verbs = {"serve", "now", "restore", kCheckBackup, kVerify}},
  };
}

std::vector<Option> method_options(BackupConfig& config) {
  return {
      {.name = "BACKUP_METHOD",
       .value = choice(&config.method, {"logical", "physical"}),
       .help = "logical: dumps of databases, by pg_dump. physical: base backups of the whole "
               "server and its WAL, from which any moment can be restored; the default where "
               "WALE_S3_PREFIX is set and no database is named."},
  };
}

std::vector<Option> directory_options(BackupConfig& config) {
  return {
      {.name = "BACKUP_DIR_ON_ROOT",
       .value = choice(&config.may_be_on_root, {"refuse", "allow"}),
       .help =
           "Whether backups may be stored in a container's own layer, which is deleted with the "
           "container: no volume is mounted at BACKUP_DIR."},
  };
}

std::vector<Option> run_options(BackupConfig& config) {
  return {
      {.name = "BACKUP_INTERVAL",
       .value = Duration{&config.timing.interval, std::chrono::seconds(1)},
       .help = "Time from the start of one backup to the start of the next.",
       .aliases = {{"DB_BACKUP_INTERVAL"}}},
      {.name = "BACKUP_SCHEDULE",
       .value = &config.timing.cron,
       .help = "In place of the interval: `minute hour day month weekday`, six fields with seconds "
               "first, or `@daily` and the like. For a CronJob: its own schedule, so that each "
               "backup tells when the next is due.",
       .aliases = {{"SCHEDULE"}}},
      {.name = "--if-due",
       .value = &config.if_due,
       .help = "now: only what has no backup since BACKUP_SCHEDULE was last due, so that a CronJob "
               "that tries again does not start from the beginning",
       .verbs = {"now"}},
      {.name = "BACKUP_JITTER",
       .value = Duration{&config.timing.jitter, std::chrono::seconds(0)},
       .help =
           "Each scheduled backup starts by a random time up to this later, so that many servers "
           "do not start at once."},
      {.name = "DB_RETRY_TIME",
       .value = Duration{&config.db_retry_time, std::chrono::seconds(0)},
       .help = "How long `now` tries again, in all, while PostgreSQL is unavailable, as during a "
               "failover. The daemon tries again by itself.",
       .verbs = {"now"}},
      {.name = "TZ",
       .value = &config.timing.time_zone,
       .help = "Time zone of the schedule, such as Europe/Berlin.",
       .default_note = "UTC",
       .verbs = {"serve", "now", kScheduleVerb.name, "list", "restore", kCheck}},
  };
}

std::vector<Option> reading_options(BackupConfig& config) {
  return {
      {.name = "--from",
       .value = &config.store.only,
       .help = "list, restore, verify: s3 or dir, where both are set (default: both)"},
      {.name = "--json",
       .value = &config.json,
       .help = "list, check: one JSON object per backup or finding, and line",
       .verbs = {"list", kCheck}},
  };
}

std::vector<Option> verify_schedule_options(BackupConfig& config) {
  return {
      {.name = "VERIFY_SCHEDULE",
       .value = &config.verify.cron,
       .help =
           "When backups are verified: `minute hour day month weekday`, `@weekly`, or `@every "
           "7d`. Each time one backup of each database: the newest that never was, else the one "
           "that was verified the longest ago. Unset: never by itself."},
  };
}

/// Returns whether the user set the option; PGDATABASE, which is libpq's, does not count.
bool is_given(const ParsedOptions& parsed, std::string_view name) {
  return is_set(parsed, name) && !is_from(parsed, name, "PGDATABASE");
}

/// Parses a list of names; adds a mistake in it to `problems`.
template <class Parse>
auto parse_list(std::string_view variable, const std::string& text, const Parse& parse,
                std::vector<std::string>& problems) {
  try {
    return parse(text);
  } catch (const Error& error) {
    problems.push_back(fmt::format("{}: '{}': {}", variable, text, error.message()));
    return decltype(parse(text))();
  }
}

void check_databases(BackupConfig& config, const ParsedOptions& parsed,
                     std::vector<std::string>& problems) {
  DatabaseSelection& databases = config.databases;
  const bool has_list = is_set(parsed, "DATABASES");
  const bool is_weaker = is_from(parsed, "DATABASES", kDatabasesMount) && is_set(parsed, "DB");
  if (has_list && !is_weaker) {
    const size_t before = problems.size();
    databases = parse_list("DATABASES", config.database_list, parse_databases, problems);
    const bool is_one = databases.names.size() == 1;
    if (databases.names.empty() && !databases.all && problems.size() == before) {
      problems.push_back(fmt::format("DATABASES: '{}' names nothing", config.database_list));
    }
    if (is_given(parsed, "DB") && !(is_one && databases.names.front() == config.pg.database)) {
      problems.push_back(fmt::format("DB is '{}' and DATABASES is '{}'; keep one",
                                     config.pg.database, config.database_list));
    }
    config.pg.database = is_one ? databases.names.front() : "";
  } else if (!config.pg.database.empty()) {
    databases.names = {config.pg.database};
  }
  databases.exclude =
      parse_list("EXCLUDE_DATABASES", config.excluded_databases, parse_names, problems);
}

/// Returns what follows a complaint that something is missing: that DATABASE_URL does not provide
/// it, and why.
std::string note_on_url(const std::vector<std::string>& notes) {
  const auto note = std::find_if(notes.begin(), notes.end(), [](const std::string& text) {
    return text.starts_with("DATABASE_URL is not used");
  });
  return note == notes.end() ? "" : "; " + *note;
}

/// Makes the backups physical where an environment of the older system says so: it names where
/// wal-e stored its backups, and no database.
void choose_method(BackupConfig& config, ParsedOptions& parsed, const Environment& environment) {
  if (is_set(parsed, "BACKUP_METHOD") || is_given(parsed, "DB") || is_set(parsed, "DATABASES")) {
    return;
  }
  const auto found = environment.find("WALE_S3_PREFIX");
  if (found == environment.end() || found->second.empty()) return;
  config.method = BackupMethod::physical;
  parsed.notes.emplace_back(
      "WALE_S3_PREFIX is set and no database is named, so the backups are physical "
      "(BACKUP_METHOD=physical)");
}

/// Refuses by name the flags of a restore of a cluster in that of a dump, and the other way
/// round.
void refuse_flags_of_other(const BackupConfig& config, std::vector<std::string>& problems) {
  const bool is_cluster = config.cluster.cluster;
  const std::vector<std::string> flags =
      is_cluster ? dump_flags(config.restore) : cluster_flags(config.cluster);
  for (const std::string& flag : flags) {
    problems.push_back(fmt::format(
        "{} {}", flag, is_cluster ? "has no effect with --cluster" : "needs --cluster"));
  }
}

/// Completes the request of a restore: the word after the verb is the id, as the older system's
/// script had it.
void check_restore_request(BackupConfig& config, ParsedOptions& parsed) {
  std::vector<std::string>& problems = parsed.problems;
  if (!parsed.arguments.empty()) {
    const std::string& id = parsed.arguments.front();
    if (config.restore.id != "latest") problems.emplace_back("the id is given twice: keep one");
    config.restore.id = id == "LATEST" ? "latest" : id;
    if (config.method == BackupMethod::physical) config.cluster.cluster = true;
  }
  if (take_group_of_id(config.restore, problems) == Group::cluster()) config.cluster.cluster = true;
  // The variable says what backups hold.
  config.restore.part.schema_only =
      config.dump.schema_only && is_from(parsed, "SCHEMA_ONLY", "flag");
  refuse_flags_of_other(config, problems);
  if (config.cluster.cluster) return check_cluster_request(config.cluster, problems);
  check_target(config, parsed);
  check_restore(config.restore, config.pg.database, config.adoption.adoption, problems);
}

void check_backup(const BackupConfig& config, const ParsedOptions& parsed, bool is_service,
                  std::vector<std::string>& problems) {
  if (config.method == BackupMethod::physical) {
    if (config.dump.is_native) {
      problems.push_back(fmt::format("{}, and base backups are none: set it to zstd, gzip or none",
                                     kNativeIsOfArchives));
    }
    return check_physical_options(config.physical, problems);
  }
  const bool is_named = config.databases.all || !config.databases.names.empty() ||
                        !config.database_list.empty() || is_service;
  if (is_named) return;
  problems.push_back(fmt::format(
      "nothing says which database to back up: set DB=app for one, or DATABASES to a list or to "
      "all; or BACKUP_METHOD=physical for the whole server{}",
      note_on_url(parsed.notes)));
}

/// Reports a volume that is mounted at another path, so that backups would be deleted with the
/// container.
void check_directory(const BackupConfig& config, const Environment& environment,
                     std::vector<std::string>& problems) {
  const std::filesystem::path& directory = config.store.backup_dir;
  if (directory.empty() || config.may_be_on_root || !is_in_container(environment)) {
    return;
  }
  if (!is_on_root_mount(directory)) return;
  problems.push_back(
      fmt::format("BACKUP_DIR: no volume is mounted at {}, so the backups would be deleted with "
                  "the container: check the path of the mount, or set BACKUP_DIR_ON_ROOT=allow",
                  directory.string()));
}

std::vector<Verb> backup_verbs() {
  return {{.name = "serve",
           .help = "back up every BACKUP_INTERVAL or by BACKUP_SCHEDULE (default)",
           .also = "backup-service"},
          {.name = "now",
           .help = "one backup of each database",
           .also = "backup-db /opt/backup.py /scripts/backup.sh"},
          {.name = kCheck,
           .help = "connect to PostgreSQL and every destination, and say what is wrong"},
          {"list", "show the backups"},
          {kShow, "show what is known about one backup", "GROUP/ID"},
          {.name = "restore",
           .help = "restore a backup; on a terminal without options it asks",
           .arguments = "[ID]",
           .also = "/scripts/restore.sh"},
          {.name = kVerify,
           .help = "find out whether the newest backup of each database can be restored",
           .arguments = "[GROUP/ID]"},
          {.name = kCheckBackup,
           .help = "say whether the newest base backup and WAL are young enough",
           .also = "check_backup"},
          {kWalPush, "archive_command: store a file of the WAL", "PATH"},
          {kWalFetch, "restore_command: bring a file of the WAL", "NAME PATH"},
          kScheduleVerb,
          kConfigVerb,
          {"hold", "keep a backup until pg-prune releases it", "GROUP/ID"},
          kHealthVerb};
}

}  // namespace

CommandLine backup_command_line(BackupConfig& config) {
  CommandLine command{
      .program = "pg-backup",
      .summary = "Backs up PostgreSQL databases to S3-compatible storage or a directory.",
      .verbs = backup_verbs(),
      .options = {},
      .notes =
          "Further variables of libpq work as everywhere: PGSERVICE, PGPASSFILE, PGSSLMODE, "
          "PGSSLROOTCERT, ...\nSIGUSR1 starts a backup now, SIGTERM stops. "
          "Exit codes: 0 done, 1 failed, 2 wrong settings, 3 refused."};
  append_options(command.options, "PostgreSQL", database_options(config), kWithDatabase);
  append_options(command.options, "PostgreSQL", connection_options(config), kWithDatabase);
  append_options(command.options, "Target of a restore", target_options(config), kRestoring);
  append_options(command.options, "Older systems", adoption_options(config.adoption), kAdopting);
  append_options(command.options, "Store", store_options(config.store), kWithStore);
  append_options(command.options, "Store", directory_options(config), kBackingUp);
  append_options(command.options, "Store", upload_options(config.store), kUploading);
  append_options(command.options, "Store", rate_options(config.store), kWithStore);
  append_options(command.options, "Store", write_option_rows(config.store.s3.write), kWriting);
  append_options(command.options, "Signatures", sign_key_rows(config.store.signatures), kBackingUp);
  append_options(command.options, "Signatures", verify_key_rows(config.store.signatures),
                 kWithStore);
  append_options(command.options, "Schedule", run_options(config), kTiming);
  append_options(command.options, "Backups", method_options(config), kBackingUp);
  append_options(command.options, "Physical", base_backup_rows(config.physical), kBackingUp);
  append_options(command.options, "Physical", wal_stream_rows(config.physical),
                 std::array{std::string_view("serve"), kCheck});
  append_options(command.options, "Physical", freshness_rows(config.physical),
                 std::array{kCheckBackup});
  append_options(command.options, "Physical", wal_file_rows(config.wal_file),
                 std::array{kWalPush, kWalFetch});
  append_options(command.options, "Backups", dump_rows(config.dump), kBackingUp);
  append_options(command.options, "Encryption", age_recipient_rows(config.age), kUploading);
  append_options(command.options, "Encryption", age_identity_rows(config.age), kOpening);
  append_options(command.options, "Service", service_options(config.service), kLogging);
  append_options(command.options, "Verification", verify_schedule_options(config),
                 std::array{std::string_view("serve")});
  append_options(command.options, "Verification", verify_rows(config.verify), kVerifying);
  append_options(command.options, "Reports", report_options(config.reports), kReported);
  append_options(command.options, "Options", reading_options(config), kChoosing);
  append_options(command.options, "Options", list_options(config.list), kChoosing);
  append_options(command.options, "Restore", restore_options(config.restore), kRestoring);
  append_options(command.options, "Restore", cluster_restore_options(config.cluster), kRestoring);
  append_options(command.options, "Verification", verify_flags(config.verify), std::array{kVerify});
  return command;
}

void check_backup_config(BackupConfig& config, ParsedOptions& parsed,
                         const Environment& environment) {
  std::vector<std::string>& problems = parsed.problems;
  check_schedule(config.timing, kScheduleRows, parsed, problems);
  check_time_zone(config.timing, problems);
  if (parsed.verb == kScheduleVerb.name) return;
  config.pg.port_is_set = is_set(parsed, "DB_PORT");
  check_connection(config, parsed, environment);
  check_databases(config, parsed, problems);
  choose_method(config, parsed, environment);
  const bool needs_store = parsed.verb != "restore" || config.restore.input.empty();
  if (needs_store) check_store_config(config.store, parsed, problems);
  check_signatures(config.store.signatures, parsed, environment);
  check_adoption(config.adoption, problems);
  if (parsed.verb == "hold" && !parsed.arguments.empty()) {
    check_backup_name(parsed.verb, parsed.arguments.front(), problems);
  }
  if (parsed.verb == kVerify || parsed.verb == "serve") {
    check_verify_options(config.verify,
                         config.timing.schedule.zone().value_or(config.timing.time_zone), problems);
  }
  if (parsed.verb == kVerify && !parsed.arguments.empty()) {
    check_backup_name(parsed.verb, parsed.arguments.front(), problems);
    if (config.restore.all) problems.emplace_back("--all and a backup are both given; keep one");
  }
  check_encryption(config, parsed);
  if (parsed.verb == "now" || parsed.verb == "serve" || parsed.verb == kCheck) {
    check_backup(config, parsed, environment.contains("PGSERVICE"), problems);
    check_dump_options(config.dump, problems);
    check_directory(config, environment, problems);
    note_memory(config, parsed.notes);
  }
  check_report_config(config.reports, parsed);
  if (parsed.verb == kWalPush || parsed.verb == kWalFetch) {
    check_wal_file_options(config.wal_file, problems);
  }
  if (config.if_due && (config.timing.cron.empty() || config.timing.schedule.is_interval())) {
    problems.emplace_back(
        "--if-due needs BACKUP_SCHEDULE with the times at which it is started: an interval does "
        "not tell since when a backup counts");
  }
  check_list(config.list, problems);
  if (parsed.verb == "restore") check_restore_request(config, parsed);
}

}  // namespace pgbackup
