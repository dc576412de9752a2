#include "common/service/report_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <utility>

#include "common/base/error.h"
#include "common/http/receiver.h"

namespace pgbackup {
namespace {

constexpr std::array kUrls = {kPingUrl, kNotifyUrl, kPushgatewayUrl};

/// Turns what is wrong with the file of a URL into a note. A URL in the place of the file's name
/// stays a problem where `is_used`, and is not quoted.
void forgive_unreadable_files(ParsedOptions& parsed, bool is_used) {
  std::vector<std::string> kept;
  for (std::string& problem : parsed.problems) {
    const auto* const name = std::find_if(kUrls.begin(), kUrls.end(), [&](std::string_view one) {
      return problem.starts_with(fmt::format("{}_FILE: ", one));
    });
    if (name == kUrls.end()) {
      kept.push_back(std::move(problem));
    } else if (problem.find("://") != std::string::npos) {
      (is_used ? kept : parsed.notes)
          .push_back(fmt::format("{}_FILE holds a URL, and must name a file that holds it", *name));
    } else {
      parsed.notes.push_back(problem + "; nothing is sent there until it can be read");
    }
  }
  parsed.problems = std::move(kept);
}

void check_url(std::string_view name, const Secret& url, std::vector<std::string>& problems) {
  if (url.empty()) return;
  try {
    static_cast<void>(parse_receiver_url(url.reveal()));
  } catch (const Error& error) {
    problems.push_back(fmt::format("{}: {}", name, error.message()));
  }
}

/// Notes settings that say how something is sent where nothing says to whom.
void note_without_url(const ParsedOptions& parsed, std::string_view url,
                      std::initializer_list<std::string_view> rows,
                      std::vector<std::string>& notes) {
  if (is_set(parsed, url)) return;
  for (const std::string_view row : rows) {
    if (is_set(parsed, row)) notes.push_back(fmt::format("{} has no effect without {}", row, url));
  }
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace

std::vector<Option> report_options(ReportConfig& config) {
  return {
      {.name = kPingUrl,
       .value = &config.ping_url,
       .help =
           "URL that each run calls, as healthchecks.io has it: with /start at its start, as it "
           "is after a run that was good as a whole, with /fail after any other. See "
           "docs/notifications.md."},
      {.name = kNotifyUrl,
       .value = &config.notify_url,
       .help =
           "URL to which a message is sent when runs begin to fail and when all is well again."},
      {.name = "NOTIFY_ON",
       .value = choice(&config.notify_on, {"change", "failure", "always"}),
       .help = "change: when something begins to fail, or no longer does. failure: after each run "
               "that failed, and when all is well again. always: after each run."},
      {.name = "NOTIFY_FORMAT",
       .value = choice(&config.notify_format, {"json", "slack", "ntfy"}),
       .help = "The form of the message. slack is also for Mattermost, Rocket.Chat and others that "
               "take what Slack takes."},
      {.name = kPushgatewayUrl,
       .value = &config.pushgateway_url,
       .help = "Prometheus Pushgateway that gets the metrics after each run: "
               "http://[user:password@]host:9091."},
      {.name = "METRICS_JOB",
       .value = &config.metrics_job,
       .help = "The label `job` of pushed metrics."},
      {.name = "METRICS_INSTANCE",
       .value = &config.metrics_instance,
       .help = "The label `instance` of pushed metrics, and the name of this instance in messages. "
               "Set it where the name of the host is another one after each start, as in a "
               "container.",
       .default_note = "the host's name"},
      {.name = kMetricsTextfile,
       .value = &config.metrics_textfile,
       .help = "File that is replaced with the metrics after each run, for the textfile collector "
               "of node_exporter. Its name ends in .prom; no other program writes to it."},
  };
}

void check_report_config(ReportConfig& config, ParsedOptions& parsed) {
  if (config.metrics_instance.empty()) config.metrics_instance = host_name();
  const bool is_used = parsed.verb == "serve" || parsed.verb == "now";
  forgive_unreadable_files(parsed, is_used);
  if (!is_used) return;
  check_url(kPingUrl, config.ping_url, parsed.problems);
  check_url(kNotifyUrl, config.notify_url, parsed.problems);
  check_url(kPushgatewayUrl, config.pushgateway_url, parsed.problems);
  note_without_url(parsed, kNotifyUrl, {"NOTIFY_ON", "NOTIFY_FORMAT"}, parsed.notes);
  if (!config.metrics_textfile.empty() && config.metrics_textfile.extension() != ".prom") {
    parsed.problems.push_back(
        fmt::format("{}: node_exporter reads only files whose names end in .prom, not {}",
                    kMetricsTextfile, config.metrics_textfile.string()));
  }
}

}  // namespace pgbackup
