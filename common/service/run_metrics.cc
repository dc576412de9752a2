#include "common/service/run_metrics.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace pgbackup {
namespace {

using MaybeValue = std::optional<double>;

MaybeValue maybe_time(const std::optional<UtcTime>& time) {
  return time ? MaybeValue(metric_time(*time)) : std::nullopt;
}

template <class Duration>
double in_seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// The first four names of pg-backup are those of an older system: alerts on them go on working.
// Until a process has made a run, the newest backup that the store had counts as the last one.
constexpr std::array<RowMetric<RunState>, 13> kStateMetrics = {{
    {"last_run_timestamp", "When the last run began, in seconds since 1970.",
     [](const RunState& state) {
       return state.last_run ? maybe_time(state.last_run->began) : maybe_time(state.last_success);
     }},
    {"last_duration_seconds", "How long the last run of this process took.",
     [](const RunState& state) {
       return state.last_run ? MaybeValue(in_seconds(state.last_run->taken)) : std::nullopt;
     }},
    {"last_exit_code", "Result of the last run: 0 done, 1 failed, 2 wrong settings, 3 refused.",
     [](const RunState& state) -> MaybeValue {
       if (state.last_run) return state.last_run->exit_code;
       return state.last_success ? MaybeValue(0) : std::nullopt;
     }},
    {"last_bytes", "Bytes in the store of the last backup of this process.",
     [](const RunState& state) {
       return state.size ? MaybeValue(static_cast<double>(state.size->stored_bytes)) : std::nullopt;
     }},
    {"last_uncompressed_bytes", "Bytes of the last backup of this process before compression.",
     [](const RunState& state) {
       return state.size ? MaybeValue(static_cast<double>(state.size->uncompressed_bytes))
                         : std::nullopt;
     }},
    {"last_success_timestamp_seconds", "When the last run that succeeded began.",
     [](const RunState& state) { return maybe_time(state.last_success); }},
    {"last_failure_timestamp_seconds", "When the last run of this process that failed began.",
     [](const RunState& state) { return maybe_time(state.last_failure); }},
    {"consecutive_failures", "Runs that failed since the last success.",
     [](const RunState& state) { return MaybeValue(state.failures); }},
    {"next_due_timestamp_seconds", "When the next success is due by the schedule.",
     [](const RunState& state) { return maybe_time(state.next_due); }},
    {"running", "1 while a run goes on, else 0.",
     [](const RunState& state) { return MaybeValue(state.running ? 1 : 0); }},
    {"running_since_timestamp_seconds", "When the run that goes on began.",
     [](const RunState& state) {
       return state.running ? maybe_time(state.running->since) : std::nullopt;
     }},
    {"running_bytes", "Uncompressed bytes that the run that goes on has taken so far.",
     [](const RunState& state) {
       return state.running && state.running->bytes
                  ? MaybeValue(static_cast<double>(*state.running->bytes))
                  : std::nullopt;
     }},
    {"running_estimated_bytes", "Uncompressed bytes that the run that goes on will probably take.",
     [](const RunState& state) {
       return state.running && state.running->estimate > 0
                  ? MaybeValue(static_cast<double>(state.running->estimate))
                  : std::nullopt;
     }},
}};

MetricLabels with_label(MetricLabels labels, std::string_view name, std::string_view value) {
  labels.emplace_back(name, value);
  return labels;
}

MetricFamily runs_family(std::string_view prefix, std::span<const RunState> states) {
  MetricFamily family{.name = fmt::format("{}runs_total", prefix),
                      .help = "Runs of this process by result.",
                      .type = MetricType::counter};
  for (const RunState& state : states) {
    const MetricLabels labels = place_labels(state.group, state.destination);
    for (size_t i = 0; i < kRunResults.size(); ++i) {
      family.samples.push_back({.labels = with_label(labels, "result", kRunResults.at(i)),
                                .value = static_cast<double>(state.runs.at(i))});
    }
  }
  return family;
}

MetricFamily stages_family(std::string_view prefix, std::span<const RunState> states) {
  MetricFamily family{.name = fmt::format("{}last_stage_seconds", prefix),
                      .help =
                          "What the time of the last backup of this process went into: waiting "
                          "for PostgreSQL (read), hashing and compressing (pack), waiting for "
                          "the store (store), confirming and the manifest (commit)."};
  for (const RunState& state : states) {
    if (!state.stages) continue;
    const MetricLabels labels = place_labels(state.group, state.destination);
    const std::array<std::pair<std::string_view, std::chrono::nanoseconds>, 4> stages = {
        {{"read", state.stages->read},
         {"pack", state.stages->pack},
         {"store", state.stages->store},
         {"commit", state.stages->commit}}};
    for (const auto& [stage, time] : stages) {
      family.samples.push_back(
          {.labels = with_label(labels, "stage", stage), .value = in_seconds(time)});
    }
  }
  return family;
}

MetricFamily requests_family(std::string_view prefix, const RequestCounts& counts) {
  MetricFamily family{.name = fmt::format("{}s3_requests_total", prefix),
                      .help =
                          "Requests to S3 by operation and class of the reply's status; none: "
                          "there was no reply.",
                      .type = MetricType::counter};
  for (const auto& [key, count] : counts.requests) {
    family.samples.push_back(
        {.labels = {{"operation", key.first}, {"status", std::string(key.second)}},
         .value = static_cast<double>(count)});
  }
  return family;
}

MetricFamily retries_family(std::string_view prefix, const RequestCounts& counts) {
  MetricFamily family{.name = fmt::format("{}s3_retries_total", prefix),
                      .help = "Repeats of requests to S3 by cause.",
                      .type = MetricType::counter};
  for (const auto& [cause, count] : counts.retries) {
    family.samples.push_back(
        {.labels = {{"cause", std::string(cause)}}, .value = static_cast<double>(count)});
  }
  return family;
}

MetricFamily clock_family(std::string_view prefix, const RequestCounts& counts) {
  MetricFamily family{.name = fmt::format("{}s3_clock_difference_seconds", prefix),
                      .help =
                          "How far the clock of S3 was ahead of this machine's at the last reply; "
                          "below 0: behind."};
  if (counts.clock_ahead) family.samples.push_back({.value = in_seconds(*counts.clock_ahead)});
  return family;
}

}  // namespace

