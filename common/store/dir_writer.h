// Writes an object of a directory store: a temporary file beside its place is synced, confirmed and
// renamed, and its directory is synced.
// https://www.postgresql.org/docs/current/wal-reliability.html
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/fd.h"
#include "common/codec/digest.h"
#include "common/store/store.h"
#include "common/store/store_root.h"

namespace pgbackup {

/// The start of a temporary file's name, `.tmp-<random>-<name>`: no name in our keys starts with a
/// dot.
inline constexpr std::string_view kTemporaryPrefix = ".tmp-";

/// Writes a file that exists under its name only after commit(). Without commit() the destructor
/// deletes all traces.
class TemporaryFile {
 public:
  /// Makes the directories above the file. Throws `conflict` where the file system ignores case and
  /// the key's group exists in another case. `root` must outlive the file.
  TemporaryFile(const StoreRoot& root, const std::string& key);
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile();

  void write(std::string_view bytes);
  /// Makes the file visible. Throws `corrupt` unless what was written is there, durable, under its
  /// name and no longer than that. Nothing is visible after an error, unless the error came after
  /// the rename.
  void commit();

 private:
  void open(const std::string& key);
  void confirm_descriptor() const;
  void confirm_file(const std::filesystem::path& path) const;
  void confirm_size(uint64_t bytes) const;

  const StoreRoot& root_;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  Fd fd_;
  uint64_t bytes_ = 0;
  bool committed_ = false;
};

class FileWriter final : public ObjectWriter {
 public:
  FileWriter(const StoreRoot& root, std::string key) : file_(root, key), key_(std::move(key)) {}

  void write(std::string_view bytes) override;
  void finish() override;
  [[nodiscard]] const std::vector<StoredObject>& stored() const override { return stored_; }

 private:
  TemporaryFile file_;
  std::string key_;
  Sha256 hash_;
  uint64_t bytes_ = 0;
  std::vector<StoredObject> stored_;
};

/// Deletes `directory` and the directories above it, up to `root`, as long as they hold nothing but
/// a dangling `latest`.
void remove_empty_directories(const std::filesystem::path& root, std::filesystem::path directory);

}  // namespace pgbackup
