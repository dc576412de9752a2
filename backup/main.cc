// pg-backup: from the command line to the verbs.
#include <fmt/format.h>

#include <cstdio>
#include <optional>
#include <span>

#include "backup/config.h"
#include "backup/job.h"
#include "backup/list.h"
#include "backup/progress.h"
#include "backup/restore.h"
#include "backup/restore_dialog.h"
#include "backup/terminal.h"
#include "common/base/error.h"
#include "common/base/signals.h"
#include "common/base/units.h"
#include "common/catalog/catalog.h"
#include "common/service/daemon.h"

namespace pgbackup {
namespace {

/// What every verb works with.
struct Program {
  BackupConfig& config;
  const Environment& environment;
  Clock& clock;
  Log& log;
  std::stop_token stop;

  /// Opened for each piece of work, so that a directory that was away at start is found later.
  [[nodiscard]] std::unique_ptr<Store> open() const {
    return open_store(config.store, clock, log, stop);
  }
};

void back_up(Program& program, bool is_daemon) {
  const bool schedule_holds = is_daemon || program.config.schedule_is_set;
  const std::unique_ptr<Store> store = program.open();
  BackupJob job(
      {.pg = program.config.pg,
       .bindir = program.config.bindir,
       .zstd_level = program.config.zstd_level,
       .schedule = schedule_holds ? std::optional(program.config.schedule) : std::nullopt},
      program.environment, *store, program.clock, program.log, program.stop);
  const Manifest manifest = job.run();
  uint64_t stored = 0;
  for (const ManifestObject& object : manifest.objects) stored += object.bytes;
  program.log.info(fmt::format("backed up {}", manifest.group),
                   {{"id", manifest.id},
                    {"size", format_bytes(stored)},
                    {"plain", format_bytes(manifest.plain_bytes)},
                    {"seconds", std::to_string((manifest.finished - manifest.started).count())}});
}

/// Start of the newest complete backup of the configured database.
std::optional<UtcTime> newest_start(Program& program) {
  std::string database = program.config.pg.database;
  if (database.empty()) {  // named by a service
    PgConnection connection(program.config.pg, program.stop);
    database = connection.query("select current_database()").at(0).at(0);
  }
  const std::vector<Backup> backups = read_catalog(*program.open(), database);
  const Backup* const newest = newest_complete(backups, database);
  return newest == nullptr ? std::nullopt : std::optional(newest->time);
}

void restore(Program& program) {
  const std::unique_ptr<Store> store = program.open();
  RestoreRequest request = program.config.restore;
  if (request.is_bare() && can_ask()) {
    request = ask_what_to_restore(*store, program.config.pg, request, program.stop);
  }
  if (request.database.empty()) request.database = program.config.pg.database;
  Restore(program.config, program.environment, *store, program.clock, program.log, program.stop)
      .run(request);
}

int run_verb(BackupConfig& config, const ParsedOptions& parsed, const Environment& environment) {
  SystemClock clock;
  Log log(clock, config.service.log_level, config.service.log_format);
  Program program{config, environment, clock, log, {}};
  Daemon daemon({.noun = "backup",
                 .schedule = config.schedule,
                 .newest = [&] { return newest_start(program); },
                 .run = [&] { back_up(program, true); }},
                clock, log);
  const Signals signals([&] { daemon.run_now(); });
  program.stop = signals.stop_token();
  if (parsed.verb == "list") {
    const std::vector<ListedBackup> backups = list_backups(*program.open());
    fmt::print("{}", config.json ? format_backup_json(backups) : format_backup_table(backups));
    if (std::fflush(stdout) != 0) throw_errno("cannot print the list");
  } else if (parsed.verb == "restore") {
    restore(program);
  } else if (parsed.verb == "now") {
    back_up(program, false);
  } else {
    log_settings(log, "pg-backup", parsed);
    serve(daemon, config.service, clock, log, program.stop);
  }
  return 0;
}

}  // namespace
}  // namespace pgbackup

int main(int argc, char** argv) {
  using namespace pgbackup;
  BackupConfig config;
  const Environment environment = process_environment();
  return run_program(
      backup_command_line(config), config.service, std::span(argv, static_cast<size_t>(argc)),
      [&](const ParsedOptions& parsed, std::vector<std::string>& problems) {
        check_backup_config(config, parsed, environment, problems);
      },
      [&](const ParsedOptions& parsed) { return run_verb(config, parsed, environment); });
}
