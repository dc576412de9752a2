#include "backup/verify/scratch_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScratchPrefix = "pg-backup-verify-";
constexpr const char* kLockName = "lock";

/// Returns the lock of `folder`, or a closed descriptor where a process holds it, or where it is
/// not there: the directory is being made, or is nobody's of ours.
Fd take_lock(const fs::path& folder, int flags) {
  constexpr mode_t kOnlyUs = 0600;
  Fd lock(open((folder / kLockName).c_str(), flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, kOnlyUs));
  if (lock.is_open() && flock(lock.get(), LOCK_EX | LOCK_NB) != 0) lock.close();
  return lock;
}

bool is_ours(const fs::path& folder) {
  struct stat info {};
  return lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid();
}

void remove_folder(const fs::path& folder, Log& log) noexcept {
  try {
    std::error_code problem;
    // A server that ends may still write: then the directory is not empty.
    for (int tries = 0; tries < 20; ++tries) {
      problem.clear();
      fs::remove_all(folder, problem);
      if (!problem) return;
      constexpr useconds_t kPause = 100'000;
      usleep(kPause);
    }
    log.warn("cannot remove a folder of a verification",
             {{"folder", folder.string()}, {"cause", problem.message()}});
  } catch (...) {
    return;  // out of memory
  }
}

/// Removes the directories of processes that are gone.
void sweep_folders(const fs::path& parent, Log& log) {
  std::error_code ignored;
  for (fs::directory_iterator entry(parent, ignored), end; !ignored && entry != end;
       entry.increment(ignored)) {
    const fs::path& folder = entry->path();
    if (!folder.filename().string().starts_with(kScratchPrefix) || !is_ours(folder)) continue;
    if (const Fd lock = take_lock(folder, 0); lock.is_open()) {
      log.info("removing what a verification left behind", {{"folder", folder.string()}});
      remove_folder(folder, log);
    }
  }
}

void check_room(const fs::path& parent, uint64_t need_bytes) {
  const fs::space_info space = fs::space(parent);
  if (space.available >= need_bytes) return;
  throw Error(
      ErrorKind::failed,
      fmt::format("'{}' has {} of room, and a server with the database restored may take {}",
                  parent.string(), format_bytes(space.available), format_bytes(need_bytes)),
      "make room, or name another directory in VERIFY_DIR, or a server in VERIFY_URL");
}

}  // namespace

ScratchFolder::ScratchFolder(const fs::path& parent, uint64_t need_bytes, Log& log) : log_(log) {
  if (!fs::is_directory(parent)) {
    throw Error(ErrorKind::failed, fmt::format("there is no directory '{}'", parent.string()),
                "name one in VERIFY_DIR");
  }
  sweep_folders(parent, log);
  check_room(parent, need_bytes);
  std::string name = (parent / fmt::format("{}XXXXXX", kScratchPrefix)).string();
  if (mkdtemp(name.data()) == nullptr) {
    throw_errno(fmt::format("cannot make a directory in {}", parent.string()));
  }
  path_ = name;
  lock_ = take_lock(path_, O_CREAT | O_EXCL);
  if (lock_.is_open()) return;
  const Error error = errno_error(fmt::format("cannot lock {}", name));
  remove_folder(path_, log);
  throw error;
}

ScratchFolder::~ScratchFolder() { remove_folder(path_, log_); }

}  // namespace pgbackup
