#include "common/store/dir_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/codec/encoding.h"
#include "common/codec/file_source.h"
#include "common/store/dir_walk.h"
#include "common/store/dir_writer.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

UtcTime modified_time(const struct stat& info) {
  return UtcTime(std::chrono::seconds(info.st_mtim.tv_sec));
}

bool is_temporary(std::string_view key) {
  return key.substr(key.rfind('/') + 1).starts_with(kTemporaryPrefix);
}

}  // namespace

DirStore::DirStore(const fs::path& base, const Clock& clock, std::string prefix)
    : root_(base, std::move(prefix)), clock_(clock) {}

std::string DirStore::location(std::string_view key) const { return path_of(key).string(); }

std::string DirStore::full_key(std::string_view key) const {
  return root_.prefix() + std::string(key);
}

fs::path DirStore::path_of(std::string_view key) const { return root_.path() / key; }

std::unique_ptr<ObjectWriter> DirStore::create(const std::string& key) {
  return std::make_unique<FileWriter>(root_, key);
}

void DirStore::put(const std::string& key, std::string_view bytes) {
  TemporaryFile file(root_, key);
  file.write(bytes);
  file.commit();
}

void DirStore::commit(const std::string& folder, std::string_view manifest,
                      const std::vector<StoredObject>& objects) {
  Store::commit(folder, manifest, objects);
  link_latest(path_of(folder));
}

/// Returns whether the link names a newer backup that exists and is not dated in the future: of two
/// runs at the same time the older one may end last.
bool DirStore::is_older_than_latest(const fs::path& folder) const {
  std::error_code error;
  const fs::path link = folder.parent_path() / kLatestName;
  const std::string named = fs::read_symlink(link, error).filename().string();
  const std::string now = format_basic(clock_.now());
  return !error && named > folder.filename().string() && named.substr(0, now.size()) <= now &&
         fs::exists(link / kManifestName, error);
}

/// Renames a new link over the old one, so that there is always a link. The link is a convenience:
/// a backup is complete without it, where it cannot be made (exFAT, some network shares, a
/// directory of that name).
void DirStore::link_latest(const fs::path& folder) {
  if (is_older_than_latest(folder)) return;
  const fs::path link = folder.parent_path() / kLatestName;
  const fs::path temporary =
      folder.parent_path() / fmt::format("{}{}-latest", kTemporaryPrefix, random_hex(4));
  if (symlink(folder.filename().c_str(), temporary.c_str()) != 0 ||
      rename(temporary.c_str(), link.c_str()) != 0) {
    unlink(temporary.c_str());
    std::error_code ignored;
    if (fs::is_symlink(link, ignored)) unlink(link.c_str());  // it would name an older one
  }
}

std::unique_ptr<Source> DirStore::open(const std::string& key) {
  const fs::path path = path_of(key);
  root_.check();
  if (!root_.is_spelled_alike(key)) {
    throw Error(ErrorKind::not_found,
                fmt::format("cannot open {}: the name differs in case", path.string()));
  }
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) throw_path_error("open", path);
  return std::make_unique<FileSource>(std::move(fd), path.string());
}

std::optional<ObjectInfo> DirStore::stat(const std::string& key) {
  const fs::path path = path_of(key);
  root_.check();
  if (!root_.is_spelled_alike(key)) return std::nullopt;
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode)) return std::nullopt;
    return ObjectInfo{key, static_cast<uint64_t>(info.st_size), modified_time(info)};
  }
  if (errno != ENOENT && errno != ENOTDIR) throw_path_error("read", path);
  return std::nullopt;
}

void DirStore::list(std::string_view prefix, const std::function<void(const ObjectInfo&)>& visit) {
  walk(prefix, [&](const std::string& key, const auto& info) {
    if (is_temporary(key)) return;
    visit({key, static_cast<uint64_t>(info.st_size), modified_time(info)});
  });
}

/// Walks the files and checks the root: an empty list must not come from a directory that is gone.
void DirStore::walk(std::string_view prefix, const VisitFile& visit) {
  root_.check();
  const std::string_view directory = prefix.substr(0, prefix.rfind('/') + 1);
  if (directory.empty() || root_.is_spelled_alike(directory)) {
    walk_files(root_.base(), root_.prefix() + std::string(prefix),
               [&](const std::string& path, const struct stat& info) {
                 visit(path.substr(root_.prefix().size()), info);
               });
  }
  root_.check();
}

void DirStore::remove(const std::string& key) {
  const fs::path path = path_of(key);
  root_.check();
  if (!root_.is_spelled_alike(key)) return;
  if (unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) {
    throw_path_error("delete", path);
  }
  remove_empty_directories(root_.base(), path.parent_path());
}

void DirStore::list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) {
  walk("", [&](const std::string& path, const struct stat& info) {
    const size_t name = path.rfind('/') + 1;
    const size_t random_end = path.find('-', name + kTemporaryPrefix.size());
    if (!is_temporary(path) || random_end == std::string::npos) return;
    visit({.key = path.substr(0, name) + path.substr(random_end + 1),
           .id = path,
           .newest = modified_time(info)});
  });
}

void DirStore::remove_unfinished(const UnfinishedWrite& write) { remove(write.id); }

}  // namespace pgbackup
