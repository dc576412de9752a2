#include "backup/restore/local_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRoomHint =
    "set TMPDIR to a directory with more room, or leave out --jobs, which needs none";

class CopySink final : public Sink {
 public:
  explicit CopySink(const Fd& file) : file_(file) {}
  void write(std::string_view bytes) override {
    write_all(file_.get(), bytes, "cannot write the temporary file of --jobs");
  }
  void finish() override {}

 private:
  const Fd& file_;
};

Fd open_without_name(const fs::path& folder) {
  Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.is_open()) return file;
  // Not every filesystem knows O_TMPFILE.
  std::string path = folder / "pg-backup-restore.XXXXXX";
  file = Fd(mkostemp(path.data(), O_CLOEXEC));
  if (!file.is_open()) throw_errno(fmt::format("cannot make a file in {}", folder.string()));
  unlink(path.c_str());
  return file;
}

void require_room(const fs::path& folder, uint64_t needed, Log& log) {
  struct statvfs info {};
  if (statvfs(folder.c_str(), &info) != 0) {
    throw_errno(fmt::format("cannot look at {}", folder.string()));
  }
  const uint64_t free = uint64_t{info.f_bavail} * info.f_frsize;
  const std::string text = fmt::format("a temporary file of {} in {}, where {} are free",
                                       format_bytes(needed), folder.string(), format_bytes(free));
  if (free < needed) throw Error(ErrorKind::failed, "--jobs needs " + text, kRoomHint);
  log.info("--jobs takes room on the disk", {{"room", text}});
}

}  // namespace

LocalCopy::LocalCopy(StoredDump& dump, const Environment& environment, Clock& clock, Log& log) {
  const auto variable = environment.find("TMPDIR");
  const bool is_set = variable != environment.end() && !variable->second.empty();
  const fs::path folder = is_set ? variable->second : "/tmp";
  // What an older system's file holds is not known, but it is no less than its own size.
  require_room(folder, dump.bytes().value_or(dump.backup().bytes), log);
  file_ = open_without_name(folder);
  CopySink sink(file_);
  bytes_ = dump.copy(sink, clock, log);
}

}  // namespace pgbackup
