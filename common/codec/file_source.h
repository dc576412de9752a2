// A file as the beginning of a chain.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "common/base/fd.h"
#include "common/codec/sink.h"

namespace pgbackup {

class FileSource final : public Source {
 public:
  /// Reads `fd` from where it stands to its end. `name` is for messages.
  FileSource(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}
  size_t read(std::span<char> buffer) override;

 private:
  Fd fd_;
  std::string name_;
};

}  // namespace pgbackup