double metric_time(UtcTime time) { return static_cast<double>(time.time_since_epoch().count()); }

MetricLabels place_labels(const Group& group, std::string_view destination) {
  MetricLabels labels;
  if (group.is_named()) labels.emplace_back("database", group.name());
  if (!destination.empty()) labels.emplace_back("destination", destination);
  return labels;
}

size_t limit_groups(std::vector<RunState>& states) {
  std::set<Group> all;
  for (const RunState& state : states) all.insert(state.group);
  if (all.size() <= kMostMetricGroups) return 0;
  const std::set<Group> listed(all.begin(), std::next(all.begin(), kMostMetricGroups));
  std::erase_if(states, [&](const RunState& state) { return !listed.contains(state.group); });
  return all.size() - listed.size();
}

MetricFamily unlisted_family(std::string_view prefix, size_t count) {
  return {.name = fmt::format("{}unlisted_databases", prefix),
          .help = fmt::format("Databases without series of their own, because only the first {} "
                              "have them.",
                              kMostMetricGroups),
          .samples = {{.value = static_cast<double>(count)}}};
}

std::vector<MetricFamily> run_metrics(std::string_view prefix, std::span<const RunState> states) {
  std::vector<LabeledRow<RunState>> rows;
  for (const RunState& state : states) {
    rows.push_back({place_labels(state.group, state.destination), &state});
  }
  std::vector<MetricFamily> families = table_metrics(prefix, kStateMetrics, rows);
  families.push_back(runs_family(prefix, states));
  families.push_back(stages_family(prefix, states));
  return families;
}

std::vector<MetricFamily> program_metrics(std::string_view prefix, const ProgramFacts& facts) {
  const Verdict verdict = facts.verdict;
  std::vector<MetricFamily> families = {
      {.name = fmt::format("{}{}", prefix, verdict.is_of_run ? "last_run_succeeded" : "healthy"),
       .help = verdict.is_of_run ? "1 if the last run was good as a whole, else 0."
                                 : "1 while `health` exits with 0, else 0.",
       .samples = {{.value = verdict.is_good ? 1.0 : 0.0}}},
      {.name = fmt::format("{}build_info", prefix),
       .help = "Always 1; the label is the version of the program.",
       .samples = {{.labels = {{"version", PROJECT_VERSION}}, .value = 1}}},
      requests_family(prefix, facts.requests),
      retries_family(prefix, facts.requests),
      clock_family(prefix, facts.requests)};
  if (!verdict.is_of_run) {
    families.push_back({.name = "process_start_time_seconds",
                        .help = "When the process began, in seconds since 1970.",
                        .samples = {{.value = metric_time(facts.started)}}});
  }
  return families;
}

}  // namespace pgbackup
