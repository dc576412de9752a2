// What both mains have in common: settings in, --help and --version, all problems at once, one
// place that turns an Error into a line and an exit code.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/log.h"
#include "common/base/options.h"

namespace pgbackup {

struct LogConfig {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
};

/// Rows LOG_LEVEL and LOG_FORMAT; they point into `config`.
[[nodiscard]] std::vector<Option> log_options(LogConfig& config);

/// Parses, answers --help and --version, adds the problems that `check` finds in the filled
/// settings, and runs `body`. Returns the exit code: what `body` returns, or that of the Error it
/// throws, which is printed on stderr as `program: message`.
int run_program(const CommandLine& command, int argc, char** argv,
                const std::function<void(const ParsedOptions&, std::vector<std::string>&)>& check,
                const std::function<int(const ParsedOptions&)>& body);

/// Logs every setting that is not a default, with its source; secrets hidden.
void log_settings(Log& log, std::string_view program, const ParsedOptions& parsed);

}  // namespace pgbackup
