#include "backup/physical/tar.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

/// A field of a header.
struct Field {
  size_t begin;
  size_t bytes;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kSize{124, 12};
constexpr Field kChecksum{148, 8};
constexpr Field kType{156, 1};
constexpr Field kLinkName{157, 100};
constexpr Field kMagic{257, 8};
constexpr Field kPrefix{345, 167};  // with the unused bytes behind it

constexpr std::string_view kUstar("ustar\00000", 8);
constexpr int kEndBlocks = 2;

[[noreturn]] void bad_archive(const std::string& what) {
  throw Error(ErrorKind::corrupt, fmt::format("the archive is damaged: {}", what));
}

std::string_view text_of(std::string_view block, const Field& field) {
  return block.substr(field.begin, field.bytes);
}

bool is_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; });
}

/// Returns what stands before the first zero. Nothing else may stand behind it.
std::string_view parse_text(std::string_view field) {
  const size_t end = std::min(field.find('\0'), field.size());
  if (!is_zero(field.substr(end))) bad_archive("a name goes on behind its end");
  return field.substr(0, end);
}

/// Parses big-endian bytes behind a first byte of 0x80, as the server writes sizes of 8 GiB and
/// more.
std::optional<uint64_t> parse_base_256(std::string_view field) {
  uint64_t value = 0;
  for (const char c : field.substr(1)) {
    if (value >> 56U != 0) return std::nullopt;
    value = value << 8U | static_cast<unsigned char>(c);
  }
  return value;
}

/// Parses octal digits, with spaces or zeros behind them.
std::optional<uint64_t> parse_octal(std::string_view field) {
  const size_t digits = std::min(field.find_first_not_of("01234567"), field.size());
  const std::string_view rest = field.substr(digits);
  if (digits == 0 || rest.find_first_not_of(std::string_view(" \0", 2)) != std::string_view::npos) {
    return std::nullopt;
  }
  uint64_t value = 0;
  for (const char c : field.substr(0, digits)) {
    value = value << 3U | static_cast<uint64_t>(c - '0');  // 12 digits at most
  }
  return value;
}

uint64_t parse_number(std::string_view block, const Field& field, std::string_view what) {
  const std::string_view text = text_of(block, field);
  const std::optional<uint64_t> value =
      text[0] == '\x80' ? parse_base_256(text) : parse_octal(text);
  constexpr uint64_t kMost = INT64_MAX - kTarBlockBytes;  // that a file can have
  if (!value || *value > kMost) bad_archive(fmt::format("{} is not a number", what));
  return *value;
}

/// Returns the sum of all bytes, those of the checksum itself counted as spaces.
uint64_t checksum_of(std::string_view block) {
  const auto sum = [](std::string_view bytes) {
    return std::accumulate(bytes.begin(), bytes.end(), uint64_t{0}, [](uint64_t total, char c) {
      return total + static_cast<unsigned char>(c);
    });
  };
  return sum(block) - sum(text_of(block, kChecksum)) + uint64_t{' '} * kChecksum.bytes;
}

std::string describe_type(char type) {
  switch (type) {
    case '1':
      return "a hard link";
    case '2':
      return "a symbolic link";
    case '3':
    case '4':
      return "a device";
    case '6':
      return "a FIFO";
    default:
      return fmt::format("an entry of the type '{}'", printable(std::string_view(&type, 1)));
  }
}

/// Returns whether the name stays below the directory that it is relative to.
bool is_plain(std::string_view name) {
  while (true) {
    const size_t end = name.find('/');
    const std::string_view component = name.substr(0, end);
    if (component.empty() || component == "." || component == "..") return false;
    if (end == std::string_view::npos) return true;
    name.remove_prefix(end + 1);
  }
}

/// Returns a member's name without the slash behind directories, and without the `./` that the
/// server puts before what it makes up (`./pg_wal/archive_status/`).
std::string parse_name(std::string_view raw, bool is_directory) {
  std::string_view name = raw;
  if (name.starts_with("./")) name.remove_prefix(2);
  if (is_directory && name.ends_with('/')) name.remove_suffix(1);
  if (!is_plain(name)) {
    bad_archive(fmt::format("'{}' is not a plain relative name", short_line(raw)));
  }
  return std::string(name);
}

