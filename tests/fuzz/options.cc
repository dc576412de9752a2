// Options: the real tables of both programs. The input is text: `backup` or `prune`, then lines. A
// line NAME=VALUE is a variable, any other an argument; a variable NAME_FILE has what the file
// holds. Nothing is taken from the environment of the target itself.
#include "common/base/options.h"

#include <sys/mman.h>
#include <unistd.h>

#include <map>
#include <vector>

#include "backup/config.h"
#include "common/base/fd.h"
#include "prune/config.h"
#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

/// In front of every secret: wherever it turns up, a secret did.
constexpr std::string_view kMark = "SeCrEtMaRk";

struct Input {
  bool is_prune = false;
  std::vector<std::string> arguments;
  Environment environment;
  std::map<std::string, Fd, std::less<>> files;  ///< by variable
};

bool is_secret(std::string_view name) {
  return name.find("SECRET") != std::string_view::npos ||
         name.find("PASSWORD") != std::string_view::npos ||
         name.find("ACCESS_KEY") != std::string_view::npos ||
         name.find("TOKEN") != std::string_view::npos;
}

/// A file in memory: no input may make the target read this machine's files.
Fd value_file(std::string_view content) {
  Fd file(memfd_create("value", MFD_CLOEXEC));
  require(file.is_open() && pwrite(file.get(), content.data(), content.size(), 0) ==
                                static_cast<ssize_t>(content.size()),
          "the file of a value can be written");
  return file;
}

void add_variable(Input& input, const std::string& name, std::string_view value) {
  std::string content =
      is_secret(name) ? std::string(kMark) + std::string(value) : std::string(value);
  const bool is_file = name.ends_with("_FILE") && !name.ends_with("CA_FILE");
  if (is_file) {
    const Fd& file = input.files.insert_or_assign(name, value_file(content)).first->second;
    content = "/proc/self/fd/" + std::to_string(file.get());
  }
  input.environment.insert_or_assign(name, content);
}

/// Bytes as lines; no byte is 0, as in a real environment.
Input read_input(std::string_view text) {
  Input input;
  const std::string_view program = text.substr(0, text.find('\n'));
  input.is_prune = program == "prune";
  text.remove_prefix(std::min(text.size(), program.size() + 1));
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t equals = line.find('=');
    const bool is_variable = equals != std::string_view::npos && equals > 0 && line[0] != '-';
    if (is_variable) {
      add_variable(input, std::string(line.substr(0, equals)), line.substr(equals + 1));
    } else {
      input.arguments.emplace_back(line);
    }
  }
  return input;
}

/// What a program knows after its start: values and complaints.
ParsedOptions parse(const Input& input) {
  if (input.is_prune) {
    PruneConfig config;
    config.store.environment = input.environment;
    ParsedOptions parsed =
        parse_options(prune_command_line(config), input.arguments, input.environment);
    check_prune_config(config, parsed);
    return parsed;
  }
  BackupConfig config;
  config.store.environment = input.environment;
  ParsedOptions parsed =
      parse_options(backup_command_line(config), input.arguments, input.environment);
  check_backup_config(config, parsed, input.environment);
  if (parsed.problems.empty() && parsed.verb == "serve") {
    const UtcTime now{std::chrono::seconds(1795144500)};
    require(config.timing.schedule.next(now) > now, "a backup is due after now");
  }
  return parsed;
}

void require_quiet(const ParsedOptions& parsed) {
  for (const std::string& problem : parsed.problems) {
    require(problem.find(kMark) == std::string::npos, "a problem shows no secret");
  }
  for (const std::string& note : parsed.notes) {
    require(note.find(kMark) == std::string::npos, "a note shows no secret");
  }
  for (const Setting& setting : parsed.settings) {
    require(setting.value.find(kMark) == std::string::npos, "a setting shows no secret");
  }
}

/// What the log shows at start, given again, is the same configuration.
void require_settled(const Input& input, const ParsedOptions& parsed) {
  if (!parsed.problems.empty()) return;
  Input again;
  again.is_prune = input.is_prune;
  again.arguments = {std::string(parsed.verb)};
  for (const Setting& setting : parsed.settings) {
    const bool is_given = !setting.given_as.empty() && !setting.value.empty();
    if (is_given && !is_secret(setting.name)) {
      again.environment.emplace(setting.name, setting.value);
    }
  }
  for (const Setting& setting : parse(again).settings) {
    const auto given = again.environment.find(setting.name);
    require(given == again.environment.end() || given->second == setting.value,
            "a setting reads as it is shown");
  }
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  const std::string_view text = as_text(data, size);
  // The mark is the target's own; a zero byte cannot be given to a program.
  if (text.find(kMark) != std::string_view::npos || text.find('\0') != std::string_view::npos) {
    return -1;
  }
  const Input input = read_input(text);
  const ParsedOptions parsed = parse(input);
  require_quiet(parsed);
  require_settled(input, parsed);
  return 0;
}
