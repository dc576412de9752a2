#include "backup/check.h"

#include <cstdio>
#include <utility>

#include "backup/check_age.h"
#include "backup/check_server.h"
#include "common/base/error.h"
#include "common/base/output.h"
#include "common/service/store_check.h"

namespace pgbackup {
namespace {

Findings check_all(const BackupConfig& config, CheckDepth depth, const Program& program, Log& log) {
  // A stream of WAL connects at start by itself, and replication connections are few.
  const bool is_streamed = config.method == BackupMethod::physical && config.physical.wal_stream;
  ServerCheck server;
  if (depth == CheckDepth::full || !is_streamed) {
    server = check_server(config, program.environment, log, program.stop);
  }
  Findings findings = std::move(server.findings);
  const StoreCheck check{.user = StoreUser::writer,
                         .depth = depth,
                         .group = server.groups.empty() ? Group() : server.groups.front(),
                         .adoption = config.adoption.adoption,
                         .wanted = server.groups,
                         .schedule = config.timing.schedule,
                         .sizes = std::move(server.sizes),
                         .further = [&](Store& store, const std::string& area,
                                        const std::vector<GroupBackups>& groups) {
                           return check_opening(store, area, groups, config.age.for_reading());
                         }};
  append_findings(findings, check_stores(config.store, check, program.clock, log, program.stop));
  return findings;
}

}  // namespace

int check_verb(Program& program) {
  const BackupConfig& config = program.config;
  // The findings say what a log would.
  Log quiet(program.clock, LogLevel::error, config.service.log_format);
  Findings findings = check_age(program.config.age);
  append_findings(findings, check_all(config, CheckDepth::full, program, quiet));
  print_result(stdout,
               config.json ? format_findings_json(findings) : format_findings_text(findings));
  return exit_code_of(findings);
}

void StartCheck::serve(const std::stop_token& /*stop: that of the program*/) {
  std::string summary;
  std::string advice;
  try {
    Log quiet(program_.clock, LogLevel::error, settings_.config().service.log_format);
    const Findings findings = check_all(settings_.config(), CheckDepth::reach, program_, quiet);
    summary = fatal_summary(findings);
  } catch (...) {
    const Error error = current_error();
    if (error.kind() == ErrorKind::canceled) return;
    summary = error.message();
  }
  if (summary.empty() || is_told_()) return;
  program_.log.warn("the next backup would fail",
                    {{"cause", summary}, {"hint", "pg-backup check says what to do"}});
  const std::lock_guard lock(mutex_);
  summary_ = std::move(summary);
}

Health StartCheck::health(std::optional<std::chrono::seconds> /*max_age*/, UtcTime /*now*/) const {
  const std::lock_guard lock(mutex_);
  const bool is_open = !summary_.empty() && !is_told_();
  return {.is_well = true,
          .sentence = is_open ? "at start the next backup would have failed: " + summary_ : ""};
}

}  // namespace pgbackup
