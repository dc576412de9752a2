// A directory for a server of our own, which is removed with everything in it, whatever happens: by
// the destructor, or, after a SIGKILL, by the next one that is made beside it. A lock that ends
// with its process tells those in use from those left behind.
#pragma once

#include <filesystem>

#include "common/base/fd.h"
#include "common/base/log.h"

namespace pgbackup {

class ScratchFolder {
 public:
  /// Removes what was left behind in `parent`, and makes a directory there that only we may enter.
  /// Throws `failed` where `parent` has less than `need_bytes` of room.
  ScratchFolder(const std::filesystem::path& parent, uint64_t need_bytes, Log& log);
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  Fd lock_;
  Log& log_;
};

}  // namespace pgbackup
