// Tables of contents of archives: what is read is within bounds, however the bytes arrive.
#include "backup/restore/toc.h"

#include <algorithm>
#include <optional>

#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

/// Reads `text` in pieces of `step` bytes; nullopt where it is no archive.
std::optional<Toc> read(std::string_view text, size_t step) {
  try {
    TocReader reader;
    for (size_t at = 0; at < text.size(); at += step) reader.write(text.substr(at, step));
    return reader.take();
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::failed,
            "what cannot be read is corrupt, or of another version");
    require_readable(error.message());
    return std::nullopt;
  }
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  const std::string_view text = as_text(data, size);
  const std::optional<Toc> whole = read(text, std::max<size_t>(size, 1));
  const std::optional<Toc> pieces = read(text, 7);
  require(whole.has_value() == pieces.has_value(), "it does not matter how the bytes arrive");
  if (!whole) return 0;
  require(whole->size() == pieces->size(), "the pieces have the same entries");
  for (size_t i = 0; i < whole->size(); ++i) {
    require((*whole)[i].id == (*pieces)[i].id && (*whole)[i].name == (*pieces)[i].name,
            "each entry is the same");
  }
  return 0;
}
