#include "prune/job.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "common/base/error.h"
#include "common/base/output.h"
#include "prune/decide.h"
#include "prune/execute.h"
#include "prune/guard.h"
#include "prune/next_due.h"
#include "prune/reason_text.h"
#include "prune/report.h"
#include "prune/wal_report.h"

namespace pgbackup {
namespace {

constexpr const char* kDryRun = "dry run: nothing was deleted";

std::string format_tables(const Plan& plan, const Destination& destination) {
  std::string text = destination.name().empty() ? "" : format_heading(destination);
  for (const std::span<const Step> group : groups_of(std::span<const Step>(plan.steps))) {
    text += format_group_table(group, plan) + "\n";
  }
  for (const ServerWalPlan& server : plan.wal) text += format_wal_table(server) + "\n";
  return text + format_plan_summary(plan) + "\n";
}

std::string format_json(const Plan& plan, const Destination& destination) {
  std::string text;
  for (const Step& step : plan.steps) text += format_json_line(step, plan, destination);
  for (const ServerWalPlan& server : plan.wal) text += format_wal_json(server, destination);
  return text;
}

void log_decisions(const Plan& plan, Log& log) {
  for (const Step& step : plan.steps) {
    const LogFields fields = {{"to", action_title(step.action)},
                              {"database", step.backup->group.name()},
                              {"run", step.backup->id},
                              {"reason", reason_line(step, plan.rules)}};
    if (step.reasons.has(Reason::future)) {
      log.warn("decided", fields);
    } else {
      step.action == Action::keep ? log.debug("decided", fields) : log.info("decided", fields);
    }
  }
  for (const ServerWalPlan& server : plan.wal) log_wal_plan(server, log);
  log.info("planned", {{"to", format_plan_summary(plan)}});
}

/// Prints the plan. Throws what printing throws, so that nothing is deleted that was not announced.
void report(const Plan& plan, const Destination& destination, const PruneJob& config, Log& log) {
  switch (config.style) {
    case ReportStyle::table:
      print_result(config.out, format_tables(plan, destination));
      break;
    case ReportStyle::json:
      print_result(config.out, format_json(plan, destination));
      break;
    case ReportStyle::log:
      log_decisions(plan, log);
      break;
  }
  for (const Backup* folder : plan.in_progress) {
    log.info("left alone: no manifest yet, it may be in progress",
             {{"database", folder->group.name()},
              {"run", folder->id},
              {"newest", format_iso(folder->newest)}});
  }
}

std::string_view result_of(const Plan& plan, const Outcome& outcome) {
  if (outcome.failures > 0) return "failure";
  return plan.objections.empty() ? "success" : "refused";
}

/// Says how the run went: in one line, of which a log has the numbers.
void say(const Plan& plan, const Outcome& outcome, std::chrono::seconds taken,
         const PruneJob& config, Log& log) {
  if (config.style == ReportStyle::table) {
    return print(config.out,
                 (config.dry_run ? std::string(kDryRun) : format_outcome(outcome)) + "\n");
  }
  if (config.dry_run) return log.info(kDryRun);
  log.info("run finished", {{"result", result_of(plan, outcome)},
                            {"deleted", outcome.removed},
                            {"swept", outcome.swept},
                            {"wal_objects", outcome.wal_removed},
                            {"freed_bytes", LogBytes{outcome.freed_bytes}},
                            {"failed", outcome.failures},
                            {"seconds", taken.count()}});
}

void throw_objections(const Plan& plan) {
  if (plan.objections.empty()) return;
  const Objection& first = plan.objections.front();
  std::set<Group> groups;
  for (const Objection& objection : plan.objections) groups.insert(objection.group);
  const std::string more =
      groups.size() == 1 ? "" : fmt::format(" and of {} more", groups.size() - 1);
  throw Error(ErrorKind::conflict, fmt::format("nothing of {}{} was touched: {}",
                                               group_title(first.group), more, first.sentence));
}

void tell_objections(const Plan& plan, const Destination& destination, const PruneJob& config) {
  if (!config.refuse) return;
  for (const Objection& objection : plan.objections) {
    config.refuse({.guard = std::string(guard_name(objection.guard)),
                   .group = objection.group,
                   .destination = destination.name(),
                   .sentence = objection.sentence});
  }
}

void note_summary(const Destination& destination, const Plan& plan,
                  const std::optional<Outcome>& outcome, PruneSummaries* summaries) {
  if (summaries == nullptr) return;
  PruneSummary summary = summarize(plan, outcome);
  find_next_due(destination.store(), plan, summaries->of(destination.name()), summary);
  summaries->note(destination.name(), std::move(summary));
}

void prune_destination(const Destination& destination, const PruneJob& config, const Clock& clock,
                       Log& log, const std::stop_token& stop) {
  const auto begun = clock.steady();
  Store& store = destination.store();
  const PlannedRun seen = plan_run(store, config, clock, log, stop);
  const Plan& plan = seen.plan;
  tell_objections(plan, destination, config);
  with_context("nothing was deleted", [&] { report(plan, destination, config, log); });
  Outcome outcome = config.dry_run ? Outcome{} : execute_plan(store, plan, log, stop);
  note_summary(destination, plan, config.dry_run ? std::nullopt : std::optional(outcome),
               config.summaries);
  add_failures(outcome, seen.failures);
  const auto taken = std::chrono::duration_cast<std::chrono::seconds>(clock.steady() - begun);
  say(plan, outcome, taken, config, log);
  throw_failures(outcome);
  throw_objections(plan);
}

/// Runs `work` and notes in `states`, where there are any, how it went.
void noting(RunStates* states, const std::string& destination, const Clock& clock,
            const std::function<void()>& work) {
  if (states == nullptr) return work();
  RunRecord record{.began = clock.now()};
  const auto begun = clock.steady();
  const auto note = [&] {
    record.taken = std::chrono::duration_cast<std::chrono::milliseconds>(clock.steady() - begun);
    states->finish(kPruneJob, {}, destination, record);
  };
  states->begin(kPruneJob, {}, destination, record.began, nullptr);
  try {
    work();
  } catch (...) {
    record.error = current_error();
    note();
    throw;
  }
  note();
}

}  // namespace

PlannedRun plan_run(Store& store, const PruneJob& config, const Clock& clock, Log& log,
                    const std::stop_token& stop) {
  // Before the listing: what is written during it then looks too young rather than too old.
  const UtcTime now = store.now();
  if (const auto objection = guard_clock(clock.now(), now)) {
    throw Error(ErrorKind::conflict, *objection);
  }
  Look seen = look(store, {config.rules, config.adoption, now}, log);
  log_not_adopted(seen.catalog.not_adopted, log);
  std::vector<Error> failures = decide(store, seen, log, stop);
  return {std::move(seen.plan), std::move(failures)};
}

void prune_once(const Destinations& destinations, const PruneJob& config, const Clock& clock,
                Log& log, const std::stop_token& stop) {
  const std::vector<DestinationFailure> failures =
      for_each_destination(destinations, [&](const Destination& destination) {
        const std::string& name = destination.name();
        Log own(log, name.empty() ? LogFields{} : LogFields{{"destination", name}});
        noting(config.states, name, clock,
               [&] { prune_destination(destination, config, clock, own, stop); });
      });
  if (!failures.empty()) throw join_failures(failures);
}

}  // namespace pgbackup
