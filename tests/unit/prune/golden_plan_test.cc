// Plans as text: each file of tests/golden/plans says in its first line what it shows, then what
// there is and what is set, and after a line `---` the plan that comes of it. To write the plans
// anew, which must then be read: UPDATE_GOLDEN=1 unit_tests "[golden]"
//
//   NAME=VALUE                         a setting, as the user writes it; TZ is the zone of the plan
//   now TIME                           TIME: 2026-10-25T02:30:00+01:00, or with Z
//   pruned every 1d from TIME          and what that removed is no longer there
//   group NAME                         of what follows; app unless set
//   backup TIME [held] [incomplete] [damaged] [written TIME]
//   every 1h from TIME to TIME         backups, both ends included
//   upload TIME written TIME           an unfinished write
//   object KEY                         anything else, such as a backup of an older system
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>

#include "common/base/local_time.h"
#include "common/base/units.h"
#include "common/catalog/key_grammar.h"
#include "prune/config.h"
#include "prune/reason_text.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manifests.h"
#include "tests/support/memory_store.h"
#include "tests/support/test.h"
#include "tests/support/unfinished.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

/// With more steps than this a plan shows counts and what is kept; with more kept, counts alone.
constexpr size_t kMostSteps = 40;
constexpr size_t kMostKept = 150;

constexpr size_t kOffsetLength = 6;  // +01:00

/// Throws what the file has got wrong.
UtcTime parse_time(const std::string& text) {
  if (const auto utc = parse_iso(text)) return *utc;
  const size_t length = text.size() - std::min(text.size(), kOffsetLength);
  const auto local = parse_iso(text.substr(0, length) + "Z");
  const auto offset =
      parse_iso("1970-01-01T" + text.substr(std::min(text.size(), length + 1)) + ":00Z");
  if (!local || !offset) throw std::runtime_error("not a time: " + text);
  return text[length] == '-' ? *local + offset->time_since_epoch()
                             : *local - offset->time_since_epoch();
}

seconds parse_span(const std::string& text) {
  const auto span = parse_duration(text);
  if (!span || *span <= seconds(0)) throw std::runtime_error("not a duration: " + text);
  return *span;
}

/// `Sun 2026-10-25T02:30:00+01:00`
std::string format_local(UtcTime time) {
  const seconds offset = offset_at(time);
  std::string stamp = format_iso(time + offset);
  stamp.pop_back();
  const auto minutes = std::abs(offset.count()) / 60;
  const std::chrono::weekday day(std::chrono::floor<std::chrono::days>(time + offset));
  constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
  return fmt::format("{} {}{}", kDays.substr(day.c_encoding() * size_t{3}, 3), stamp,
                     offset == seconds(0)
                         ? "Z"
                         : fmt::format("{}{:02}:{:02}", offset < seconds(0) ? '-' : '+',
                                       minutes / 60, minutes % 60));
}

/// One file, read and played.
class Golden {
 public:
  explicit Golden(const std::string& given) {
    std::istringstream text(given);
    for (std::string line; std::getline(text, line);) {
      const size_t equals = line.find('=');
      if (line.empty() || line[0] == '#') continue;
      if (equals < line.find(' ')) {
        settings_[line.substr(0, equals)] = line.substr(equals + 1);
      } else {
        std::istringstream stream(line);
        read({std::istream_iterator<std::string>(stream), {}});
      }
    }
  }

  /// What follows the line `---`.
  std::string outcome() {
    const VariableGuard zone("TZ");
    const CommandLine command = prune_command_line(config_);
    const std::vector<std::string> arguments = {"plan"};
    ParsedOptions parsed = parse_options(command, arguments, settings_);
    check_prune_config(config_, parsed);
    if (!parsed.problems.empty()) return fmt::format("{}\n", fmt::join(parsed.problems, "\n"));
    std::stable_sort(arrivals_.begin(), arrivals_.end(),
                     [](const Arrival& a, const Arrival& b) { return a.time < b.time; });
    play();
    return format(plan_at(now_));
  }

 private:
  struct Arrival {
    UtcTime time;
    std::string key;
    UtcTime modified;
  };
  using Words = std::vector<std::string>;

  static std::string word_after(const Words& words, const std::string& name) {
    const auto found = std::find(words.begin(), words.end(), name);
    if (found == words.end() || found + 1 == words.end()) throw std::runtime_error("no " + name);
    return found[1];
  }
  static bool has(const Words& words, const std::string& name) {
    return std::find(words.begin(), words.end(), name) != words.end();
  }
  static UtcTime time_after(const Words& words, const std::string& name) {
    return parse_time(word_after(words, name));
  }

