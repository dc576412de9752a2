#include "common/store/dir_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/fd.h"
#include "common/base/handle.h"
#include "common/store/store.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// Returns whether a key of ours may hold this name.
bool may_be_in_a_key(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '=' ||
           c == '-';
  });
}

/// Returns whether the file was deleted since its name was read, or replaced by something that is
/// no directory. ESTALE is what NFS says.
bool has_vanished(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP ||
         error_number == ESTALE;
}

class Walk {
 public:
  /// Entries of the first directory whose names do not start with `start` are passed over.
  Walk(const fs::path& root, std::string_view start, const VisitFile& visit)
      : root_(root), start_(start), visit_(visit) {}

  /// Opens the directory `below`. Returns no descriptor when there is none.
  [[nodiscard]] Fd open(std::string_view below) const {
    Fd fd(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.is_open()) throw_path_error("list", root_);
    for (size_t at = 0; at < below.size() && fd.is_open(); at = below.find('/', at) + 1) {
      const std::string name(below.substr(at, below.find('/', at) - at));
      fd = open_at(fd.get(), name);
      if (!fd.is_open() && !has_vanished(errno)) throw_path_error("list", root_ / below);
    }
    return fd;
  }

  /// Visits all below `fd`. `below` is the path of `fd` relative to the root, with a slash at its
  /// end, or empty.
  void visit_all(Fd fd, const std::string& below, int depth) {
    const Handle<DIR, closedir> directory(fdopendir(fd.get()));
    if (!directory) {
      note_failure("list", below);
      return;
    }
    static_cast<void>(fd.release());  // closedir() closes it
    for (const std::string& name : visit_entries(*directory, below, depth == 0 ? start_ : "")) {
      const std::string path = below + name + "/";
      Fd child = open_at(dirfd(directory.get()), name);
      if (!child.is_open()) note_failure("list", path);
      if (child.is_open() && depth < kMaxWalkDepth) visit_all(std::move(child), path, depth + 1);
    }
  }

  void throw_failures() const {
    if (!first_failure_) return;
    const std::string more = failures_ == 1 ? "" : fmt::format(" (and {} more)", failures_ - 1);
    throw PartialListing(first_failure_->kind(), first_failure_->message() + more,
                         first_failure_->hint());
  }

 private:
  static Fd open_at(int parent, const std::string& name) {
    return Fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }

  /// Notes a failure by errno; the walk goes on. A vanished file is no failure.
  void note_failure(std::string_view action, const std::string& path) {
    if (has_vanished(errno)) return;
    ++failures_;
    if (!first_failure_) first_failure_ = path_error(action, root_ / path);
  }

  /// Visits the files and returns the names of the directories. The directories are entered when
  /// all names have been read, so that this directory is read as fast as possible.
  std::vector<std::string> visit_entries(DIR& directory, const std::string& below,
                                         std::string_view start) {
    std::vector<std::string> directories;
    for (errno = 0; const dirent* const entry = readdir(&directory); errno = 0) {
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || !name.starts_with(start)) continue;
      struct stat info {};
      if (fstatat(dirfd(&directory), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        note_failure("read", below + name);
        continue;
      }
      if (S_ISREG(info.st_mode)) visit_(below + name, info);
      if (S_ISDIR(info.st_mode) && may_be_in_a_key(name)) directories.push_back(name);
    }
    if (errno != 0) note_failure("list", below);
    return directories;
  }

  const fs::path& root_;
  std::string_view start_;
  const VisitFile& visit_;
  size_t failures_ = 0;
  std::optional<Error> first_failure_;
};

}  // namespace

void walk_files(const fs::path& root, std::string_view prefix, const VisitFile& visit) {
  const std::string_view below = prefix.substr(0, prefix.rfind('/') + 1);
  Walk walk(root, prefix.substr(below.size()), visit);
  Fd directory = walk.open(below);
  if (directory.is_open()) walk.visit_all(std::move(directory), std::string(below), 0);
  walk.throw_failures();
}

std::string owner_hint() {
  return fmt::format("the program runs as user id {}: chown -R {} the backup directory", geteuid(),
                     geteuid());
}

Error path_error(std::string_view action, const fs::path& path) {
  const int error_number = errno;
  const std::string what = fmt::format("cannot {} {}", action, path.string());
  errno = error_number;
  Error error = errno_error(what);
  if (error_number != EACCES) return error;
  return {error.kind(), error.message(), owner_hint()};
}

void throw_path_error(std::string_view action, const fs::path& path) {
  throw path_error(action, path);
}

}  // namespace pgbackup
