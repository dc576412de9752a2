#include "prune/check.h"

#include <fmt/format.h>

#include <cstdio>

#include "common/base/error.h"
#include "common/base/output.h"
#include "common/service/store_check.h"
#include "prune/report.h"

namespace pgbackup {
namespace {

/// Judges what a run would do: the groups that a guard freezes, and what it would fail of.
Findings judge_plan(const PlannedRun& run, const std::string& area) {
  Findings findings;
  for (const Objection& objection : run.plan.objections) {
    findings.push_back({.level = FindingLevel::attention,
                        .area = area,
                        .subject = "pruning of " + group_title(objection.group),
                        .sentence = "nothing would be deleted: " + objection.sentence,
                        .advice = "see docs/retention.md, When pg-prune refuses",
                        .is_fatal = true});
  }
  for (const Error& error : run.failures) {
    findings.push_back(finding_of(error, FindingLevel::attention, area, "pruning"));
  }
  findings.push_back({.area = area,
                      .subject = "pruning",
                      .sentence = "the next run would " + format_plan_summary(run.plan)});
  return findings;
}

}  // namespace

int check_verb(const PruneConfig& config, const PruneJob& job, Clock& clock,
               const std::stop_token& stop) {
  Log quiet(clock, LogLevel::error, config.service.log_format);  // the findings say what it would
  const auto judge = [&](Store& store, const std::string& area) {
    const UtcTime now = store.now();
    Findings findings = judge_backups(read_newest(store, job.adoption, now), {.area = area}, now);
    append_findings(findings, judge_plan(plan_run(store, job, clock, quiet, stop), area));
    return findings;
  };
  const StoreCheck check{
      .user = StoreUser::remover, .adoption = job.adoption, .judge_backups = judge};
  const Findings findings = check_stores(config.store, check, clock, quiet, stop);
  print_result(stdout,
               config.json ? format_findings_json(findings) : format_findings_text(findings));
  return exit_code_of(findings);
}

}  // namespace pgbackup
