// What the fuzz targets share. A target is one function that libFuzzer calls with bytes of its own
// making; a promise that does not hold ends the program, and the bytes become a file.
// https://llvm.org/docs/LibFuzzer.html
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/printable.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace pgbackup {

/// Ends the program unless `holds`.
inline void require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", promise);
  std::abort();
}

inline std::string_view as_text(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// What foreign bytes may make us say: one line of a length that a log bears.
inline void require_readable(const std::string& message) {
  constexpr size_t kMaxBytes = 1000;
  require(!message.empty(), "an error says something");
  require(message.size() <= kMaxBytes, "an error is short");
  require(!has_control_characters(message), "an error is one line");
}

/// Runs `parse` and swallows the one error that it may throw.
template <class Parse>
void expect_corrupt_at_most(const Parse& parse) {
  try {
    parse();
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::corrupt, "what cannot be read is corrupt");
    require_readable(error.message());
  }
}

}  // namespace pgbackup
