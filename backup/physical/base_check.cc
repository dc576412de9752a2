#include "backup/physical/base_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "common/base/error.h"

namespace pgbackup {
namespace {

/// PG_CONTROL_FILE_SIZE of every version.
constexpr size_t kControlFileBytes = 8192;
constexpr size_t kCrcBytes = 4;

/// Text files that the server replaces by renaming, and the others that it reads before it starts.
constexpr std::array<std::string_view, 7> kTexts = {
    "backup_label",    "tablespace_map", "PG_VERSION",   "postgresql.auto.conf",
    "postgresql.conf", "pg_hba.conf",    "pg_ident.conf"};

[[noreturn]] void torn(const std::string& what) {
  throw TornFile(ErrorKind::transient, what,
                 "a server older than the releases of November 2026 can send a file in the middle "
                 "of its replacement; if it stays so, look at that file on the server");
}

/// The polynomial of CRC-32C, with its bits reversed (RFC 3720, appendix B.4).
constexpr uint32_t kPolynomial = 0x82f63b78;

/// Computes CRC-32C bit by bit: a control file has 8 KiB.
uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? kPolynomial : 0);
  }
  return ~crc;
}

/// Returns a word in the byte order of x86-64 and ARM.
uint32_t parse_word(std::string_view bytes) {
  uint32_t word = 0;
  for (size_t i = kCrcBytes; i > 0; --i) {
    word = word << 8U | static_cast<unsigned char>(bytes[i - 1]);
  }
  return word;
}

}  // namespace

void check_control_file(std::string_view bytes) {
  const size_t last = bytes.find_last_not_of('\0');
  if (bytes.size() != kControlFileBytes || last == std::string_view::npos || last < kCrcBytes) {
    torn(fmt::format("{} has {} bytes, and not the {} of a whole one", kControlFile, bytes.size(),
                     kControlFileBytes));
  }
  const size_t begin = last / kCrcBytes * kCrcBytes;
  if (parse_word(bytes.substr(begin, kCrcBytes)) == crc32c(bytes.substr(0, begin))) return;
  torn(fmt::format("the checksum within {} is wrong", kControlFile));
}

void BaseCheck::begin(const TarMember& member) {
  name_ = member.name;
  const bool is_text = std::find(kTexts.begin(), kTexts.end(), name_) != kTexts.end();
  member_ = is_text ? Member::text : name_ == kControlFile ? Member::control : Member::other;
  if (member_ != Member::control) return;
  if (member.bytes != kControlFileBytes || member.is_directory) {
    torn(fmt::format("{} has {} bytes, and not {}", kControlFile, member.bytes, kControlFileBytes));
  }
  control_.clear();
}

void BaseCheck::write(std::string_view bytes) {
  if (member_ == Member::control) control_ += bytes;
  if (member_ == Member::text && bytes.find('\0') != std::string_view::npos) {
    torn(fmt::format("there are zeros in {}", name_));
  }
}

void BaseCheck::end() {
  if (member_ == Member::control) check_control_file(control_);
}

void BaseCheck::require_complete() const {
  if (member_ == Member::control) return;
  torn(fmt::format("{} is not the last file of the base backup", kControlFile));
}

}  // namespace pgbackup
