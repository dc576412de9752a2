#include "common/base/output.h"

namespace pgbackup {

void print(std::FILE* out, std::string_view text) noexcept {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), out));
}

bool is_written(std::FILE* out) noexcept { return std::fflush(out) == 0 && std::ferror(out) == 0; }

}  // namespace pgbackup
