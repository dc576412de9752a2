#include "common/service/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <span>

#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

/// Multi-line messages keep the program's name on each line, so that a log can be filtered.
void print_error(std::string_view program, std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    fmt::print(stderr, "{}: {}\n", program, printable(line));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

int run(const CommandLine& command, std::span<const std::string> arguments,
        const std::function<void(const ParsedOptions&, std::vector<std::string>&)>& check,
        const std::function<int(const ParsedOptions&)>& body) {
  ParsedOptions parsed = parse_options(command, arguments, process_environment());
  if (parsed.help) {
    fmt::print("{}", help_text(command));
    return 0;
  }
  if (parsed.version) {
    fmt::print("{} {}\n", command.program, PROJECT_VERSION);
    return 0;
  }
  check(parsed, parsed.problems);
  throw_problems(command.program, parsed.problems);
  return body(parsed);
}

}  // namespace

std::vector<Option> log_options(LogConfig& config) {
  return {
      {.name = "LOG_FORMAT",
       .target = choice(&config.format, {"text", "json"}),
       .help = "Lines for people, or one JSON object per line."},
      {.name = "LOG_LEVEL",
       .target = choice(&config.level, {"debug", "info", "warn", "error"}),
       .help = "The least level that is logged."},
  };
}

int run_program(const CommandLine& command, int argc, char** argv,
                const std::function<void(const ParsedOptions&, std::vector<std::string>&)>& check,
                const std::function<int(const ParsedOptions&)>& body) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    return run(command, arguments, check, body);
  } catch (const Error& error) {
    print_error(command.program, error.what());
    return exit_code(error.kind());
  } catch (const std::exception& error) {
    print_error(command.program, fmt::format("unexpected: {}", error.what()));
    return exit_code(ErrorKind::failed);
  }
}

void log_settings(Log& log, std::string_view program, const ParsedOptions& parsed) {
  LogFields fields = {{"version", PROJECT_VERSION}};
  for (const Setting& setting : parsed.settings) {
    if (setting.source != "default") fields.emplace_back(setting.name, setting.value);
  }
  log.info(fmt::format("{} {}", program, parsed.verb), fields);
}

}  // namespace pgbackup
