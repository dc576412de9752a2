// Segments of the write-ahead log with the first page of a server, and bytes that differ from
// segment to segment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/catalog/wal.h"

namespace pgbackup {

/// The numbers in the header of the first page, see backup/physical/wal_page.h.
struct PageNumbers {
  uint64_t magic = 0xD110;  ///< of PostgreSQL 15
  uint64_t flags = 0x0002;
  uint64_t timeline = 1;
  uint64_t position = 0x5000000;
  uint64_t system_id = 7434812345678901234;
  uint64_t segment_bytes = kLeastSegmentBytes;
  uint64_t page_bytes = 8192;
};

[[nodiscard]] inline std::string make_wal_page(const PageNumbers& numbers) {
  std::string bytes;
  const auto append = [&](uint64_t number, size_t size) {
    for (; size > 0; --size, number >>= 8U) bytes += static_cast<char>(number & 0xFFU);
  };
  append(numbers.magic, 2);
  append(numbers.flags, 2);
  append(numbers.timeline, 4);
  append(numbers.position, 8);
  append(0, 8);  // what is left of a record from the segment before, and padding
  append(numbers.system_id, 8);
  append(numbers.segment_bytes, 4);
  append(numbers.page_bytes, 4);
  return bytes;
}

/// Half of the bytes are random, so that segments can be packed, but not to nothing.
[[nodiscard]] inline std::string make_segment(std::string_view name, PageNumbers numbers = {}) {
  const WalSegment segment = *parse_segment_name(name, numbers.segment_bytes);
  numbers.timeline = segment.timeline;
  numbers.position = start_of(segment, numbers.segment_bytes).value;
  std::string bytes = make_wal_page(numbers);
  bytes.resize(numbers.segment_bytes);
  uint64_t random = segment.number * 2654435761 + segment.timeline + 1;
  for (size_t i = numbers.page_bytes; i < bytes.size(); i += 2) {
    random = random * 6364136223846793005 + 1442695040888963407;
    bytes[i] = static_cast<char>(random >> 56U);
  }
  return bytes;
}

}  // namespace pgbackup
