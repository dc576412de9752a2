// A checkpoint of PostgreSQL 15: as a record of the log, and in a control file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/catalog/wal.h"

namespace pgbackup {

inline void append_number(std::string& bytes, uint64_t number, size_t size) {
  for (; size > 0; --size, number >>= 8U) bytes += static_cast<char>(number & 0xFFU);
}

/// The data of the record of a checkpoint on timeline 1 that is told from others by `time`.
[[nodiscard]] inline std::string checkpoint_data(uint64_t time = 1'800'000'000) {
  std::string data;
  append_number(data, 0x5000028, 8);  // the position from which recovery starts
  append_number(data, 1, 4);
  append_number(data, 1, 4);
  append_number(data, 1, 8);
  append_number(data, 731, 8);  // the next transaction id
  data.resize(64, '\3');
  append_number(data, time, 8);
  data.resize(88, '\4');
  return data;
}

[[nodiscard]] inline std::string checkpoint_record(std::string_view data) {
  std::string record;
  append_number(record, 26 + data.size(), 4);
  append_number(record, 0, 4);
  append_number(record, 0x5000028, 8);
  append_number(record, 0x10, 2);  // a checkpoint of the log's own manager
  append_number(record, 0, 2);
  append_number(record, 0xC0FFEE, 4);
  append_number(record, 0xFF, 1);
  append_number(record, data.size(), 1);
  return record.append(data);
}

/// Puts the record into a segment, at an offset beyond the header of a page; it must fit there.
inline void put_checkpoint(std::string& segment, size_t offset, std::string_view data) {
  const std::string record = checkpoint_record(data);
  segment.replace(offset, record.size(), record);
}

/// CRC-32C (RFC 3720, appendix B.4).
[[nodiscard]] inline uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

[[nodiscard]] inline std::string make_control_file(Lsn position, std::string_view data,
                                                   bool is_torn = false) {
  std::string bytes(32, '\1');
  append_number(bytes, position.value, 8);
  bytes += data;
  append_number(bytes, crc32c(bytes) + (is_torn ? 1 : 0), 4);
  bytes.resize(8192);
  return bytes;
}

}  // namespace pgbackup
