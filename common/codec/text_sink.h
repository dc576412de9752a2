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
  /// Throws an Error of this kind, message and hint when more than `most` bytes pass.
  TextSink(size_t most, ErrorKind kind, std::string message, std::string hint = {})
      : most_(most), kind_(kind), message_(std::move(message)), hint_(std::move(hint)) {}
  void write(std::string_view bytes) override {
    if (text_.size() + bytes.size() > most_) throw Error(kind_, message_, hint_);
    text_ += bytes;
  }
  void finish() override {}
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  size_t most_;
  ErrorKind kind_;
  std::string message_;
  std::string hint_;
  std::string text_;
};

}  // namespace pgbackup
