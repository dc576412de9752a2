#include "backup/physical/data_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "backup/physical/base_check.h"
#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/catalog/wal.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

// The file begins with the system identifier (8 bytes) and the version of its own format (4 bytes),
// which is 1300 in PostgreSQL 13.
constexpr size_t kControlHeadBytes = 12;
constexpr uint64_t kFirstControlVersion = 1300;
constexpr uint64_t kLastControlVersion = 9999;

uint64_t read_number(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;)
    value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

std::optional<fs::path> find_data_directory(const fs::path& path) {
  // By the name alone: pg_wal may be a link to another disk.
  const fs::path above_pg_wal = path.parent_path().parent_path();
  for (const fs::path& directory : {above_pg_wal, fs::path(".")}) {
    if (!directory.empty() && is_there(directory / kControlFile)) return directory;
  }
  return std::nullopt;
}

std::string read_system_id(const fs::path& data_directory) {
  const fs::path path = data_directory / kControlFile;
  const std::optional<std::string> bytes = read_text_file(path.string());
  if (!bytes) throw_errno("cannot read " + path.string());
  const std::string_view head = std::string_view(*bytes).substr(0, kControlHeadBytes);
  const uint64_t version = read_number(head.substr(std::min<size_t>(8, head.size())));
  std::string id = std::to_string(read_number(head.substr(0, 8)));
  if (version < kFirstControlVersion || version > kLastControlVersion || !is_system_id(id)) {
    throw Error(ErrorKind::corrupt,
                fmt::format("{} is not of PostgreSQL 13 or later on a little-endian machine",
                            path.string()));
  }
  return id;
}

std::string system_id_near(const fs::path& path) {
  if (const std::optional<fs::path> directory = find_data_directory(path)) {
    return read_system_id(*directory);
  }
  throw Error(ErrorKind::usage,
              fmt::format("the system identifier of the server is unknown: there is no {} above {} "
                          "nor in the current directory",
                          kControlFile, path.parent_path().string()),
              "name it with --system-id; pg_controldata shows it");
}

bool is_standby(const fs::path& data_directory) {
  return is_there(data_directory / "standby.signal");
}

}  // namespace pgbackup
