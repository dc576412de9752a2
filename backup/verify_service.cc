#include "backup/verify_service.h"

#include <utility>

#include "common/http/transport.h"

namespace pgbackup {
namespace {

ReportConfig notify_only(const ReportConfig& all) {
  return {.metrics_job = all.metrics_job,
          .notify_url = all.notify_url.clone(),
          .notify_on = all.notify_on,
          .notify_format = all.notify_format,
          .metrics_instance = all.metrics_instance};
}

}  // namespace

VerifyService::VerifyService(Program& program, RunStates& states, const LogTail& tail, bool is_once)
    : program_(program),
      settings_(program.arguments, process_environment(), program.config.store.s3.counter),
      reports_(notify_only(settings_.config().reports)),
      runs_(settings_.config(), program, states),
      reporter_({.program = "pg-backup",
                 .job = kVerifyJob,
                 .states = states,
                 .metrics = [](Verdict) { return std::vector<MetricFamily>(); },
                 .tail = &tail,
                 .transports =
                     [this] {
                       return std::make_unique<CurlTransport>(settings_.config().store.s3.ca_file);
                     },
                 .is_once = is_once},
                reports_, program.clock, program.log),
      job_({.noun = kVerifyJob,
            .schedule =
                settings_.config().verify.schedule.value_or(Schedule::every(std::chrono::days(1))),
            .newest =
                [this] {
                  refresh();
                  return runs_.newest();
                },
            .run =
                [this] {
                  refresh();
                  reporter_.run([this] { runs_.run(); });
                }},
           program.clock, program.log) {}

void VerifyService::refresh() {
  settings_.refresh(program_.log, program_.stop);
  reports_.notify_url = settings_.config().reports.notify_url.clone();
}

void VerifyService::once(std::string_view name) {
  reporter_.run_last([&] { runs_.once(name); }, program_.stop);
}

void VerifyService::serve(const std::stop_token& stop) {
  job_.serve(stop);
  reporter_.finish(stop);
}

Health VerifyService::health(std::optional<std::chrono::seconds> /*max_age*/, UtcTime now) const {
  return job_.health(std::nullopt, now);
}

}  // namespace pgbackup
