// pg-prune: deletes the backups that no rule keeps. Links no libpq and has no database password.
#include <span>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/output.h"
#include "common/base/signals.h"
#include "common/catalog/hold.h"
#include "common/service/job.h"
#include "common/service/program.h"
#include "common/store/store_config.h"
#include "prune/config.h"
#include "prune/job.h"
#include "prune/metrics.h"

namespace pgbackup {
namespace {

ReportStyle style_of(const PruneConfig& config, const ParsedOptions& parsed) {
  if (parsed.verb == "serve") return ReportStyle::log;
  return config.json ? ReportStyle::json : ReportStyle::table;
}

int run(PruneConfig& config, const CommandLine& command, const ParsedOptions& parsed) {
  SystemClock clock;
  Log log(clock, config.service.log_level, config.service.log_format);
  std::stop_token stop;
  RequestCounter requests;
  config.store.s3.counter = &requests;
  // The destinations are opened for each run, so that one that was unavailable at start is found
  // later.
  const auto open = [&] { return open_destinations(config.store, clock, log, stop); };
  RunStates states;
  PruneSummaries summaries;
  const PruneJob job{.rules = config.rules,
                     .adoption = config.adoption.adoption,
                     .dry_run = config.dry_run || parsed.verb == "plan",
                     .style = style_of(config, parsed),
                     .states = &states,
                     .summaries = &summaries};
  const auto prune = [&] {
    const Environment environment = process_environment();
    for (const auto& note : reread_secrets(command.options, parsed, environment)) log.warn(note);
    prune_once(open(), job, clock, log, stop);
  };
  Job pruning({.noun = kPruneJob, .schedule = config.timing.schedule, .newest = {}, .run = prune},
              clock, log);
  const Signals signals([&pruning] { pruning.run_now(); });
  stop = signals.stop_token();
  if (parsed.verb == kScheduleVerb.name) {
    print_result(stdout, format_next_times(config.timing, clock.now()));
    return 0;
  }
  if (parsed.verb == "release") {
    (job.dry_run ? preview_release : release_backup)(open(), parsed.arguments.front(), log);
    return 0;
  }
  log_notes(log, parsed);
  if (const auto warning = rules_warning(parsed)) log.warn(*warning);
  if (job.dry_run && job.style == ReportStyle::table) {
    print_result(stdout, format_rules(config) + "\n");
  }
  if (parsed.verb == "plan" || parsed.verb == "now") {
    prune();
    return 0;
  }
  log_settings(log, "pg-prune", parsed);
  serve({.jobs = {&pruning},
         .states = states,
         .metrics =
             [&](const Health& health) {
               return prune_metrics(
                   {health.is_well, states.all(), summaries.all(), requests.counts()});
             }},
        config.service, clock, log, stop);
  return 0;
}

}  // namespace
}  // namespace pgbackup

int main(int argc, char** argv) {
  using namespace pgbackup;
  PruneConfig config;
  const CommandLine command = prune_command_line(config);
  config.store.environment = without_secrets(process_environment(), command.options);
  return run_program(
      command, config.service, std::span(argv, static_cast<size_t>(argc)),
      [&](ParsedOptions& parsed) { check_prune_config(config, parsed); },
      [&](const ParsedOptions& parsed) { return run(config, command, parsed); });
}
