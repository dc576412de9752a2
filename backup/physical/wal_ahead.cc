#include "backup/physical/wal_ahead.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "backup/physical/wal_page.h"
#include "common/base/error.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryStart = ".tmp-";

/// The most bytes that are read ahead, and their share of what is free.
constexpr uint64_t kMostAheadBytes = uint64_t{256} << 20U;
constexpr uint64_t kFreeShare = 4;

void sync_directory(const fs::path& directory) {
  const fs::path path = directory.empty() ? fs::path(".") : directory;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open() || fsync(fd.get()) != 0) throw_errno("cannot sync " + path.string());
}

/// Locks a temporary file as long as it is open. Returns false when another process has done so.
/// Where the file system has no locks, nobody ever deletes what a killed process left.
bool lock(const Fd& fd) { return flock(fd.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

bool has_a_name(const Fd& fd) {
  struct stat info {};
  return fstat(fd.get(), &info) == 0 && info.st_nlink > 0;
}

/// Deletes a temporary file unless its process lives, which holds a lock.
void remove_abandoned(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (fd.is_open() && flock(fd.get(), LOCK_EX | LOCK_NB) == 0) unlink(path.c_str());
}

/// Returns the names of the files in a directory, as far as it can be read.
std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  return names;
}

/// Returns whether the file is the whole segment `name` of that server.
bool is_segment(const fs::path& path, const std::string& name, const std::string& system_id) {
  try {
    const WalPage page = read_wal_page_of(path);
    check_wal_page(page, name, system_id);
    return fs::file_size(path) == page.segment_bytes;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

NewFile::NewFile(const fs::path& directory, fs::path path) : path_(std::move(path)) {
  do {
    temporary_ = directory /
                 fmt::format("{}{}-{}", kTemporaryStart, random_hex(4), path_.filename().string());
    fd_ = Fd(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd_.is_open()) throw_errno("cannot create " + temporary_.string());
    // Another process may take the file for abandoned before it is locked.
  } while (!lock(fd_) || !has_a_name(fd_));
}

NewFile::~NewFile() {
  if (fd_.is_open()) unlink(temporary_.c_str());
}

void NewFile::write(std::string_view bytes) {
  write_all(fd_.get(), bytes, "cannot write " + temporary_.string());
}

void NewFile::finish() {
  if (fsync(fd_.get()) != 0) throw_errno("cannot sync " + temporary_.string());
  if (rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw_errno(fmt::format("cannot rename {} to {}", temporary_.string(), path_.string()));
  }
  fd_.close();
  sync_directory(path_.parent_path());
}

AheadDirectory::AheadDirectory(const fs::path& pg_wal) : path_(pg_wal / ".pg_backup_ahead") {
  if (mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) {
    throw_errno("cannot make " + path_.string());
  }
  for (const std::string& name : names_in(path_)) {
    if (name.starts_with(kTemporaryStart)) remove_abandoned(path_ / name);
  }
}

bool AheadDirectory::holds(const std::string& name) const {
  std::error_code ignored;
  return fs::exists(path_ / name, ignored);
}

bool AheadDirectory::take(const std::string& name, const std::string& system_id,
                          const fs::path& target) {
  const fs::path path = path_ / name;
  if (!holds(name)) return false;
  if (is_segment(path, name, system_id)) return rename(path.c_str(), target.c_str()) == 0;
  unlink(path.c_str());
  return false;
}

void AheadDirectory::keep(const std::vector<std::string>& names) {
  for (const std::string& name : names_in(path_)) {
    const bool is_kept = std::find(names.begin(), names.end(), name) != names.end();
    if (!is_kept && !name.starts_with(kTemporaryStart)) unlink((path_ / name).c_str());
  }
}

uint64_t count_ahead(uint64_t segment_bytes, uint64_t free_bytes) {
  const uint64_t bytes = std::min(kMostAheadBytes, free_bytes / kFreeShare);
  return std::min(kMostAhead, bytes / segment_bytes);
}

}  // namespace pgbackup
