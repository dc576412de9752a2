#include "common/service/program.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <utility>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/option_help.h"
#include "common/base/output.h"
#include "common/base/printable.h"
#include "common/service/health.h"
#include "common/service/names.h"

namespace pgbackup {
namespace {

/// Prints the program's name on each line of a message, so that a log can be filtered.
void print_error(std::string_view program, std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    print(stderr, fmt::format("{}: {}\n", program, printable(line)));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

/// Prints the last error of a program, in the form of its log; that of `health` is for people.
void report(std::string_view program, const Error& error, const ServiceConfig& service,
            bool is_health) noexcept {
  try {
    if (service.log_format == LogFormat::text || is_health) {
      return print_error(program, error.what());
    }
    const SystemClock clock;
    LogFields fields = {{"program", program}, {"cause", error.message()}};
    if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
    Log(clock, service.log_level, service.log_format).error("failed", fields);
  } catch (...) {
    print(stderr, error.what());  // unchanged, without memory for more
  }
}

int show_health(const std::string& socket) {
  const Health health = ask_health(socket);
  if (!health.is_well) throw Error(ErrorKind::failed, health.sentence);
  print(stdout, health.sentence + "\n");
  return 0;
}

/// Returns where the value comes from, as a user would look for it.
std::string_view origin(const Setting& setting) {
  if (setting.given_as.empty()) return setting.source;  // default
  return setting.given_as == setting.name ? "variable" : std::string_view(setting.given_as);
}

/// Returns the settings, one per line: first what is set, then the defaults by their titles.
std::string format_settings(const CommandLine& command, const ParsedOptions& parsed) {
  size_t name_width = 0;
  size_t value_width = 0;
  constexpr size_t kWidest = 40;  // longer values push out of line only themselves
  for (const Setting& setting : parsed.settings) {
    name_width = std::max(name_width, setting.name.size());
    value_width = std::max(value_width, std::min(setting.value.size(), kWidest));
  }
  const auto line = [&](const Setting& setting) {
    return printable(fmt::format("{:<{}}  {:<{}}  {}", setting.name, name_width, setting.value,
                                 value_width, origin(setting))) +
           "\n";
  };
  const auto title_of = [&](const Setting& setting) {
    const auto row = std::find_if(command.options.begin(), command.options.end(),
                                  [&](const Option& one) { return one.name == setting.name; });
    return row == command.options.end() ? std::string_view() : row->title;
  };
  std::string text;
  for (const Setting& setting : parsed.settings) {
    if (setting.source != "default") text += line(setting);
  }
  for (const std::string_view title : titles_of(command)) {
    std::string lines;
    for (const Setting& setting : parsed.settings) {
      if (setting.source == "default" && title_of(setting) == title) lines += line(setting);
    }
    if (!lines.empty()) text += fmt::format("\n# {}\n{}", title, lines);
  }
  return text;
}

/// Prints what `serve` would say about the settings. Connects to nothing.
int show_config(const CommandLine& command, bool check_only, const ParsedOptions& parsed) {
  if (!check_only) print_result(stdout, format_settings(command, parsed));
  for (const std::string& note : parsed.notes) print_error(command.program, "note: " + note);
  throw_problems(command.program, parsed.problems);
  if (check_only) print(stdout, "the settings are valid; no connection was made\n");
  return 0;
}

/// Prevents dumps of memory, which would hold every secret. A limit of one byte also prevents dumps
/// that core_pattern pipes to a program, for which a limit of 0 has no effect (fs/coredump.c of
/// Linux). Child processes inherit the limit.
void forbid_core_dumps() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, 1);
  limit.rlim_cur = limit.rlim_max;
  static_cast<void>(setrlimit(RLIMIT_CORE, &limit));
}

void check_status_listen(const ServiceConfig& service, ParsedOptions& parsed) {
  const std::string& listen = service.status_listen;
  if (parsed.verb != "serve" || listen.empty() || parse_listen_address(listen)) return;
  parsed.problems.push_back(
      fmt::format("STATUS_LISTEN: '{}' is no address with a port: write :9480 for all addresses, "
                  "127.0.0.1:9480 or [::1]:9480",
                  listen));
}

/// Answers a request to the status port.
std::optional<StatusReply> answer_status(const StatusRequest& request, const ServedJobs& served,
                                         const std::function<Health()>& health) {
  const bool is_page = served.page && request.path == "/";
  if (served.access != nullptr) {
    if (auto refusal = served.access->refusal(request, is_page)) return refusal;
  }
  if (is_page) return served.page(request);
  if (request.path == "/metrics") {
    return StatusReply{.content_type = std::string(kMetricsContentType),
                       .body = format_metrics(served.metrics({.is_good = health().is_well}))};
  }
  return StatusReply{.status = 404,
                     .content_type = "text/plain; charset=utf-8",
                     .body = served.page ? "see / and /metrics\n" : "see /metrics\n"};
}

/// Makes buffers of a frame or a part go back to the system when they are freed. Otherwise the
/// library, after the first of them, keeps such memory for later (mallopt(3)).
void return_large_buffers() noexcept {
  constexpr int kLarge = 1 << 20;
  static_cast<void>(mallopt(M_MMAP_THRESHOLD, kLarge));
}

int run(const CommandLine& command, const ServiceConfig& service, ParsedOptions& parsed,
        const std::function<void(ParsedOptions&)>& check,
        const std::function<int(const ParsedOptions&)>& body) {
  if (parsed.help) {
    print_result(stdout,
                 help_text(command, parsed.is_verb_given ? parsed.verb : std::string_view()));
    return 0;
  }
  if (parsed.version) {
    print_result(stdout, fmt::format("{} {}\n", command.program, PROJECT_VERSION));
    return 0;
  }
  const bool is_config = parsed.verb == kConfigVerb.name;
  if (is_config) parsed.verb = command.verbs.front().name;
  if (parsed.verb != kHealthVerb.name) check(parsed);
  check_status_listen(service, parsed);
  for (std::string& note : notes_on_names(command, parsed, process_environment())) {
    parsed.notes.push_back(std::move(note));
  }
  if (is_config) return show_config(command, service.check_only, parsed);
  // A note may be the cause of a problem: a name of another image for what is missing.
  std::vector<std::string> complaints = parsed.problems;
  for (const std::string& note : parsed.notes) complaints.push_back("note: " + note);
  if (!parsed.problems.empty()) throw_problems(command.program, complaints);
  return parsed.verb == kHealthVerb.name ? show_health(service.health_socket) : body(parsed);
}

}  // namespace

