#include "common/store/dir_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "common/base/error.h"
#include "common/codec/encoding.h"
#include "common/store/dir_walk.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

void sync_directory(const fs::path& directory) {
  const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open() || fsync(fd.get()) != 0) throw_path_error("sync", directory);
}

/// Makes the missing directories above `path` and syncs each new entry's parent.
void make_directories(const fs::path& root, const fs::path& directory) {
  std::error_code ignored;
  if (directory == root) return;
  // A listing follows no link, so files behind one would never be seen again.
  if (fs::is_symlink(directory, ignored)) {
    throw Error(ErrorKind::conflict,
                fmt::format("cannot write below {}: it is a symbolic link", directory.string()),
                "mount the other place there, or set BACKUP_DIR to it");
  }
  if (fs::is_directory(directory, ignored)) return;
  make_directories(root, directory.parent_path());
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) throw_path_error("make", directory);
  sync_directory(directory.parent_path());
}

bool is_dangling(const fs::path& link) {
  std::error_code ignored;
  return fs::is_symlink(link, ignored) && !fs::exists(link, ignored);
}

bool has_one_entry(const fs::path& directory) {
  std::error_code error;
  int count = 0;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end && count < 2;
       entry.increment(error)) {
    ++count;
  }
  return !error && count == 1;
}

void check_spelling(const StoreRoot& root, const std::string& key) {
  if (root.is_spelled_alike(key)) return;
  throw Error(ErrorKind::conflict,
              fmt::format("cannot write {}: the file system ignores case, and there are backups of "
                          "a database whose name differs only in case",
                          (root.path() / key).string()),
              "keep the backups of one of the two databases in another BACKUP_DIR, or use a "
              "case-sensitive file system");
}

}  // namespace

void remove_empty_directories(const fs::path& root, fs::path directory) {
  while (directory != root) {
    const fs::path latest = directory / kLatestName;
    if (is_dangling(latest) && has_one_entry(directory)) unlink(latest.c_str());
    if (rmdir(directory.c_str()) != 0) return;
    directory = directory.parent_path();
  }
}

TemporaryFile::TemporaryFile(const StoreRoot& root, const std::string& key)
    : root_(root), path_(root.path() / key) {
  root_.check();
  check_spelling(root_, key);
  make_directories(root_.base(), path_.parent_path());
  try {
    open(key);
  } catch (...) {
    remove_empty_directories(root_.base(), path_.parent_path());
    throw;
  }
}

void TemporaryFile::open(const std::string& key) {
  check_spelling(root_, key);  // another process may just have made the directory
  temporary_ = path_.parent_path() /
               fmt::format("{}{}-{}", kTemporaryPrefix, random_hex(4), path_.filename().string());
  fd_ = Fd(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd_.is_open()) throw_path_error("create", temporary_);
}

TemporaryFile::~TemporaryFile() {
  if (committed_) return;
  unlink(temporary_.c_str());
  try {
    remove_empty_directories(root_.base(), path_.parent_path());
  } catch (...) {
    return;  // out of memory: an empty directory stays
  }
}

void TemporaryFile::write(std::string_view bytes) {
  write_all(fd_.get(), bytes, fmt::format("cannot write {}", path_.string()));
  bytes_ += bytes.size();
}

void TemporaryFile::commit() {
  root_.check();
  if (fsync(fd_.get()) != 0) throw_path_error("sync", temporary_);
  confirm_descriptor();
  confirm_file(temporary_);  // the descriptor may no longer be that of this file
  if (rename(temporary_.c_str(), path_.c_str()) != 0) throw_path_error("rename", temporary_);
  committed_ = true;
  sync_directory(path_.parent_path());
  confirm_file(path_);
  root_.check();
}

void TemporaryFile::confirm_descriptor() const {
  struct stat info {};
  if (fstat(fd_.get(), &info) != 0) throw_path_error("confirm", temporary_);
  confirm_size(static_cast<uint64_t>(info.st_size));
}

void TemporaryFile::confirm_file(const fs::path& path) const {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) throw_path_error("confirm", path);
  confirm_size(static_cast<uint64_t>(info.st_size));
}

void TemporaryFile::confirm_size(uint64_t bytes) const {
  if (bytes == bytes_) return;
  throw Error(ErrorKind::corrupt,
              fmt::format("{} holds {} bytes, but {} were written", path_.string(), bytes, bytes_),
              "does another program write there, or is the file system damaged?");
}

void FileWriter::write(std::string_view bytes) {
  file_.write(bytes);
  hash_.update(bytes);
  bytes_ += bytes.size();
}

void FileWriter::finish() {
  file_.commit();
  stored_ = {{.key = key_, .bytes = bytes_, .sha256 = hash_.hex()}};
}

}  // namespace pgbackup
