// What pg-prune costs where there are many backups: seconds and memory of each phase of a dry run
// over a store that only lists and answers manifests, and how fast the policy is by itself.
//   bench_prune [GROUPS [BACKUPS]]   10000 groups of 100 backups of 3 objects unless told otherwise
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/time_zone.h"
#include "common/catalog/key_grammar.h"
#include "common/catalog/manifest.h"
#include "prune/evidence.h"
#include "prune/locks.h"
#include "prune/report.h"
#include "tests/support/manifests.h"
#include "tests/support/string_source.h"

namespace pgbackup {
namespace {

using std::chrono::hours;

struct Scale {
  int groups = 10'000;
  int backups = 100;  ///< of each group, one a day
};

const UtcTime kNow = *parse_iso("2026-11-20T12:00:00Z");

Group group_of(int number) { return db(fmt::format("customer-{:05}", number)); }

std::string backup_id(UtcTime time, int group) {
  return fmt::format("{}-{:08x}", format_basic(time), static_cast<unsigned>(group) * 2654435761U);
}

/// As large as the scale says, but made up while it is listed.
class ListingStore final : public Store {
 public:
  explicit ListingStore(const Scale& scale) : scale_(scale) {}

  [[nodiscard]] std::string location(std::string_view key) const override {
    return fmt::format("s3://bench/{}", key);
  }
  [[nodiscard]] std::string full_key(std::string_view key) const override {
    return std::string(key);
  }
  /// In the order of S3, and only all of it.
  void list(std::string_view, const std::function<void(const ObjectInfo&)>& visit) override {
    for (int group = 0; group < scale_.groups; ++group) {
      for (int backup = 0; backup < scale_.backups; ++backup) list_backup(group, backup, visit);
    }
  }
  [[nodiscard]] std::unique_ptr<Source> open(const std::string& key) override {
    const std::optional<BackupKey> parts = parse_key(key);
    if (!parts) throw Error(ErrorKind::not_found, key);
    const std::string data = data_name(parts->group);
    Manifest manifest = make_manifest(
        parts->group, parts->id,
        {{data, 500'000, std::string(64, 'a')}, {data + ".0001", 500'000, std::string(64, 'a')}});
    manifest.started = manifest.finished = parts->time;
    manifest.tool = "pg-backup";
    manifest.system_identifier = "7300000000000000001";
    manifest.groups = {parts->group};
    manifest.streams.front().uncompressed_bytes = 4'000'000;
    manifest.dump.tables = 100;
    manifest.next_due = parts->time + hours(24);
    return std::make_unique<StringSource>(format_manifest(manifest));
  }
  [[nodiscard]] std::optional<ObjectInfo> stat(const std::string&) override { return {}; }
  void list_unfinished(const std::function<void(const UnfinishedWrite&)>&) override {}
  [[nodiscard]] UtcTime now() override { return kNow; }

  [[nodiscard]] std::unique_ptr<ObjectWriter> create(const std::string&) override { refuse(); }
  void put(const std::string&, std::string_view) override { refuse(); }
  void remove(const std::string&) override { refuse(); }
  void remove_unfinished(const UnfinishedWrite&) override { refuse(); }

 private:
  [[noreturn]] static void refuse() { throw Error(ErrorKind::failed, "this store only lists"); }

  void list_backup(int group, int backup,
                   const std::function<void(const ObjectInfo&)>& visit) const {
    const UtcTime time = kNow - hours(24) * (scale_.backups - 1 - backup) - hours(1);
    const std::string folder = backup_folder(group_of(group), backup_id(time, group));
    const std::string data = data_name(group_of(group));
    for (const std::string& file : {data, data + ".0001", std::string(kManifestName)}) {
      visit({.key = fmt::format("{}/{}", folder, file), .bytes = 500'000, .modified = time});
    }
  }

  Scale scale_;
};

/// MiB that this process holds (VmRSS) or held at most (VmHWM).
double memory(std::string_view name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::stod(line.substr(name.size() + 1)) / 1024;
  }
  return 0;
}

/// A row of the table: what `work` took, and its peak above what was there at the baseline.
class Table {
 public:
  Table() { fmt::print("{:<28} {:>8} {:>10} {:>10}\n", "phase", "seconds", "RSS MiB", "peak MiB"); }

  void measure(std::string_view phase, const std::function<void()>& work) {
    std::ofstream("/proc/self/clear_refs") << "5";  // VmHWM starts anew: proc(5)
    const auto begin = clock_.steady();
    work();
    const std::chrono::duration<double> seconds = clock_.steady() - begin;
    fmt::print("{:<28} {:>8.2f} {:>10.1f} {:>+10.1f}\n", phase, seconds.count(), memory("VmRSS"),
               memory("VmHWM") - baseline_);
    std::fflush(stdout);
  }
  /// From here on peaks are counted above this.
  void set_baseline() { baseline_ = memory("VmRSS"); }

