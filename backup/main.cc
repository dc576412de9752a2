// pg-backup: from the command line to the verbs. What a verb does is in the other files of backup/.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backup/age_keys.h"
#include "backup/check.h"
#include "backup/cluster.h"
#include "backup/config.h"
#include "backup/connection_sources.h"
#include "backup/list.h"
#include "backup/list_recovery.h"
#include "backup/metrics.h"
#include "backup/program.h"
#include "backup/restore_verb.h"
#include "backup/runs.h"
#include "backup/verify_service.h"
#include "common/base/error.h"
#include "common/base/output.h"
#include "common/base/printable.h"
#include "common/base/signals.h"
#include "common/catalog/backup_name.h"
#include "common/catalog/hold.h"
#include "common/http/transport.h"
#include "common/service/job.h"
#include "common/service/run_reporter.h"

namespace pgbackup {
namespace {

/// Is added to the exit code of a wal-fetch that failed: whatever it is from 1 to 125, PostgreSQL
/// takes it for "not there", and ends the recovery early.
constexpr int kFetchFailed = 200;

/// Returns the groups that are to have backups, as far as the settings name them.
std::vector<Group> wanted_groups_of(const BackupConfig& config) {
  if (config.method == BackupMethod::physical) return {Group::cluster()};
  std::vector<Group> groups;
  if (!config.databases.all) groups = parse_groups(config.databases.names);
  if (config.backup_globals == Globals::yes) groups.push_back(Group::globals());
  std::erase_if(groups, [](const Group& group) { return !group.is_named(); });
  return groups;
}

void list(Program& program) {
  const Destinations destinations = program.open();
  const bool is_json = program.config.json;
  const ListRequest& wanted = program.config.list;
  const std::string& database = program.config.restore.database;
  auto [backups, failures, not_adopted, never] =
      list_backups(destinations, program.config.adoption.adoption, program.clock,
                   {.database = database,
                    .since = wanted.since.empty() ? std::nullopt : parse_since(wanted.since),
                    .newest = wanted.latest ? 1 : wanted.newest,
                    .wanted = wanted_groups_of(program.config)},
                   {.open = [&] { return program.open(); },
                    .stop = program.stop,
                    .keys = program.config.age.for_reading()});
  if (failures.empty() || !backups.empty() || !never.empty()) {
    print_result(stdout, is_json ? format_backup_json(backups, never)
                                 : format_backup_table(
                                       backups, time_of(destinations, program.clock), never));
  }
  auto [recovery, more_failures] = list_recovery(destinations, backups, program.log);
  print_result(stdout, is_json ? format_recovery_json(recovery) : format_recovery_table(recovery));
  log_not_adopted(not_adopted, program.log);
  std::move(more_failures.begin(), more_failures.end(), std::back_inserter(failures));
  if (!failures.empty()) throw join_failures(failures);
}

/// Shows one backup. An unambiguous beginning of its id is enough.
void show(Program& program, const std::string& name) {
  const size_t slash = name.rfind('/');
  const bool has_group = slash != std::string::npos;
  const Destinations destinations = program.open();
  Listing listing = list_backups(destinations, program.config.adoption.adoption, program.clock,
                                 {.database = has_group ? name.substr(0, slash) : "",
                                  .id = has_group ? name.substr(slash + 1) : name},
                                 {.keys = program.config.age.for_reading()});
  if (!listing.failures.empty()) throw join_failures(listing.failures);
  std::set<std::string> found;
  for (const ListedBackup& one : listing.backups) found.insert(one.backup.folder());
  if (found.empty()) {
    throw Error(ErrorKind::not_found, fmt::format("there is no backup '{}'", printable(name)),
                "pg-backup list shows what there is");
  }
  if (found.size() > 1) {
    throw ambiguous_name(name, {found.begin(), found.end()});
  }
  for (const ListedBackup& one : listing.backups) {
    print_result(stdout, format_backup_details(one, program.clock.now()));
  }
}

/// Returns the metrics as they stand, with those of the WAL streams `wal`.
std::vector<MetricFamily> metrics_of(const Program& program, BackupRuns& runs,
                                     std::vector<WalStatus> wal, Verdict verdict) {
  return backup_metrics({.now = program.clock.now(),
                         .states = runs.states().all(),
                         .wal = std::move(wal),
                         .program = {verdict, program.requests.counts(), program.started}});
}

/// Returns what is reported of the runs. WAL streams are left out: how they stand at the end of a
/// run says nothing until the next. The arguments must outlive the result.
ReportedRuns reported(const Program& program, const ParsedOptions& parsed, BackupRuns& runs,
                      const LogTail& tail) {
  const std::filesystem::path& file = program.config.store.s3.ca_file;
  return {.program = "pg-backup",
          .job = kBackupJob,
          .states = runs.states(),
          .schedule = &program.config.timing.schedule,
          .jitter = program.config.timing.jitter,
          .metrics = [&](Verdict verdict) { return metrics_of(program, runs, {}, verdict); },
          .tail = &tail,
          .transports = [&file] { return std::make_unique<CurlTransport>(file); },
          .is_once = parsed.verb == "now"};
}

/// Holds what the daemon does besides backups.
struct Companions {
  std::vector<OwnStream> streams{};
  std::optional<OwnSettings> of_check{};
  std::unique_ptr<VerifyService> verifications{};  ///< null: none are asked for
};

/// Runs the daemon until a stop.
void serve_all(Program& program, BackupRuns& runs, Job& backups, Companions& companions) {
  StartCheck check(*companions.of_check, program, [&] { return backups.has_told(); });
  const std::vector<OwnStream>& streams = companions.streams;
  std::vector<ServedJob*> jobs = {&backups, &check};
  if (companions.verifications) jobs.push_back(companions.verifications.get());
  for (const OwnStream& one : streams) jobs.push_back(one.stream.get());
  const auto metrics = [&](Verdict verdict) {
    return metrics_of(program, runs, statuses_of(streams), verdict);
  };
  serve({.jobs = jobs, .states = runs.states(), .metrics = metrics}, program.config.service,
        program.clock, program.log, program.stop);
}

bool reads_backups(std::string_view verb) {
  return verb == "list" || verb == "show" || verb == "restore" || verb == "verify" ||
         verb == kWalFetch;
}

/// Runs a verb that makes no backup, and returns the exit code; nullopt for `now` and `serve`.
std::optional<int> run_other(Program& program, const ParsedOptions& parsed,
                             const Companions& companions) {
  if (reads_backups(parsed.verb)) read_identities(program.config.age);
  if (parsed.verb == kScheduleVerb.name) {
    print_result(stdout, format_next_times(program.config.timing, program.clock.now()));
  } else if (parsed.verb == kCheck) {
    return check_verb(program);
  } else if (parsed.verb == "list") {
    list(program);
  } else if (parsed.verb == "show") {
    show(program, parsed.arguments.front());
  } else if (parsed.verb == "restore") {
    restore_verb(program);
  } else if (parsed.verb == "hold") {
    hold_backup(program.open(), parsed.arguments.front(), program.clock, program.log);
  } else if (parsed.verb == "verify") {
    log_notes(program.log, parsed);
    companions.verifications->once(parsed.arguments.empty() ? "" : parsed.arguments.front());
  } else if (parsed.verb == kCheckBackup) {
    return check_backup(program);
  } else if (parsed.verb == kWalPush) {
    push_wal_file(program, parsed.arguments.front());
  } else if (parsed.verb == kWalFetch) {
    return fetch_wal_file(program, parsed.arguments.front(), parsed.arguments.back()) ? 0 : 1;
  } else {
    return std::nullopt;
  }
  return 0;
}

/// Runs the verb and returns the exit code. `environment` is that of child processes, without
/// secrets. Calls `refresh` at the start of each run.
int run_verb(BackupConfig& config, const ParsedOptions& parsed, const Environment& environment,
             std::span<const std::string> arguments, const std::function<void(Log&)>& refresh) {
  SystemClock clock;
  RequestCounter requests;
  config.store.s3.counter = &requests;
  LogTail tail;
  Log log(clock, config.service.log_level, config.service.log_format, stderr, &tail);
  Program program{config, environment, clock, log, {}, arguments, requests, clock.now()};
  BackupRuns runs(config, environment, clock, log, program.stop);
  RunReporter reporter(reported(program, parsed, runs, tail), config.reports, clock, log);
  Job backups({.noun = kBackupJob,
               .schedule = config.timing.schedule,
               .newest =
                   [&] {
                     refresh(log);
                     return reporter.look([&] { return runs.newest(); });
                   },
               .run =
                   [&] {
                     refresh(log);
                     reporter.run([&] { runs.run(); });
                   },
               .counts_from = [&](UtcTime started) { return runs.counts_from(started); },
               .about_run = [&] { return runs.about_run(); },
               .jitter = config.timing.jitter},
              clock, log);
  Companions companions;
  if (parsed.verb == "serve") {  // no threads yet
    companions.streams = make_wal_streams(program, runs, backups);
    companions.of_check.emplace(arguments, process_environment(), config.store.s3.counter);
  }
  if (parsed.verb == "verify" || (parsed.verb == "serve" && config.verify.schedule)) {
    companions.verifications =
        std::make_unique<VerifyService>(program, runs.states(), tail, parsed.verb == "verify");
  }
  const Signals signals([&] {
    runs.ask();
    backups.run_now();
  });
  program.stop = signals.stop_token();
  config.age.keys.stop = program.stop;
  if (const auto code = run_other(program, parsed, companions)) return *code;
  if (parsed.verb == "now") {
    log_notes(log, parsed);
    begin_encrypting(config.age, log);
    const auto run = [&] {
      if (!runs.once()) reporter.note_idle();
    };
    reporter.run_last(run, program.stop);
  } else {
    log_settings(log, "pg-backup", parsed);
    log_notes(log, parsed);
    begin_encrypting(config.age, log);
    serve_all(program, runs, backups, companions);
    reporter.finish(program.stop);
  }
  return 0;
}

}  // namespace
}  // namespace pgbackup

int main(int argc, char** argv) {
  using namespace pgbackup;
  BackupConfig config;
  const CommandLine command = backup_command_line(config);
  const Environment environment = process_environment();
  const Environment for_children = without_secrets(environment, command.options);
  config.store.environment = for_children;
  find_age(config.age.keys, for_children);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  bool is_answered = false;
  const int code = run_program(
      command, config.service, std::span(argv, static_cast<size_t>(argc)),
      [&](ParsedOptions& parsed) { check_backup_config(config, parsed, environment); },
      [&](const ParsedOptions& parsed) {
        const int answer = run_verb(config, parsed, for_children, arguments, [&](Log& log) {
          for (const std::string& note :
               reread_backup_secrets(config, command, parsed, environment)) {
            log_note(log, note);
          }
        });
        is_answered = true;
        return answer;
      });
  const bool is_fetch = std::find(arguments.begin(), arguments.end(), kWalFetch) != arguments.end();
  return is_fetch && !is_answered && code != 0 ? kFetchFailed + code : code;
}
