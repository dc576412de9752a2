#include "backup/physical/restored_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "backup/physical/base_check.h"
#include "common/base/error.h"
#include "common/codec/file_source.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kPrivateDirectory = 0700;
constexpr unsigned kPrivateFile = 0600;

[[noreturn]] void fail(std::string_view what, std::string_view directory, std::string_view name) {
  throw_errno(fmt::format("cannot {} {}/{}", what, directory, name));
}

Fd open_directory(const fs::path& directory) {
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) throw_errno(fmt::format("cannot open {}", directory.string()));
  return fd;
}

/// Makes the directory and those above it, unless it exists. Whoever the server runs as must be
/// able to go through those above.
void make_directories(const fs::path& directory, unsigned mode = kPrivateDirectory) {
  std::error_code ignored;
  if (fs::is_directory(directory, ignored)) return;
  constexpr unsigned kPassable = 0755;
  if (directory.has_parent_path() && directory.parent_path() != directory) {
    make_directories(directory.parent_path(), kPassable);
  }
  if (mkdir(directory.c_str(), mode) != 0 && errno != EEXIST) {
    throw_errno(fmt::format("cannot make {}", directory.string()));
  }
}

class FileSink final : public Sink {
 public:
  FileSink(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  void write(std::string_view bytes) override {
    write_all(fd_.get(), bytes, fmt::format("cannot write {}", path_));
  }
  void finish() override { fd_.close(); }

 private:
  Fd fd_;
  std::string path_;
};

/// Throws `denied` for a directory of someone else, in which no server would start.
void refuse_foreign(const struct stat& info, const std::string& path) {
  if (geteuid() == 0 || info.st_uid == geteuid()) return;
  throw Error(ErrorKind::denied,
              fmt::format("{} belongs to another user (with the id {})", path, info.st_uid),
              "restore as the user that the server runs as, or into a directory within this one, "
              "which is then made");
}

/// Deletes a file that may be missing.
void remove_if_there(int directory, const char* name, const std::string& path) {
  if (unlinkat(directory, name, 0) != 0 && errno != ENOENT) fail("delete", path, name);
}

}  // namespace

RestoredDirectory::RestoredDirectory(const fs::path& directory,
                                     std::vector<TablespacePlace> tablespaces,
                                     std::string_view story)
    : path_(directory.string()) {
  refuse_occupied(directory);
  for (const TablespacePlace& place : tablespaces) refuse_occupied(place);
  make_directories(directory);
  fd_ = open_directory(directory);
  struct stat info {};
  if (fstat(fd_.get(), &info) != 0) throw_errno(fmt::format("cannot look at {}", path_));
  if (geteuid() == 0) owner_ = Owner{info.st_uid, info.st_gid};
  refuse_foreign(info, path_);
  own(fd_.get(), kPrivateDirectory, path_);
  const std::unique_ptr<Sink> marker = create(kUnfinishedMarker);
  marker->write(story);
  marker->finish();
  for (TablespacePlace& place : tablespaces) {
    make_directories(place.directory);
    Fd fd = open_directory(place.directory);
    own(fd.get(), kPrivateDirectory, place.directory.string());
    tablespaces_.push_back({std::move(place), std::move(fd)});
  }
}

TreeRoot RestoredDirectory::root() const {
  return {.fd = fd_.get(), .path = path_, .listed_as = "", .owner = owner_};
}

TreeRoot RestoredDirectory::tablespace_root(uint32_t oid) const {
  const auto found = std::find_if(tablespaces_.begin(), tablespaces_.end(),
                                  [&](const Tablespace& t) { return t.place.oid == oid; });
  if (found == tablespaces_.end()) {
    throw Error(ErrorKind::corrupt, fmt::format("there is no tablespace {}", oid));
  }
  return {.fd = found->fd.get(),
          .path = found->place.directory.string(),
          .listed_as = fmt::format("pg_tblspc/{}/", oid),
          .owner = owner_};
}

/// Gives what was made the owner and the permissions that a server wants.
void RestoredDirectory::own(int fd, unsigned mode, std::string_view path) const {
  if ((owner_ && fchown(fd, owner_->user, owner_->group) != 0) || fchmod(fd, mode) != 0) {
    throw_errno(fmt::format("cannot set the owner and the permissions of {}", path));
  }
}

