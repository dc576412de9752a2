#include "backup/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/base/container.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

/// Returns how many bytes a backup may take; docs/deployment.md says what takes how much. pg_dump
/// grows with the number of tables.
uint64_t memory_for_backups(const BackupConfig& config) {
  constexpr uint64_t kMebi = uint64_t{1} << 20U;
  constexpr uint64_t kOwn = 25 * kMebi;
  constexpr uint64_t kPgDump = 40 * kMebi;
  constexpr uint64_t kAge = 15 * kMebi;
  constexpr uint64_t kFurtherThread = 20 * kMebi;
  const S3Config& s3 = config.store.s3;
  const auto further_threads =
      static_cast<uint64_t>(std::max(0, config.dump.effort.zstd_threads - kZstdThreads));
  return kOwn + kPgDump + (config.age.encrypts() ? kAge : 0) + further_threads * kFurtherThread +
         (s3.bucket.empty() ? 0 : s3.part_bytes * static_cast<uint64_t>(s3.upload_concurrency + 1));
}

}  // namespace

void note_memory(const BackupConfig& config, std::vector<std::string>& notes) {
  const std::optional<uint64_t> limit = memory_limit();
  const uint64_t need = memory_for_backups(config);
  if (!limit || need <= *limit) return;
  notes.push_back(
      fmt::format("a backup may take {} of memory with these settings, and the limit here is {}: "
                  "raise it, or lower S3_PART_SIZE or S3_UPLOAD_CONCURRENCY",
                  format_bytes(need), format_bytes(*limit)));
}

}  // namespace pgbackup
