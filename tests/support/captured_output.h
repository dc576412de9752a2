// A FILE* whose text can be read back: for what a log or a report prints.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace pgbackup {

class CapturedOutput {
 public:
  CapturedOutput() : file_(open_memstream(&bytes_, &size_)) {}
  CapturedOutput(const CapturedOutput&) = delete;
  CapturedOutput& operator=(const CapturedOutput&) = delete;
  ~CapturedOutput() {
    static_cast<void>(std::fclose(file_));
    std::free(bytes_);
  }

  [[nodiscard]] std::FILE* file() const { return file_; }
  [[nodiscard]] std::string text() const {
    static_cast<void>(std::fflush(file_));
    return {bytes_, size_};
  }
  [[nodiscard]] bool says(const std::string& part) const {
    return text().find(part) != std::string::npos;
  }

 private:
  char* bytes_ = nullptr;
  size_t size_ = 0;
  std::FILE* file_;
};

}  // namespace pgbackup
