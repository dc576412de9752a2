#include "common/store/dir_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <utility>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/codec/digest.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// `.tmp-<random>-<name>`: no key of ours starts a name with a dot.
constexpr std::string_view kTemporaryPrefix = ".tmp-";
/// The link beside a group's backups that names the newest one.
constexpr const char* kLatest = "latest";

/// Without `.` and slashes at the end: folders above an object are compared with it.
fs::path normalized(const fs::path& root) {
  const fs::path plain = root.lexically_normal();
  return plain.has_filename() ? plain : plain.parent_path();
}

/// No key of ours holds other characters: such folders (`lost+found`) need not even be readable.
bool may_hold_keys(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '_' || c == '=' ||
           c == '-';
  });
}

/// For the most frequent case: a mounted folder that belongs to root, in a container that does not.
std::string owner_hint() {
  return fmt::format("the program runs as user id {}: chown -R {} the backup directory", geteuid(),
                     geteuid());
}

[[noreturn]] void fail(std::string_view action, const fs::path& path) {
  const int error_number = errno;
  const std::string message =
      fmt::format("cannot {} {}: {}", action, path.string(), errno_text(error_number));
  if (error_number == EACCES) throw Error(ErrorKind::denied, message, owner_hint());
  errno = error_number;
  throw_errno(fmt::format("cannot {} {}", action, path.string()));
}

void sync_folder(const fs::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open() || fsync(fd.get()) != 0) fail("sync", folder);
}

/// Makes the missing folders above `path` and syncs each new entry's parent.
void make_folders(const fs::path& root, const fs::path& folder) {
  if (folder == root || fs::is_directory(folder)) return;
  make_folders(root, folder.parent_path());
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) fail("make", folder);
  sync_folder(folder.parent_path());
}

bool is_dangling(const fs::path& link) {
  std::error_code ignored;
  return fs::is_symlink(link, ignored) && !fs::exists(link, ignored);
}

bool has_one_entry(const fs::path& folder) {
  std::error_code ignored;
  const fs::directory_iterator entries(folder, ignored);
  return std::distance(begin(entries), end(entries)) == 1;
}

/// Removes `folder` and the folders above it as long as nothing but a dangling `latest` is in them.
void remove_empty_folders(const fs::path& root, fs::path folder) {
  while (folder != root) {
    const fs::path latest = folder / kLatest;
    if (is_dangling(latest) && has_one_entry(folder)) unlink(latest.c_str());
    if (rmdir(folder.c_str()) != 0) return;
    folder = folder.parent_path();
  }
}

UtcTime modified_time(const struct stat& info) {
  return UtcTime(std::chrono::seconds(info.st_mtim.tv_sec));
}

/// A file that exists under its name only after commit().
class TemporaryFile {
 public:
  TemporaryFile(fs::path root, fs::path path) : root_(std::move(root)), path_(std::move(path)) {
    make_folders(root_, path_.parent_path());
    temporary_ = path_.parent_path() /
                 fmt::format("{}{}-{}", kTemporaryPrefix, random_hex(4), path_.filename().string());
    fd_ = Fd(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd_.is_open()) fail("create", temporary_);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!committed_) {
      unlink(temporary_.c_str());
      remove_empty_folders(root_, path_.parent_path());
    }
  }

  void write(std::string_view bytes) {
    write_all(fd_.get(), bytes, fmt::format("cannot write {}", path_.string()));
  }

  void commit() {
    if (fsync(fd_.get()) != 0) fail("sync", temporary_);
    if (rename(temporary_.c_str(), path_.c_str()) != 0) fail("rename", temporary_);
    committed_ = true;
    sync_folder(path_.parent_path());
  }

 private:
  fs::path root_;
  fs::path path_;
  fs::path temporary_;
  Fd fd_;
  bool committed_ = false;
};

class FileWriter final : public ObjectWriter {
 public:
  FileWriter(const fs::path& root, const fs::path& path, std::string key)
      : file_(root, path), key_(std::move(key)) {}

  void write(std::string_view bytes) override {
    file_.write(bytes);
    hash_.update(bytes);
    bytes_ += bytes.size();
  }
  void finish() override {
    file_.commit();
    stored_ = {{.key = key_, .bytes = bytes_, .sha256 = hash_.hex()}};
  }
  [[nodiscard]] const std::vector<StoredObject>& stored() const override { return stored_; }

 private:
  TemporaryFile file_;
  std::string key_;
  Sha256 hash_;
  uint64_t bytes_ = 0;
  std::vector<StoredObject> stored_;
};

class FileSource final : public Source {
 public:
  FileSource(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  size_t read(std::span<char> buffer) override {
    while (true) {
      const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) throw_errno("cannot read " + name_);
    }
  }

 private:
  Fd fd_;
  std::string name_;
};

/// Calls `visit(path, stat)` for every regular file below `folder`.
template <class Visit>
void walk(const fs::path& folder, const Visit& visit) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; entry != end;
       entry.increment(error)) {
    struct stat info {};
    // What vanishes while we look was removed by someone else: not there.
    if (lstat(entry->path().c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      visit(entry->path(), info);
    }
    if (S_ISDIR(info.st_mode) && !may_hold_keys(entry->path())) entry.disable_recursion_pending();
    if (error) break;
  }
  if (error && error.value() != ENOENT) {
    throw Error(ErrorKind::failed,
                fmt::format("cannot list {}: {}", folder.string(), error.message()));
  }
}

