// The beginning of a chain: keeps what is read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "common/codec/sink.h"

namespace pgbackup {

class StringSource final : public Source {
 public:
  /// Hands out `step` bytes at a time.
  explicit StringSource(std::string text, size_t step = SIZE_MAX)
      : text_(std::move(text)), step_(step) {}
  size_t read(std::span<char> buffer) override {
    const size_t count = std::min({buffer.size(), step_, text_.size() - position_});
    text_.copy(buffer.data(), count, position_);
    position_ += count;
    return count;
  }

 private:
  std::string text_;
  size_t step_;
  size_t position_ = 0;
};

}  // namespace pgbackup
