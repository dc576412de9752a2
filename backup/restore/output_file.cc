#include "backup/restore/output_file.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/store/dir_store.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// Writes to stdout in steps that cannot block after poll(), so that a stop request is heard.
class StdoutSink final : public Sink {
 public:
  explicit StdoutSink(const std::stop_token& stop) : stop_(stop) {}
  void write(std::string_view bytes) override {
    while (!bytes.empty()) {
      std::array<pollfd, 1> out = {{{STDOUT_FILENO, POLLOUT, 0}}};
      stop_.wait(out, kNoDeadline);
      const std::string_view step = bytes.substr(0, kAtomicBytes);
      write_all(STDOUT_FILENO, step, "cannot write to stdout");
      bytes.remove_prefix(step.size());
    }
  }
  void finish() override {}

 private:
  static constexpr size_t kAtomicBytes = 4096;  // PIPE_BUF of Linux
  StopFd stop_;
};

}  // namespace

uint64_t write_output(StoredDump& dump, const fs::path& output, Clock& clock, Log& log,
                      const std::stop_token& stop) {
  if (output == "-") {
    StdoutSink out(stop);
    return dump.copy(out, clock, log);
  }
  if (fs::exists(output)) {
    throw Error(ErrorKind::conflict, fmt::format("'{}' exists already", output.string()),
                "name another file, or delete it first");
  }
  // A directory store writes to a temporary file and renames it when all is well.
  const fs::path folder = output.has_parent_path() ? output.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw Error(ErrorKind::not_found, fmt::format("there is no directory '{}'", folder.string()));
  }
  DirStore files(folder, clock);
  const std::unique_ptr<ObjectWriter> file = files.create(output.filename().string());
  return dump.copy(*file, clock, log);
}

}  // namespace pgbackup