  void read(const Words& words) {
    const std::string& what = words[0];
    if (what == "now") {
      now_ = time_after(words, what);
    } else if (what == "pruned") {
      prune_every_ = parse_span(word_after(words, "every"));
      prune_from_ = time_after(words, "from");
    } else if (what == "group") {
      group_ = parse_group(word_after(words, what));
    } else if (what == "backup") {
      add_backup(time_after(words, what), words);
    } else if (what == "every") {
      const UtcTime to = time_after(words, "to");
      const seconds step = parse_span(word_after(words, what));
      for (UtcTime time = time_after(words, "from"); time <= to; time += step) {
        add_backup(time, words);
      }
    } else if (what == "upload") {
      const std::string key = next_folder(time_after(words, what)) + "/" + data_name(group_);
      store_.unfinished[key] = {key, key, time_after(words, "written")};
    } else if (what == "object") {
      arrivals_.push_back({UtcTime(), word_after(words, what), UtcTime()});
    } else {
      throw std::runtime_error("not understood: " + what);
    }
  }

  std::string next_folder(UtcTime time) {
    return backup_folder(group_, fmt::format("{}-{:08x}", format_basic(time), count_++));
  }

  void add_backup(UtcTime time, const Words& words) {
    const std::string folder = next_folder(time);
    const UtcTime written = has(words, "written") ? time_after(words, "written") : time;
    if (!has(words, "damaged")) {
      arrivals_.push_back({time, folder + "/" + data_name(group_), written});
    }
    if (has(words, "held")) arrivals_.push_back({time, folder + "/hold", written});
    if (has(words, "incomplete")) return;
    arrivals_.push_back({time, folder + "/manifest.json", written});
  }

  /// Everything up to then, or, at the end, also what is dated in the future.
  void arrive(UtcTime until) {
    for (; arrived_ < arrivals_.size() && arrivals_[arrived_].time <= until; ++arrived_) {
      store_.objects[arrivals_[arrived_].key] = {"x", arrivals_[arrived_].modified};
    }
  }

  void play() {
    for (UtcTime time = prune_from_; prune_every_ > seconds(0) && time < now_;
         time += prune_every_) {
      arrive(time);
      for (const Step& step : plan_at(time).steps) carry_out(step);
    }
    arrive(UtcTime::max());
  }

  void carry_out(const Step& step) {
    if (step.action == Action::keep) return;
    for (const BackupFile& file : step.backup->files) {
      store_.remove(step.backup->key_of(file.name));
    }
  }

  Plan plan_at(UtcTime time) {
    const std::vector<UnfinishedWrite> writes = unfinished_of(store_);
    return make_plan(read_catalog(store_, config_.adoption.adoption).backups, writes, config_.rules,
                     time);
  }

  static std::string format(const Plan& plan) {
    std::string text;
    for (const auto& group : groups_of(std::span(plan.steps))) text += format_group(group, plan);
    for (const Backup* folder : plan.in_progress) {
      text += fmt::format("in progress: {} {}\n", folder->group.name(), format_local(folder->time));
    }
    return text.empty() ? "nothing\n" : text;
  }

  static std::string format_group(std::span<const Step> group, const Plan& plan) {
    std::map<std::string, size_t> actions;
    std::map<std::string, size_t> reasons;
    for (const Step& step : group) {
      ++actions[std::string(action_name(step.action))];
      for (const std::string& reason : reason_texts(step, plan.rules)) ++reasons[reason];
    }
    const std::string& name = group.front().backup->group.name();
    std::string text = fmt::format("{}: keep {}, delete {}, sweep {}\n", name.empty() ? "?" : name,
                                   actions["keep"], actions["remove"], actions["sweep"]);
    for (const auto& [reason, count] : reasons) text += fmt::format("  {:>5}  {}\n", count, reason);
    for (const Step& step : group) {
      const bool is_left_out = actions["keep"] > kMostKept ||
                               (step.action == Action::remove && group.size() > kMostSteps);
      if (is_left_out) continue;
      text += fmt::format("  {:<6}  {}  {}\n", action_title(step.action),
                          format_local(step.backup->time), reason_line(step, plan.rules));
    }
    return text;
  }

  Environment settings_{{"BACKUP_DIR", "/backups"}};
  PruneConfig config_;
  UtcTime now_;
  UtcTime prune_from_;
  seconds prune_every_{0};
  Group group_ = db("app");
  std::vector<Arrival> arrivals_;
  size_t arrived_ = 0;
  unsigned count_ = 0;
  FakeClock clock_;
  MemoryStore store_{clock_};
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void check_golden(const std::filesystem::path& path) {
  constexpr std::string_view kEnd = "---\n";
  const std::string text = read_file(path);
  CAPTURE(path.filename().string());
  REQUIRE(text.starts_with("# "));
  const size_t end = text.find("\n---\n");
  REQUIRE(end != std::string::npos);
  const std::string given = text.substr(0, end + 1);
  const std::string outcome = Golden(given).outcome();
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << given << kEnd << outcome;
    return;
  }
  CHECK(text.substr(given.size() + kEnd.size()) == outcome);
}

TEST_CASE("Plans are those of the golden files", "[golden]") {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(SOURCE_DIR "/tests/golden/plans")) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  REQUIRE(paths.size() >= 60);
  for (const std::filesystem::path& path : paths) check_golden(path);
}

}  // namespace
}  // namespace pgbackup
