#include "common/store/store_root.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/store/dir_walk.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// Returns the path without `.` and slashes at the end: directories above an object are compared
/// with it.
fs::path normalized(const fs::path& root) {
  const fs::path plain = root.lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

/// Turns `App` into `aPP`.
std::string with_other_case(std::string_view name) {
  std::string other(name);
  for (char& c : other) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_letter) c = static_cast<char>(c ^ ('a' ^ 'A'));
  }
  return other;
}

/// Returns whether both names lead to one file.
bool are_one(const fs::path& a, const fs::path& b) {
  struct stat first {};
  struct stat second {};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

bool has_directory_named(const fs::path& root, const std::string& name) {
  std::error_code error;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string() != name) continue;
    std::error_code ignored;
    return entry->symlink_status(ignored).type() == fs::file_type::directory;
  }
  if (error) {
    errno = error.value();
    throw_path_error("list", root);
  }
  return false;
}

}  // namespace

StoreRoot::StoreRoot(const fs::path& base, std::string prefix)
    : base_(normalized(base)), prefix_(std::move(prefix)), path_(normalized(base_ / prefix_)) {
  const Fd fd(::open(base_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (fd.is_open() && fstat(fd.get(), &info) == 0) {
    device_ = info.st_dev;
    inode_ = info.st_ino;
    return;
  }
  const int error_number = errno;
  throw Error(error_number == EACCES ? ErrorKind::denied : ErrorKind::not_found,
              fmt::format("cannot open the backup directory {}: {}", base_.string(),
                          errno_text(error_number)),
              error_number == EACCES
                  ? owner_hint()
                  : "BACKUP_DIR must be an existing directory; is the volume mounted?");
}

void StoreRoot::check() const {
  struct stat info {};
  if (stat(base_.c_str(), &info) == 0 && info.st_dev == device_ && info.st_ino == inode_) return;
  throw Error(
      ErrorKind::not_found,
      fmt::format("the backup directory {} is no longer the one that was opened", base_.string()),
      "was the volume unmounted, or the directory deleted or replaced?");
}

bool StoreRoot::is_spelled_alike(std::string_view key) const {
  const std::string name(key.substr(0, key.find('/')));
  const std::string other = with_other_case(name);
  if (name == other || !are_one(path_ / name, path_ / other)) return true;  // case matters here
  return has_directory_named(path_, name);
}

}  // namespace pgbackup