bool is_temporary(const fs::path& path) {
  return path.filename().string().starts_with(kTemporaryPrefix);
}

std::string sums_text(std::string_view manifest, const std::vector<StoredObject>& objects) {
  std::string text;
  for (const StoredObject& object : objects) {
    text += fmt::format("{}  {}\n", object.sha256, fs::path(object.key).filename().string());
  }
  return text + fmt::format("{}  {}\n", sha256_hex(manifest), kManifestName);
}

}  // namespace

DirStore::DirStore(const fs::path& root, const Clock& clock)
    : root_(normalized(root)), clock_(clock) {
  const Fd fd(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open()) return;
  const int error_number = errno;
  throw Error(error_number == EACCES ? ErrorKind::denied : ErrorKind::not_found,
              fmt::format("cannot open the backup directory {}: {}", root_.string(),
                          errno_text(error_number)),
              error_number == EACCES
                  ? owner_hint()
                  : "BACKUP_DIR must be an existing directory; is the volume mounted?");
}

std::string DirStore::location(std::string_view key) const { return path_of(key).string(); }

std::string DirStore::full_key(std::string_view key) const { return std::string(key); }

fs::path DirStore::path_of(std::string_view key) const { return root_ / key; }

std::unique_ptr<ObjectWriter> DirStore::create(const std::string& key) {
  return std::make_unique<FileWriter>(root_, path_of(key), key);
}

void DirStore::put(const std::string& key, std::string_view bytes) {
  TemporaryFile file(root_, path_of(key));
  file.write(bytes);
  file.commit();
}

void DirStore::commit(const std::string& folder, std::string_view manifest,
                      const std::vector<StoredObject>& objects) {
  put(fmt::format("{}/{}", folder, kSumsName), sums_text(manifest, objects));
  Store::commit(folder, manifest, objects);
  link_latest(path_of(folder));
}

/// Whether the link names a newer backup that is there and not dated in the future: of two runs at
/// the same time the older one may end last.
bool DirStore::is_older_than_latest(const fs::path& folder) const {
  std::error_code error;
  const fs::path link = folder.parent_path() / kLatest;
  const std::string named = fs::read_symlink(link, error).filename().string();
  const std::string now = format_basic(clock_.now());
  return !error && named > folder.filename().string() && named.substr(0, now.size()) <= now &&
         fs::exists(link / kManifestName, error);
}

/// A new link renamed over the old one: there is no moment without it. A convenience: where it
/// cannot be made (exFAT, some network shares, a folder of that name) the backup is as good
/// without.
void DirStore::link_latest(const fs::path& folder) {
  if (is_older_than_latest(folder)) return;
  const fs::path link = folder.parent_path() / kLatest;
  const fs::path temporary =
      folder.parent_path() / fmt::format("{}{}-latest", kTemporaryPrefix, random_hex(4));
  if (symlink(folder.filename().c_str(), temporary.c_str()) != 0 ||
      rename(temporary.c_str(), link.c_str()) != 0) {
    unlink(temporary.c_str());
    if (fs::is_symlink(link)) unlink(link.c_str());  // it would name an older one
  }
}

std::unique_ptr<Source> DirStore::open(const std::string& key) {
  const fs::path path = path_of(key);
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) fail("open", path);
  return std::make_unique<FileSource>(std::move(fd), path.string());
}

std::optional<ObjectInfo> DirStore::stat(const std::string& key) {
  const fs::path path = path_of(key);
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) return std::nullopt;
    return ObjectInfo{key, static_cast<uint64_t>(info.st_size), modified_time(info)};
  }
  if (errno != ENOENT && errno != ENOTDIR) fail("read", path);
  return std::nullopt;
}

void DirStore::list(std::string_view prefix, const std::function<void(const ObjectInfo&)>& visit) {
  const size_t slash = prefix.rfind('/');
  const fs::path start = slash == std::string_view::npos ? root_ : path_of(prefix.substr(0, slash));
  walk(start, [&](const fs::path& path, const struct stat& info) {
    std::string key = path.lexically_relative(root_).string();
    if (!key.starts_with(prefix) || is_temporary(path)) return;
    visit({std::move(key), static_cast<uint64_t>(info.st_size), modified_time(info)});
  });
}

void DirStore::remove(const std::string& key) {
  const fs::path path = path_of(key);
  if (unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) fail("remove", path);
  remove_empty_folders(root_, path.parent_path());
}

std::vector<UnfinishedWrite> DirStore::list_unfinished(const KeyFilter& is_ours) {
  std::vector<UnfinishedWrite> found;
  walk(root_, [&](const fs::path& path, const struct stat& info) {
    if (!is_temporary(path)) return;
    const std::string name = path.filename().string();
    const size_t random_end = name.find('-', kTemporaryPrefix.size());
    if (random_end == std::string::npos) return;
    const fs::path object = path.parent_path() / name.substr(random_end + 1);
    const std::string key = object.lexically_relative(root_).string();
    if (!is_ours(key)) return;
    found.push_back({key, path.lexically_relative(root_).string(), modified_time(info)});
  });
  return found;
}

void DirStore::remove_unfinished(const UnfinishedWrite& write) { remove(write.id); }

}  // namespace pgbackup
