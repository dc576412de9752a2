// The header of the first page of a segment of the write-ahead log. It says which server wrote the
// segment, and where its bytes belong: what is damaged, of another server or under the name of
// another segment is refused before PostgreSQL sees it.
//
//   bytes  0  2  4         8         16       24         32            36
//          magic flags  timeline  position  rest  system id  segment size  page size
// Little-endian, of PostgreSQL 13 to 19.
// https://github.com/postgres/postgres/blob/REL_17_STABLE/src/include/access/xlog_internal.h
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "common/catalog/wal.h"

namespace pgbackup {

/// The bytes of the header.
inline constexpr size_t kWalPageHeaderBytes = 40;

struct WalPage {
  Timeline timeline = 0;  ///< of the page: an ancestor's where a new timeline began in the segment
  Lsn start;              ///< of the page, and so of the segment
  std::string system_id;
  uint64_t segment_bytes = 0;
};

/// Reads the header from the first bytes of a segment, at least kWalPageHeaderBytes. Throws
/// `corrupt` for anything else: fewer bytes, zeros, a page that is not the first of a segment.
[[nodiscard]] WalPage read_wal_page(std::string_view bytes);

/// Reads the header of the segment in a file. Throws as read_wal_page() does, and when the file
/// cannot be read.
[[nodiscard]] WalPage read_wal_page_of(const std::filesystem::path& path);

/// Throws `corrupt` unless the page begins the segment `name` (or a .partial file of it) of the
/// server `system_id`.
void check_wal_page(const WalPage& page, std::string_view name, std::string_view system_id);

/// Judges the bytes of a segment as they pass.
class SegmentCheck {
 public:
  SegmentCheck(std::string name, std::string system_id);

  /// Throws `corrupt` as soon as the first page is not that of the segment, and for more bytes than
  /// a segment has.
  void see(std::string_view bytes);
  /// Throws `corrupt` unless all bytes of the segment have passed.
  void end() const;
  /// Returns the first page; nullopt until its header has passed.
  [[nodiscard]] const std::optional<WalPage>& page() const { return page_; }
  [[nodiscard]] uint64_t seen_bytes() const { return seen_bytes_; }

 private:
  std::string name_;
  std::string system_id_;
  std::string head_;
  std::optional<WalPage> page_;
  uint64_t seen_bytes_ = 0;
};

}  // namespace pgbackup
