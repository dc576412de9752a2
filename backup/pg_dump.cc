#include "backup/pg_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/error.h"

namespace pgbackup {
namespace {

std::string hint_for(std::string_view errors) {
  if (errors.find("permission denied") != std::string_view::npos ||
      errors.find("row-level security") != std::string_view::npos) {
    return "README shows the SQL that gives the backup role the rights it needs";
  }
  return "";
}

}  // namespace

DumpSource::DumpSource(const ClientProgram& program, std::vector<std::string> arguments,
                       const PgConfig& config, const Environment& environment,
                       const std::stop_token& stop)
    : name_(program.path.filename().string()),
      client_(program, std::move(arguments), config, environment, stop) {}

size_t DumpSource::read(std::span<char> buffer) {
  Process& process = client_.process();
  if (const size_t got = process.read(buffer)) return got;
  if (process.wait()) return 0;
  const std::string errors = process.errors();
  throw Error(
      ErrorKind::failed,
      fmt::format("{} {}{}{}", name_, process.status_text(), errors.empty() ? "" : ": ", errors),
      hint_for(errors));
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
