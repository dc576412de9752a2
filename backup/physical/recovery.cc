#include "backup/physical/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/printable.h"
#include "common/base/text.h"
#include "common/base/utc_time.h"

namespace pgbackup {
namespace {

using std::chrono::microseconds;
using std::chrono::minutes;

constexpr size_t kFractionDigits = 6;

/// Takes `count` digits off the front.
std::optional<int> take_digits(std::string_view& text, size_t count) {
  int value = 0;
  const std::string_view digits = text.substr(0, count);
  if (digits.size() != count || !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return std::nullopt;
  }
  std::from_chars(digits.data(), digits.data() + count, value);
  text.remove_prefix(count);
  return value;
}

/// Takes `.5` off the front; nothing there is zero.
std::optional<microseconds> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return microseconds(0);
  text.remove_prefix(1);
  const size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  if (count == 0 || count > kFractionDigits) return std::nullopt;
  std::string digits(text.substr(0, count));
  digits.resize(kFractionDigits, '0');
  text.remove_prefix(count);
  std::string_view rest = digits;
  return microseconds(*take_digits(rest, kFractionDigits));
}

/// Parses `Z`, `+01`, `+01:00` or `+0100`.
std::optional<minutes> parse_zone(std::string_view text) {
  if (text == "Z") return minutes(0);
  const bool is_west = text.starts_with('-');
  if (!is_west && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const std::optional<int> hours = take_digits(text, 2);
  if (text.starts_with(':') && text.size() > 1) text.remove_prefix(1);
  const std::optional<int> rest = text.empty() ? 0 : take_digits(text, 2);
  constexpr int kMostHours = 15;  // of PostgreSQL
  if (!hours || !rest || !text.empty() || *hours > kMostHours || *rest > 59) return std::nullopt;
  const minutes offset(*hours * 60 + *rest);
  return is_west ? -offset : offset;
}

/// Quotes a value for a configuration file. Backslashes are special within the quotes.
/// https://www.postgresql.org/docs/current/config-setting.html#CONFIG-SETTING-CONFIGURATION-FILE
std::string quote(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\n') {
      quoted += "\\n";
      continue;
    }
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

std::string setting(std::string_view name, std::string_view value) {
  return fmt::format("{} = {}\n", name, quote(value));
}

/// Exit code 1 says that a file is not there, which ends a recovery. Whatever else goes wrong must
/// exit above 125, or the server would take that for the end and promote itself.
std::string copy_command() {
  return fmt::format(R"(test -e "{0}/%f" || exit 1; cp "{0}/%f" "%p" || exit 255)", kCopiedWal);
}

/// Returns the value of recovery_target_timeline. No history file is needed for `current`.
std::string timeline_of(const RecoveryRequest& request) {
  if (request.follows_timelines) return "latest";
  if (request.timeline == request.backup_timeline) return "current";
  return fmt::to_string(request.timeline);
}

/// Returns the line that names the target, or nothing.
std::string target_setting(const RecoveryTarget& target) {
  switch (target.kind) {
    case TargetKind::end:
      return "";
    case TargetKind::immediate:
      return setting("recovery_target", "immediate");
    case TargetKind::time:
      return setting("recovery_target_time", format_commit_time(target.time));
    case TargetKind::lsn:
      return setting("recovery_target_lsn", format_lsn(target.lsn));
    case TargetKind::xid:
      return setting("recovery_target_xid", fmt::to_string(target.xid));
    case TargetKind::name:
      return setting("recovery_target_name", target.name);
  }
  return "";
}

std::string_view action_name(TargetAction action) {
  switch (action) {
    case TargetAction::promote:
      return "promote";
    case TargetAction::pause:
      return "pause";
    case TargetAction::shutdown:
      return "shutdown";
  }
  return "";
}

}  // namespace

std::optional<CommitTime> parse_commit_time(std::string_view text) {
  constexpr size_t kSeconds = 19;  // 2026-11-20T03:15:00
  constexpr size_t kSeparator = 10;
  std::string front(text.substr(0, kSeconds));
  if (front.size() != kSeconds || (front[kSeparator] != ' ' && front[kSeparator] != 'T')) {
    return std::nullopt;
  }
  front[kSeparator] = 'T';
  text.remove_prefix(kSeconds);
  const std::optional<UtcTime> seconds = parse_iso(front + "Z");
  const std::optional<microseconds> fraction = take_fraction(text);
  const std::optional<minutes> zone = parse_zone(text);
  if (!seconds || !fraction || !zone) return std::nullopt;
  return *seconds + *fraction - *zone;
}

std::string format_commit_time(CommitTime time) {
  const UtcTime seconds = std::chrono::floor<std::chrono::seconds>(time);
  std::string text = format_iso(seconds);
  text[text.find('T')] = ' ';
  text.pop_back();
  if (const microseconds fraction = time - seconds; fraction.count() != 0) {
    text += fmt::format(".{:06}", fraction.count());
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text + "+00";
}

std::string describe(const RecoveryTarget& target) {
  switch (target.kind) {
    case TargetKind::end:
      return "the end of the WAL";
    case TargetKind::immediate:
      return "the end of the base backup";
    case TargetKind::time:
      return "the time " + format_commit_time(target.time);
    case TargetKind::lsn:
      return "the position " + format_lsn(target.lsn);
    case TargetKind::xid:
      return fmt::format("the transaction {}", target.xid);
    case TargetKind::name:
      return fmt::format("the restore point '{}'", short_line(target.name));
  }
  return "";
}

std::string_view signal_name(Signal signal) {
  return signal == Signal::recovery ? "recovery.signal" : "standby.signal";
}

std::string recovery_settings(const RecoveryRequest& request) {
  constexpr std::array<std::string_view, 8> kEmpty = {
      "archive_cleanup_command", "primary_conninfo",     "primary_slot_name",
      "recovery_target",         "recovery_target_name", "recovery_target_time",
      "recovery_target_xid",     "recovery_target_lsn"};
  std::string text = "\n# Added by pg-backup: how this server recovers after its restore.\n";
  // The target comes behind the empty ones: a server accepts no second target, not even an empty
  // one, once it has read the first.
  for (const std::string_view name : kEmpty) text += setting(name, "");
  text += setting("recovery_min_apply_delay", "0");
  text += setting("recovery_target_inclusive", "true");
  text += setting("recovery_target_timeline", timeline_of(request));
  text += setting("recovery_target_action", action_name(request.action));
  text += target_setting(request.target);
  text += setting("restore_command", request.fetch_command.value_or(copy_command()));
  text += setting("recovery_end_command",
                  request.fetch_command ? "" : fmt::format("rm -rf {}", kCopiedWal));
  return text;
}

}  // namespace pgbackup