std::vector<Option> service_options(ServiceConfig& config) {
  return {
      {.name = "LOG_FORMAT",
       .value = choice(&config.log_format, {"text", "json"}),
       .help = "Lines for people, or one JSON object per line."},
      {.name = "LOG_LEVEL",
       .value = choice(&config.log_level, {"debug", "info", "warn", "error"}),
       .help = "The lowest level that is logged."},
      {.name = "MAX_BACKUP_AGE_SECONDS",
       .value = Duration{&config.max_backup_age, std::chrono::seconds(1)},
       .help = "`health` fails when the last success began longer ago than this. Unset: when the "
               "next one is overdue by a twelfth of its period (5 minutes to 2 hours).",
       .verbs = {"serve"}},
      {.name = "HEALTH_SOCKET",
       .value = &config.health_socket,
       .help = "Name of the abstract Unix socket where `health` asks the daemon. Two of the same "
               "program in one network namespace need two names.",
       .verbs = {"serve", kHealthVerb.name}},
      {.name = "STATUS_LISTEN",
       .value = &config.status_listen,
       .help = "Where the daemon answers HTTP requests, such as those of Prometheus for /metrics: "
               "`:9480` on all addresses, `127.0.0.1:9480` or `[::1]:9480`. Unset: nowhere.",
       .verbs = {"serve"}},
      {.name = "--check",
       .value = &config.check_only,
       .help = "config: only say what is wrong; exit code 2 if anything is",
       .verbs = {kConfigVerb.name}},
  };
}

int run_program(const CommandLine& command, const ServiceConfig& service,
                std::span<char* const> argv, const std::function<void(ParsedOptions&)>& check,
                const std::function<int(const ParsedOptions&)>& body) {
  open_standard_descriptors();
  forbid_core_dumps();
  return_large_buffers();
  bool is_health = false;
  try {
    const std::vector<std::string> arguments(argv.begin() + 1, argv.end());
    ParsedOptions parsed = parse_options(command, arguments, process_environment());
    is_health = parsed.verb == kHealthVerb.name;
    return run(command, service, parsed, check, body);
  } catch (...) {
    const Error error = current_error();
    report(command.program, error, service, is_health);
    return exit_code(is_health ? ErrorKind::failed : error.kind());
  }
}

void log_note(Log& log, const std::string& note) {
  log.warn("about the settings", {{"note", note}});
}

void log_notes(Log& log, const ParsedOptions& parsed) {
  for (const std::string& note : parsed.notes) log_note(log, note);
}

void log_settings(Log& log, std::string_view program, const ParsedOptions& parsed) {
  LogFields fields = {{"program", program}, {"command", parsed.verb}, {"version", PROJECT_VERSION}};
  for (const Setting& setting : parsed.settings) {
    if (setting.source == "default") continue;
    fields.emplace_back(setting.name, setting.value);
    if (setting.value == kShownForTrying) {
      log.warn("a setting is the one from the example: set your own before you store data here",
               {{"setting", setting.name}});
    }
  }
  log.info("started", fields);
}

void serve(const ServedJobs& served, const ServiceConfig& service, Clock& clock, Log& log,
           const std::stop_token& stop) {
  const std::vector<ServedJob*>& jobs = served.jobs;
  const std::vector<const ServedJob*> judged(jobs.begin(), jobs.end());
  const auto answer = [&] {
    return judge_all(judged, served.states, service.max_backup_age, clock.now());
  };
  for (ServedJob* const job : jobs) job->announce();
  const HealthServer health(service.health_socket, answer, log);
  std::optional<StatusServer> status;
  if (const auto address = parse_listen_address(service.status_listen)) {
    status.emplace(
        *address,
        [&](const StatusRequest& request) { return answer_status(request, served, answer); }, log);
  }
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < jobs.size(); ++i) {
    threads.emplace_back([job = jobs[i], &stop] { job->serve(stop); });
  }
  jobs.front()->serve(stop);
  threads.clear();
  log.info("stopped");
}

}  // namespace pgbackup
