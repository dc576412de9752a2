#include "common/base/container.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFirstLimit = "memory.limit_in_bytes";

std::optional<uint64_t> mount_of(const fs::path& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &info) != 0) return std::nullopt;
  return (info.stx_mask & STATX_MNT_ID) != 0 ? std::optional<uint64_t>(info.stx_mnt_id)
                                             : std::nullopt;
}

/// Returns the limit in a file; nullopt when the file does not exist or holds no number (`max`).
std::optional<uint64_t> read_limit(const fs::path& file) {
  // Version 1 writes a page less than this where there is no limit.
  constexpr uint64_t kNone = std::numeric_limits<int64_t>::max() / 2;
  std::ifstream in(file);
  uint64_t limit = 0;
  return in >> limit && limit < kNone ? std::optional(limit) : std::nullopt;
}

}  // namespace

bool is_in_container(const Environment& environment) {
  struct statfs root {};
  return fs::exists("/.dockerenv") || fs::exists("/run/.containerenv") ||
         environment.contains("KUBERNETES_SERVICE_HOST") ||
         (::statfs("/", &root) == 0 && root.f_type == OVERLAYFS_SUPER_MAGIC);
}

bool is_on_root_mount(const fs::path& path) {
  const std::optional<uint64_t> mount = mount_of(path);
  return mount && mount == mount_of("/");
}

std::optional<uint64_t> memory_limit(const fs::path& own_group, const fs::path& groups) {
  // `0::/path` belongs to version 2, `9:memory:/path` to version 1.
  constexpr std::string_view kSecond = "0::/";
  constexpr std::string_view kFirst = ":memory:/";
  std::vector<fs::path> files;
  std::ifstream in(own_group);
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(kFirst);
    if (line.starts_with(kSecond)) {
      files.push_back(groups / line.substr(kSecond.size()) / "memory.max");
    } else if (first != std::string::npos) {
      files.push_back(groups / "memory" / line.substr(first + kFirst.size()) / kFirstLimit);
    }
  }
  // The path may be that on the host, while the container's own group is mounted.
  files.push_back(groups / "memory.max");
  files.push_back(groups / "memory" / kFirstLimit);
  for (const fs::path& file : files) {
    if (const auto limit = read_limit(file)) return limit;
  }
  return std::nullopt;
}

}  // namespace pgbackup
