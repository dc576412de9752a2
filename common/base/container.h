// What the container around the program means for it. Elsewhere none of this objects to anything.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "common/base/options.h"

namespace pgbackup {

/// Whether the root directory goes when the container is removed: Docker and Podman leave a file
/// there, Kubernetes sets a variable, and all of them mostly use an overlay (statfs(2)).
[[nodiscard]] bool is_in_container(const Environment& environment);

/// Whether nothing is mounted at `path` or above it but the root itself (statx(2),
/// STATX_MNT_ID of Linux 5.8). False when that cannot be told, as for a path that does not exist.
[[nodiscard]] bool is_on_root_mount(const std::filesystem::path& path);

/// The most bytes of memory that the control group of this process may use, by both versions of
/// cgroups(7); nullopt: no limit, or none that can be read.
[[nodiscard]] std::optional<uint64_t> memory_limit(
    const std::filesystem::path& own_group = "/proc/self/cgroup",
    const std::filesystem::path& groups = "/sys/fs/cgroup");

}  // namespace pgbackup
