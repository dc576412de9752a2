#include "backup/postgres/dump_format.h"

#include <algorithm>

#include "common/base/error.h"

namespace pgbackup {
namespace {

constexpr std::string_view kArchiveMagic = "PGDMP";
constexpr std::string_view kSqlHead = "--\n-- PostgreSQL database dump\n--\n";
constexpr std::string_view kSqlEnd = "-- PostgreSQL database dump complete";

/// Takes the last line off `text`, with the newline that ends it.
std::string_view take_last_line(std::string_view& text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  const size_t before = text.rfind('\n');
  const size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const std::string_view line = text.substr(begin);
  text = text.substr(0, begin);
  return line;
}

}  // namespace

std::optional<StreamFormat> format_of(std::string_view head) {
  if (head.starts_with(kArchiveMagic)) return StreamFormat::custom;
  if (head.starts_with(kSqlHead)) return StreamFormat::plain;
  return std::nullopt;
}

// K_VERS_1_15 and so on in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.h; the bytes behind the
// magic are major and minor version.
int least_pg_restore(std::string_view head) {
  if (head.size() < kArchiveMagic.size() + 2) return 0;
  const auto minor = static_cast<unsigned char>(head[kArchiveMagic.size() + 1]);
  if (minor >= 16) return 170000;
  return minor == 15 ? 160000 : 0;
}

bool is_complete_sql(std::string_view end) {
  if (end.size() > kEndBytes) end.remove_prefix(end.size() - kEndBytes);
  if (!end.ends_with('\n')) return false;  // cut off within a line
  while (!end.empty()) {
    const std::string_view line = take_last_line(end);
    // pg_dump since August 2025 ends psql's restricted mode behind the line.
    if (line.empty() || line == "--" || line.starts_with("\\unrestrict ")) continue;
    return line == kSqlEnd && end.ends_with('\n');
  }
  return false;
}

std::string parse_sha256sum(std::string_view text) {
  constexpr size_t kDigits = 64;
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  const std::string_view digest = text.substr(0, kDigits);
  std::string_view name = text.substr(digest.size());
  if (name.ends_with('\n')) name.remove_suffix(1);
  // Two spaces, or one and an asterisk for --binary.
  const bool is_named = name.size() > 2 && name[0] == ' ' && (name[1] == ' ' || name[1] == '*');
  if (digest.size() < kDigits || digest.find_first_not_of(kHex) != std::string_view::npos ||
      !is_named || name.find('\n') != std::string_view::npos) {
    throw Error(ErrorKind::corrupt, "it is not what sha256sum prints for one file");
  }
  std::string lower(digest);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

}  // namespace pgbackup