std::unique_ptr<Sink> RestoredDirectory::create(const std::string& name) {
  const std::string path = path_ + "/" + name;
  const fs::path above = fs::path(name).parent_path();
  if (!above.empty() && mkdirat(fd_.get(), above.c_str(), kPrivateDirectory) == 0) {
    const Fd made(openat(fd_.get(), above.c_str(), kOpenDirectory));
    if (!made.is_open()) fail("open", path_, above.string());
    own(made.get(), kPrivateDirectory, path_ + "/" + above.string());
  }
  Fd file(openat(fd_.get(), name.c_str(), kCreateFile, kPrivateFile));
  if (!file.is_open()) fail("create", path_, name);
  own(file.get(), kPrivateFile, path);
  return std::make_unique<FileSink>(std::move(file), path);
}

void RestoredDirectory::remove(const std::string& name) {
  remove_if_there(fd_.get(), name.c_str(), path_);
}

std::unique_ptr<Source> RestoredDirectory::open(const std::string& name) const {
  Fd file(openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open()) fail("open", path_, name);
  return std::make_unique<FileSource>(std::move(file), path_ + "/" + name);
}

void RestoredDirectory::finish(const StartFiles& start) {
  link_tablespaces();
  prepare_start(start);
  sync_all();
  const std::string unfinished(kUnfinishedControlFile);
  const std::string finished(kControlFile);
  if (renameat(fd_.get(), unfinished.c_str(), fd_.get(), finished.c_str()) != 0) {
    fail("rename", path_, unfinished);
  }
  const Fd global(openat(fd_.get(), "global", kOpenDirectory));
  if (!global.is_open() || fsync(global.get()) != 0) fail("sync", path_, "global");
  remove_if_there(fd_.get(), kUnfinishedMarker, path_);
  if (fsync(fd_.get()) != 0) throw_errno(fmt::format("cannot sync {}", path_));
}

/// Makes the links that a server would make from its tablespace_map, which holds the old places.
void RestoredDirectory::link_tablespaces() {
  for (const Tablespace& tablespace : tablespaces_) {
    const std::string link = fmt::format("pg_tblspc/{}", tablespace.place.oid);
    if (symlinkat(tablespace.place.directory.c_str(), fd_.get(), link.c_str()) != 0) {
      fail("link", path_, link);
    }
    if (owner_ &&
        fchownat(fd_.get(), link.c_str(), owner_->user, owner_->group, AT_SYMLINK_NOFOLLOW) != 0) {
      fail("change the owner of", path_, link);
    }
  }
  remove_if_there(fd_.get(), "tablespace_map", path_);
}

void RestoredDirectory::prepare_start(const StartFiles& start) {
  append("postgresql.auto.conf", start.settings);
  for (const Signal signal : {Signal::recovery, Signal::standby}) {
    remove_if_there(fd_.get(), std::string(signal_name(signal)).c_str(), path_);
  }
  create(std::string(signal_name(start.signal)))->finish();
  // The server refuses a data directory that others may read. Its group may, where the archive says
  // so.
  struct stat global {};
  if (fstatat(fd_.get(), "global", &global, AT_SYMLINK_NOFOLLOW) != 0)
    fail("find", path_, "global");
  constexpr unsigned kGroupMayRead = 0050;
  own(fd_.get(), kPrivateDirectory | (global.st_mode & kGroupMayRead), path_);
}

/// Appends to a file, which may be missing.
void RestoredDirectory::append(const std::string& name, std::string_view text) {
  const Fd file(openat(fd_.get(), name.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  if (file.is_open()) {
    write_all(file.get(), text, fmt::format("cannot write {}/{}", path_, name));
    return;
  }
  if (errno != ENOENT) fail("open", path_, name);
  const std::unique_ptr<Sink> made = create(name);
  made->write(text);
  made->finish();
}

/// Syncs each file system once: it may hold much that is not ours.
void RestoredDirectory::sync_all() const {
  std::set<dev_t> synced;
  const auto sync = [&](int fd, const std::string& path) {
    struct stat info {};
    if (fstat(fd, &info) != 0 || (synced.insert(info.st_dev).second && syncfs(fd) != 0)) {
      throw_errno(fmt::format("cannot sync {}", path));
    }
  };
  for (const Tablespace& tablespace : tablespaces_) {
    sync(tablespace.fd.get(), tablespace.place.directory.string());
  }
  sync(fd_.get(), path_);
}

}  // namespace pgbackup
