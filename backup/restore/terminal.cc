#include "backup/restore/terminal.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/output.h"

namespace pgbackup {

bool can_ask() { return isatty(STDIN_FILENO) == 1; }

std::string ask_line(std::string_view prompt, const std::stop_token& stop) {
  print(stderr, prompt);
  const StopFd wake(stop);
  std::array<pollfd, 1> input = {{{STDIN_FILENO, POLLIN, 0}}};
  wake.wait(input, kNoDeadline);
  // A terminal hands over whole lines.
  std::array<char, 1024> line{};
  const ssize_t got = ::read(STDIN_FILENO, line.data(), line.size());
  if (got <= 0) throw Error(ErrorKind::canceled, "no answer");
  std::string text(line.data(), static_cast<size_t>(got));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

bool ask_yes(std::string_view question, const std::stop_token& stop) {
  const std::string answer = ask_line(fmt::format("{} [y/N] ", question), stop);
  return answer.starts_with('y') || answer.starts_with('Y');
}

void confirm(bool yes, std::string_view question, const std::stop_token& stop) {
  if (yes) return;
  if (!can_ask()) {
    throw Error(ErrorKind::usage, "without a terminal to ask on, this restore needs --yes");
  }
  if (!ask_yes(question, stop)) throw Error(ErrorKind::conflict, "not restored: the answer was no");
}

}  // namespace pgbackup