/// Returns whether the member is a directory. Throws for one that is no regular file either.
bool parse_type(char type, std::string_view name) {
  if (type == '5') return true;
  if (type == '0' || type == '\0') return false;
  throw Error(ErrorKind::corrupt,
              fmt::format("the archive holds '{}', {}: there are only files and directories in a "
                          "base backup",
                          short_line(name), describe_type(type)));
}

TarMember parse_header(std::string_view block) {
  if (parse_number(block, kChecksum, "the checksum of a header") != checksum_of(block)) {
    bad_archive("the checksum of a header is wrong");
  }
  if (text_of(block, kMagic) != kUstar || !is_zero(text_of(block, kPrefix))) {
    bad_archive("a header is not of the form that PostgreSQL writes");
  }
  const std::string_view name = parse_text(text_of(block, kName));
  TarMember member;
  member.is_directory = parse_type(text_of(block, kType)[0], name);
  member.name = parse_name(name, member.is_directory);
  if (!is_zero(text_of(block, kLinkName))) {
    bad_archive(fmt::format("{} has the target of a link", short_line(member.name)));
  }
  constexpr uint64_t kPermissions = 0777;
  member.mode = static_cast<unsigned>(parse_number(block, kMode, "a mode") & kPermissions);
  member.bytes = parse_number(block, kSize, "a size");
  if (member.is_directory && member.bytes != 0) {
    bad_archive(fmt::format("the directory {} has contents", short_line(member.name)));
  }
  return member;
}

/// Cuts up to `most` bytes off the front of `bytes`.
std::string_view take_front(std::string_view& bytes, uint64_t most) {
  const std::string_view front = bytes.substr(0, std::min<uint64_t>(bytes.size(), most));
  bytes.remove_prefix(front.size());
  return front;
}

}  // namespace

void TarParser::write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (contents_left_ > 0) {
      const std::string_view contents = take_front(bytes, contents_left_);
      contents_left_ -= contents.size();
      visitor_.write(contents);
      if (contents_left_ == 0) visitor_.end();
    } else if (padding_left_ > 0) {
      const std::string_view padding = take_front(bytes, padding_left_);
      padding_left_ -= padding.size();
      if (!is_zero(padding)) bad_archive(fmt::format("bytes follow {}", short_line(name_)));
    } else {
      const std::string_view part = take_front(bytes, kTarBlockBytes - filled_);
      std::copy(part.begin(), part.end(), block_.begin() + static_cast<ptrdiff_t>(filled_));
      filled_ += part.size();
      if (filled_ == kTarBlockBytes) take_block();
    }
  }
}

void TarParser::take_block() {
  filled_ = 0;
  if (end_blocks_ == kEndBlocks) bad_archive("bytes follow its end");
  if (is_zero({block_.data(), block_.size()})) {
    ++end_blocks_;
    return;
  }
  if (end_blocks_ > 0) bad_archive("a block of zeros stands between two members");
  begin_member();
}

void TarParser::begin_member() {
  const TarMember member = parse_header({block_.data(), block_.size()});
  name_ = member.name;
  contents_left_ = member.bytes;
  padding_left_ = (kTarBlockBytes - member.bytes % kTarBlockBytes) % kTarBlockBytes;
  visitor_.begin(member);
  if (contents_left_ == 0) visitor_.end();
}

void TarParser::finish() {
  if (contents_left_ > 0 || padding_left_ > 0) {
    bad_archive(fmt::format("it ends within {}", short_line(name_)));
  }
  if (filled_ > 0) bad_archive("it ends within a header");
  if (end_blocks_ < kEndBlocks) {
    bad_archive(fmt::format("it ends without the two blocks of zeros that an archive ends with{}",
                            name_.empty() ? "" : ", behind " + short_line(name_)));
  }
}

}  // namespace pgbackup
