// pg-backup: from the command line to the verbs.
#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <optional>
#include <span>
#include <utility>

#include "backup/config.h"
#include "backup/find.h"
#include "backup/job.h"
#include "backup/list.h"
#include "backup/missing.h"
#include "backup/restore.h"
#include "backup/restore_dialog.h"
#include "backup/terminal.h"
#include "common/base/error.h"
#include "common/base/signals.h"
#include "common/catalog/hold.h"
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
  [[nodiscard]] Targets open() const { return open_targets(config.store, clock, log, stop); }
};

BackupJob make_job(Program& program, const Targets& targets, std::optional<Schedule> schedule) {
  return {{.pg = program.config.pg,
           .bindir = program.config.bindir,
           .zstd_level = program.config.zstd_level,
           .schedule = std::move(schedule)},
          program.environment,
          targets,
          program.clock,
          program.log,
          program.stop};
}

void back_up_once(Program& program) {
  const BackupConfig& config = program.config;
  const Targets targets = program.open();
  make_job(program, targets, config.schedule_is_set ? std::optional(config.schedule) : std::nullopt)
      .run();
}

/// What the daemon does, with its memory of which target has what.
class DaemonBackup {
 public:
  explicit DaemonBackup(Program& program) : program_(program) {}

  /// From any thread: the next run is for all targets.
  void ask() { is_asked_ = true; }

  /// Start of the newest complete backup of the configured database that every target has.
  std::optional<UtcTime> newest() {
    std::string database = program_.config.pg.database;
    if (database.empty()) {  // named by a service
      PgConnection connection(program_.config.pg, program_.stop);
      database = connection.query("select current_database()").at(0).at(0);
    }
    const NewestStarts starts = newest_starts(program_.open(), database, program_.log);
    for (const auto& [target, started] : starts) {
      if (started) missing_.note(target, *started);
    }
    return furthest_behind(starts);
  }

  void run() {
    if (is_asked_.exchange(false)) missing_.clear();
    const Schedule& schedule = program_.config.schedule;
    Targets targets = program_.open();
    left_out_since_ = missing_.select(targets, schedule, program_.clock.now());
    BackupJob job = make_job(program_, targets, schedule);
    try {
      job.run();
    } catch (const Error&) {
      for (const std::string& target : job.holders()) missing_.note(target, job.started());
      throw;
    }
    missing_.clear();
  }

  /// A run for some of the targets does not make the backup of the others any newer.
  [[nodiscard]] UtcTime counts_from(UtcTime started) const {
    return left_out_since_.value_or(started);
  }

 private:
  Program& program_;
  MissingTargets missing_;
  std::optional<UtcTime> left_out_since_;  ///< the oldest backup of the targets left out last
  std::atomic<bool> is_asked_ = false;
};

void list(Program& program) {
  const auto& [backups, failures, not_adopted] =
      list_backups(program.open(), program.config.adoption.adoption);
  if (failures.empty() || !backups.empty()) {
    fmt::print("{}",
               program.config.json ? format_backup_json(backups) : format_backup_table(backups));
  }
  if (std::fflush(stdout) != 0) throw_errno("cannot print the list");
  if (!not_adopted.empty()) program.log.info(describe_not_adopted(not_adopted));
  if (!failures.empty()) throw join_failures(failures);
}

void restore(Program& program) {
  const Targets targets = program.open();
  const PgConfig& pg = program.config.pg;
  const Adoption& adoption = program.config.adoption.adoption;
  RestoreRequest request = program.config.restore;
  FoundBackup found;
  if (request.is_bare() && can_ask()) {
    found = ask_which_backup(targets, adoption, program.log, program.stop);
    request = ask_where_to(found.backup, pg, request, program.stop);
  } else {
    if (request.database.empty() && !request.is_by_key()) request.database = pg.database;
    found = choose_backup(targets, request, adoption, program.log);
  }
  Restore(program.config, program.environment, program.clock, program.log, program.stop)
      .run(found.target->store(), found.backup, request);
}

int run_verb(BackupConfig& config, const ParsedOptions& parsed, const Environment& environment) {
  SystemClock clock;
  Log log(clock, config.service.log_level, config.service.log_format);
  Program program{config, environment, clock, log, {}};
  DaemonBackup backup(program);
  Daemon daemon({.noun = "backup",
                 .schedule = config.schedule,
                 .newest = [&] { return backup.newest(); },
                 .run = [&] { backup.run(); },
                 .counts_from = [&](UtcTime started) { return backup.counts_from(started); }},
                clock, log);
  const Signals signals([&] {
    backup.ask();
    daemon.run_now();
  });
  program.stop = signals.stop_token();
  if (parsed.verb == "list") {
    list(program);
  } else if (parsed.verb == "restore") {
    restore(program);
  } else if (parsed.verb == "hold") {
    hold_backup(program.open(), parsed.argument, clock, log);
  } else if (parsed.verb == "now") {
    back_up_once(program);
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
