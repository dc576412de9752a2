#include "backup/physical/wal_page.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <bit>
#include <optional>
#include <utility>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/codec/file_source.h"

namespace pgbackup {
namespace {

// The number that begins a page is another in each major version: 0xD106 in 13, 0xD121 in 19.
constexpr uint64_t kFirstMagic = 0xD106;
constexpr uint64_t kLastMagic = 0xD1FF;

constexpr uint64_t kLongHeader = 0x0002;
constexpr uint64_t kAllFlags = 0x000F;

constexpr uint64_t kLeastPageBytes = 1024;
constexpr uint64_t kMostPageBytes = 65536;

/// Reads `size` bytes from `at` on, the lowest first.
uint64_t read_number(std::string_view bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

Error bad_page(std::string_view reason) {
  return {ErrorKind::corrupt, fmt::format("it is no segment of the write-ahead log: {}", reason)};
}

}  // namespace

WalPage read_wal_page(std::string_view bytes) {
  if (bytes.size() < kWalPageHeaderBytes) {
    throw bad_page(fmt::format("it has {} bytes", bytes.size()));
  }
  const uint64_t magic = read_number(bytes, 0, 2);
  const uint64_t flags = read_number(bytes, 2, 2);
  if (magic < kFirstMagic || magic > kLastMagic) {
    throw bad_page(
        fmt::format("it begins with {:04X}, not with the number of PostgreSQL 13 or "
                    "later on a little-endian machine",
                    magic));
  }
  if ((flags & kLongHeader) == 0 || flags > kAllFlags) {
    throw bad_page(fmt::format("its first page has the flags {:04X}", flags));
  }
  WalPage page{.timeline = static_cast<Timeline>(read_number(bytes, 4, 4)),
               .start = {read_number(bytes, 8, 8)},
               .system_id = std::to_string(read_number(bytes, 24, 8)),
               .segment_bytes = read_number(bytes, 32, 4)};
  const uint64_t page_bytes = read_number(bytes, 36, 4);
  if (!is_segment_size(page.segment_bytes)) {
    throw bad_page(fmt::format("it names a segment size of {} bytes", page.segment_bytes));
  }
  if (!std::has_single_bit(page_bytes) || page_bytes < kLeastPageBytes ||
      page_bytes > kMostPageBytes) {
    throw bad_page(fmt::format("it names a page size of {} bytes", page_bytes));
  }
  if (page.timeline == 0 || page.start.value % page.segment_bytes != 0 ||
      !is_system_id(page.system_id)) {
    throw bad_page("the header of its first page is damaged");
  }
  return page;
}

WalPage read_wal_page_of(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) throw_errno("cannot open " + path.string());
  std::array<char, kWalPageHeaderBytes> head{};
  const size_t got = FileSource(std::move(fd), path.string()).read(head);
  return with_context(path.string(), [&] { return read_wal_page({head.data(), got}); });
}

void check_wal_page(const WalPage& page, std::string_view name, std::string_view system_id) {
  const auto mismatch = [&](const std::string& reason) {
    return Error(ErrorKind::corrupt, fmt::format("it is not the segment {}: {}", name, reason));
  };
  if (page.system_id != system_id) {
    throw mismatch(fmt::format("its first page is of the server with system identifier {}, not {}",
                               page.system_id, system_id));
  }
  const std::string_view segment_name = name.substr(0, name.find('.'));
  const std::optional<WalSegment> named = parse_segment_name(segment_name, page.segment_bytes);
  if (!named) {
    throw mismatch(fmt::format("there is no such segment of {} bytes", page.segment_bytes));
  }
  const Lsn start = start_of(*named, page.segment_bytes);
  if (page.start != start) {
    throw mismatch(fmt::format("its first page is that of position {}, not of {}",
                               format_lsn(page.start), format_lsn(start)));
  }
  if (page.timeline > named->timeline) {
    throw mismatch(fmt::format("its first page is of the later timeline {}", page.timeline));
  }
}

SegmentCheck::SegmentCheck(std::string name, std::string system_id)
    : name_(std::move(name)), system_id_(std::move(system_id)) {}

void SegmentCheck::see(std::string_view bytes) {
  seen_bytes_ += bytes.size();
  if (!page_) {
    head_ += bytes.substr(0, kWalPageHeaderBytes - head_.size());
    if (head_.size() < kWalPageHeaderBytes) return;
    page_ = read_wal_page(head_);
    check_wal_page(*page_, name_, system_id_);
  }
  if (seen_bytes_ > page_->segment_bytes) {
    throw Error(ErrorKind::corrupt, fmt::format("it has more than the {} bytes of the segment {}",
                                                page_->segment_bytes, name_));
  }
}

void SegmentCheck::end() const {
  if (!page_) static_cast<void>(read_wal_page(head_));  // which says what is wrong
  if (seen_bytes_ != page_->segment_bytes) {
    throw Error(ErrorKind::corrupt, fmt::format("it has {} of the {} bytes of the segment {}",
                                                seen_bytes_, page_->segment_bytes, name_));
  }
}

}  // namespace pgbackup
