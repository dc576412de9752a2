#include "common/base/output.h"

#include <cerrno>

#include "common/base/error.h"

namespace pgbackup {
namespace {

/// Writes and flushes. Sets errno when it returns false.
bool write_out(std::FILE* out, std::string_view text) noexcept {
  return std::fwrite(text.data(), 1, text.size(), out) == text.size() && std::fflush(out) == 0;
}

}  // namespace

void print(std::FILE* out, std::string_view text) noexcept {
  static_cast<void>(write_out(out, text));
}

void print_result(std::FILE* out, std::string_view text) {
  if (write_out(out, text)) return;
  throw Error(ErrorKind::failed, "cannot write the output: " + errno_text(errno));
}

}  // namespace pgbackup
