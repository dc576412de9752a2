#include "backup/pg_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

std::string hint_for(std::string_view errors) {
  if (errors.find("permission denied") != std::string_view::npos ||
      errors.find("row-level security") != std::string_view::npos) {
    return "README shows the SQL that gives the backup role the rights it needs";
  }
  if (errors.find("LOCK TABLE") != std::string_view::npos &&
      errors.find("timeout") != std::string_view::npos) {
    return "somebody holds a lock on the table for longer than LOCK_TIMEOUT; pg_locks shows who";
  }
  return "";
}

}  // namespace

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
  throw Error(
      ErrorKind::failed,
      fmt::format("{} {}{}{}", name_, process.status_text(), errors.empty() ? "" : ": ", errors),
      hint_for(errors));
}

/// Also one that never stops writing is over at some time.
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
  std::vector<std::string> lines;
  const std::string errors = client_.process().errors();
  std::string_view rest = errors;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    if (!line.empty()) lines.emplace_back(line);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  return lines;
}

}  // namespace pgbackup
