#include "common/base/container.h"

#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("The root is on its own mount, and what is mounted elsewhere is not") {
  CHECK(is_on_root_mount("/"));
  CHECK_FALSE(is_on_root_mount("/proc/self"));
  CHECK_FALSE(is_on_root_mount("/none"));
}

TEST_CASE("The memory limit is that of the own control group, by both versions") {
  const TemporaryFolder folder;
  const auto own = folder.path() / "own";
  const auto limit = [&] { return memory_limit(own, folder.path() / "cgroup"); };
  CHECK_FALSE(limit());
  folder.write("own", "0::/\n");
  folder.write("cgroup/memory.max", "max\n");
  CHECK_FALSE(limit());
  folder.write("cgroup/memory.max", "268435456\n");
  CHECK(limit() == 268435456);
  folder.write("own", "0::/system.slice/backup.service\n");
  CHECK(limit() == 268435456);
  folder.write("cgroup/system.slice/backup.service/memory.max", "1000\n");
  CHECK(limit() == 1000);
}

TEST_CASE("Of version 1 the limit is that of the memory controller, where it is one") {
  const TemporaryFolder folder;
  const auto own = folder.write("own", "11:cpu,cpuacct:/docker/1\n9:memory:/docker/1\n");
  const auto limit = [&] { return memory_limit(own, folder.path() / "cgroup"); };
  folder.write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK_FALSE(limit());
  folder.write("cgroup/memory/memory.limit_in_bytes", "134217728\n");
  CHECK(limit() == 134217728);
  folder.write("cgroup/memory/docker/1/memory.limit_in_bytes", "2000\n");
  CHECK(limit() == 2000);
}

}  // namespace
}  // namespace pgbackup
