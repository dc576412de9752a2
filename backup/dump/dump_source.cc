#include "backup/dump/dump_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

std::string hint_for(std::string_view errors) {
  if (errors.find("permission denied") != std::string_view::npos ||
      errors.find("row-level security") != std::string_view::npos) {
    return "docs/backup.md shows the SQL that gives the backup role the privileges it needs";
  }
  if (errors.find("LOCK TABLE") != std::string_view::npos &&
      errors.find("timeout") != std::string_view::npos) {
    return "somebody holds a lock on the table for longer than LOCK_TIMEOUT; pg_locks shows who";
  }
  return "";
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (!line.empty()) lines.emplace_back(line);
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return lines;
}

/// Returns whether the line belongs to a warning rather than to progress messages; false for
/// messages in another language.
bool is_of_a_warning(const std::string& line) {
  constexpr std::array<std::string_view, 4> kSigns = {
      ": warning: ", ": error: ", ": detail: ", ": hint: "};
  return std::any_of(kSigns.begin(), kSigns.end(),
                     [&](std::string_view sign) { return line.find(sign) != std::string::npos; });
}

/// Returns the last lines, which say why the program failed.
std::string end_of_messages(std::string_view text) {
  const std::vector<std::string> lines = lines_of(text);
  const size_t before = lines.size() - std::min(lines.size(), kMostMessages);
  return fmt::format("{}{}", before == 0 ? "" : fmt::format("({} lines before)\n", before),
                     fmt::join(std::span(lines).subspan(before), "\n"));
}

}  // namespace

std::vector<std::string> select_messages(std::string_view text) {
  std::vector<std::string> lines = lines_of(text);
  if (lines.size() <= kMostMessages) return lines;
  std::stable_partition(lines.begin(), lines.end(), is_of_a_warning);
  const size_t more = lines.size() - kMostMessages;
  lines.resize(kMostMessages);
  lines.push_back(fmt::format("{} more lines are not kept", more));
  return lines;
}

DumpSource::DumpSource(ClientCommand command, const PgConfig& config,
                       const Environment& environment, const std::stop_token& stop)
    : name_(command.program.path.filename().string()),
      limit_(command.limit),
      client_(std::move(command), config, environment, stop) {
  client_.process().close_stdin();  // no option may make it wait for us
}

size_t DumpSource::read(std::span<char> buffer) {
  Process& process = client_.process();
  if (const size_t got = read_in_time(buffer)) return got;
  if (process.wait()) return 0;
  const std::string errors = process.errors();
  throw Error(ErrorKind::failed,
              fmt::format("{} {}{}{}", name_, process.status_text(), errors.empty() ? "" : ": ",
                          end_of_messages(errors)),
              process.was_killed() ? kKilledHint : hint_for(errors));
}

/// Reads within the limit of run time, which also ends a program that never stops writing.
size_t DumpSource::read_in_time(std::span<char> buffer) {
  const bool is_limited = limit_.count() > 0;
  try {
    if (!is_limited || std::chrono::steady_clock::now() < begun_ + limit_) {
      return client_.read(buffer);
    }
  } catch (const Error& error) {
    if (!is_limited || error.kind() != ErrorKind::transient) throw;
  }
  throw Error(
      ErrorKind::failed,
      fmt::format("{} had not ended after {} and was killed", name_, format_duration(limit_)),
      "raise PG_RUN_TIMEOUT, or find out what held it up");
}

std::vector<std::string> DumpSource::warnings() {
  return select_messages(client_.process().errors());
}

}  // namespace pgbackup
