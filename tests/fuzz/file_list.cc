// Lists of the files of a base backup: what parses is found again by its names.
#include "backup/physical/file_list.h"

#include <algorithm>

#include "common/codec/bytes_source.h"
#include "common/codec/digest.h"
#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

void check(std::string_view text) {
  try {
    BytesSource source(text);
    const FileList list(source);
    for (size_t i = 0; i < list.size(); ++i) {
      require(list.find(list.path(i)) == i, "each file is found by its name");
      require(list.sha256(i).size() == 64, "a sha256 has 64 digits");
    }
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::failed,
            "what cannot be read is corrupt, or of another version");
    require_readable(error.message());
  }
}

/// Puts the right checksum behind the text, or hardly any list would get past it.
std::string with_checksum(std::string_view text) {
  const size_t at = text.rfind("\"Manifest-Checksum\"");
  const std::string lines(text.substr(0, at));
  return lines + "\"Manifest-Checksum\": \"" + sha256_hex(lines) + "\"}\n";
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  check(as_text(data, size));
  check(with_checksum(as_text(data, size)));
  return 0;
}
