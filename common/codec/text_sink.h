// The end of a chain that keeps what passes in memory, within a bound.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/error.h"
#include "common/codec/sink.h"

namespace pgbackup {

class TextSink final : public Sink {
 public:
  /// Throws `error` when more than `most` bytes pass.
  TextSink(size_t most, Error error) : most_(most), error_(std::move(error)) {}
  void write(std::string_view bytes) override {
    if (text_.size() + bytes.size() > most_) throw Error(error_);
    text_ += bytes;
  }
  void finish() override {}
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  size_t most_;
  Error error_;
  std::string text_;
};

}  // namespace pgbackup
