// Segments of the write-ahead log that were read ahead of a recovery. They lie in a hidden
// directory within pg_wal, which PostgreSQL does not look into, and become the segment that it asks
// for by a rename. Right whenever a process is killed and however many processes run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/fd.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Writes a file that exists under its name when finish() has returned: complete, durable, in place
/// of any file before it. Until then the bytes are in a file `.tmp-...`.
class NewFile final : public Sink {
 public:
  /// Makes the file `.tmp-...` in `directory`, which must be of the same file system as `path`.
  NewFile(const std::filesystem::path& directory, std::filesystem::path path);
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() override;
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  Fd fd_;  ///< locked as long as this process writes the file
};

class AheadDirectory {
 public:
  /// Makes the directory `.pg_backup_ahead` in `pg_wal`, unless it is there, and deletes what
  /// killed processes have begun to write there.
  explicit AheadDirectory(const std::filesystem::path& pg_wal);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] bool holds(const std::string& name) const;
  /// Moves the segment `name` to `target`. Returns false when it is not there. One that is not the
  /// segment of that server, or not complete, is deleted and was not there.
  [[nodiscard]] bool take(const std::string& name, const std::string& system_id,
                          const std::filesystem::path& target);
  /// Deletes all segments but those of `names`.
  void keep(const std::vector<std::string>& names);

 private:
  std::filesystem::path path_;
};

/// The most segments that are read ahead.
inline constexpr uint64_t kMostAhead = 8;

/// Returns how many segments of `segment_bytes` may be read ahead on a disk with `free_bytes`: the
/// disk that the log of a server is on must not become full.
[[nodiscard]] uint64_t count_ahead(uint64_t segment_bytes, uint64_t free_bytes);

}  // namespace pgbackup
