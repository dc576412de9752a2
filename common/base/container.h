// Finds out what the container around the program means for it. Outside a container no function
// here reports a problem.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "common/base/options.h"

namespace pgbackup {

/// Returns whether the root directory is lost when the container is deleted. Docker and Podman
/// leave a file there, Kubernetes sets a variable, and all of them mostly use an overlay
/// (statfs(2)).
[[nodiscard]] bool is_in_container(const Environment& environment);

/// Returns whether nothing but the root itself is mounted at `path` or above it (statx(2),
/// STATX_MNT_ID of Linux 5.8). Returns false when that is unknown, as for a path that does not
/// exist.
[[nodiscard]] bool is_on_root_mount(const std::filesystem::path& path);

/// Returns how many bytes of memory the control group of this process may use, by both versions of
/// cgroups(7). Returns nullopt when there is no limit or none can be read.
[[nodiscard]] std::optional<uint64_t> memory_limit(
    const std::filesystem::path& own_group = "/proc/self/cgroup",
    const std::filesystem::path& groups = "/sys/fs/cgroup");

}  // namespace pgbackup
