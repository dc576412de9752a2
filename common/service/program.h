// The common part of both mains: it reads the settings, answers --help and --version, reports all
// problems at once, and turns an Error into a line and an exit code in one place.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/service/job.h"
#include "common/service/metrics.h"
#include "common/service/run_metrics.h"
#include "common/service/run_state.h"
#include "common/service/status_access.h"
#include "common/service/status_server.h"

namespace pgbackup {

/// Says how a daemon logs and is watched.
struct ServiceConfig {
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  std::string health_socket;
  std::string status_listen{};  ///< value of STATUS_LISTEN; empty: there is no status port
  std::optional<std::chrono::seconds> max_backup_age{};
  bool check_only = false;  ///< `config --check`
};

/// Returns rows of the option table. The rows point into `config`, which must outlive them.
[[nodiscard]] std::vector<Option> service_options(ServiceConfig& config);

/// The verb `health`, which run_program() answers itself.
inline constexpr Verb kHealthVerb = {
    "health", "ask the running daemon: exit code 1 with the reason when it is late"};

/// The verb `config`, which run_program() answers itself, too. Checks the settings as `serve`
/// would.
inline constexpr Verb kConfigVerb = {
    .name = "config",
    .help = "show the settings in force, where each comes from, and what is wrong with them",
    .flags_of = "serve"};

/// The name of the verb that connects to everything and says what is wrong.
inline constexpr std::string_view kCheck = "check";

/// Parses, answers --help, --version, `config` and `health`, adds what `check` finds in the
/// settings, and runs `body`. Returns the exit code: the result of `body`, or that of the Error it
/// throws, which is printed on stderr as `program: message`. `health` has the exit codes 0 and 1
/// only.
int run_program(const CommandLine& command, const ServiceConfig& service,
                std::span<char* const> argv, const std::function<void(ParsedOptions&)>& check,
                const std::function<int(const ParsedOptions&)>& body);

/// Logs notes on settings that are not wrong.
void log_notes(Log& log, const ParsedOptions& parsed);
/// Logs one such sentence.
void log_note(Log& log, const std::string& note);

/// Logs every setting that is not a default, with secrets hidden.
void log_settings(Log& log, std::string_view program, const ParsedOptions& parsed);

/// Returns what /metrics shows, out of memory alone. Called from another thread.
using MetricsOf = std::function<std::vector<MetricFamily>(Verdict verdict)>;

/// Holds what a daemon does, and how it stands.
struct ServedJobs {
  std::vector<ServedJob*> jobs;  ///< at least one
  const RunStates& states;
  MetricsOf metrics;
  StatusHandler page{};                  ///< answers `GET /`; empty: there is no page
  const StatusAccess* access = nullptr;  ///< who may read the status port; null: everyone
};

/// Runs the jobs, each in a thread of its own and the first in this one, until `stop`. Answers
/// `health` meanwhile, and requests to the status port where there is one.
void serve(const ServedJobs& served, const ServiceConfig& service, Clock& clock, Log& log,
           const std::stop_token& stop);

}  // namespace pgbackup
