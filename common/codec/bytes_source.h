// The beginning of a chain whose bytes are in memory.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "common/codec/sink.h"

namespace pgbackup {

class BytesSource final : public Source {
 public:
  /// `bytes` must outlive the source.
  explicit BytesSource(std::string_view bytes) : bytes_(bytes) {}
  size_t read(std::span<char> buffer) override {
    const size_t count = bytes_.copy(buffer.data(), buffer.size());
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
};

}  // namespace pgbackup