 private:
  SystemClock clock_;
  double baseline_ = memory("VmRSS");
};

/// Such as people set.
Rules usual_rules() {
  return {.retention = {.max_age = std::chrono::days(3),
                        .keep_last = 3,
                        .keep_hourly = 24,
                        .keep_daily = 7,
                        .keep_weekly = 4,
                        .keep_monthly = 6,
                        .keep_yearly = 2},
          .sweep_after = std::chrono::days(7)};
}

void report(const Plan& plan, std::FILE* out) {
  for (const std::span<const Step> group : groups_of(std::span<const Step>(plan.steps))) {
    fmt::print(out, "{}\n", format_group_table(group, plan));
  }
}

void report_json(const Plan& plan, const Destination& destination, std::FILE* out) {
  for (const Step& step : plan.steps)
    fmt::print(out, "{}", format_json_line(step, plan, destination));
}

void run_phases(const Scale& scale) {
  Table table;
  SystemClock clock;
  Log log(clock, LogLevel::error, LogFormat::text);
  auto owned = std::make_unique<ListingStore>(scale);
  ListingStore& store = *owned;
  const Destination destination("", std::move(owned));
  std::FILE* const out = std::fopen("/dev/null", "w");
  Catalog catalog;
  table.measure("listing: the entries", [&] { catalog = read_catalog(store, Adoption()); });
  table.set_baseline();
  std::optional<Plan> plan;
  table.measure("plan",
                [&] { plan = make_plan(std::move(catalog.backups), {}, usual_rules(), kNow); });
  table.measure("locks", [&] { apply_locks(*plan, read_locks(store, *plan, log, {})); });
  table.measure("guards", [&] { guard_plan(store, *plan, log, {}); });
  table.measure("report: tables", [&] { report(*plan, out); });
  table.measure("report: JSON", [&] { report_json(*plan, destination, out); });
  for (const auto& group : groups_of(std::span<const Step>(plan->steps))) {
    plan->objections.push_back(
        {group.front().backup->group, Guard::newest, "as if every group were frozen"});
  }
  for (Step& step : plan->steps) step.reasons = Reason::frozen;
  table.measure("tables, all frozen", [&] { report(*plan, out); });
  table.measure("JSON, all frozen", [&] { report_json(*plan, destination, out); });
  fmt::print("{}\n", format_plan_summary(*plan));
  std::fclose(out);
}

/// Every rule looks at every backup.
Retention endless_rules() {
  return {.max_age = std::chrono::days(3650),
          .keep_last = 10,
          .keep_hourly = 87'600,
          .keep_daily = 3650,
          .keep_weekly = 520,
          .keep_monthly = 120,
          .keep_yearly = 10};
}

void run_policy(std::string_view name, const Retention& retention, int count) {
  constexpr int kBackups = 1'000'000;
  std::vector<Candidate> group;
  for (int i = count; i-- > 0;) group.push_back({.time = kNow - hours(i)});
  SystemClock clock;
  const auto begin = clock.steady();
  size_t kept = 0;
  for (int done = 0; done < kBackups; done += count) {
    const std::vector<Reasons> reasons = apply_policy(group, retention, kNow);
    kept = static_cast<size_t>(std::count_if(reasons.begin(), reasons.end(),
                                             [](const Reasons& one) { return !one.empty(); }));
  }
  const std::chrono::duration<double> seconds = clock.steady() - begin;
  fmt::print("{:<28} {:>8} {:>10} {:>10.1f}\n", name, count, kept,
             kBackups / seconds.count() / 1e6);
}

void run_policies() {
  fmt::print("\n{:<28} {:>8} {:>10} {:>10}\n", "policy, hourly backups", "in group", "kept",
             "million/s");
  for (const std::string zone : {"UTC", "Europe/Berlin"}) {
    set_time_zone(zone);
    for (const int count : {100, 10'000}) {
      run_policy(zone + ", usual rules", usual_rules().retention, count);
      run_policy(zone + ", endless rules", endless_rules(), count);
    }
  }
}

int number(const char* text) {
  int value = 0;
  std::from_chars(text, text + std::strlen(text), value);
  if (value < 1) throw Error(ErrorKind::usage, fmt::format("'{}' is not a number from 1 on", text));
  return value;
}

void run(std::span<char*> arguments) {
  Scale scale;
  if (!arguments.empty()) scale.groups = number(arguments[0]);
  if (arguments.size() > 1) scale.backups = number(arguments[1]);
  run_phases(scale);
  run_policies();
}

}  // namespace
}  // namespace pgbackup

int main(int argc, char** argv) {
  try {
    pgbackup::run(std::span(argv, static_cast<size_t>(argc)).subspan(1));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
