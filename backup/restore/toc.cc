#include "backup/restore/toc.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "common/base/error.h"
#include "common/catalog/stored_stream.h"

namespace pgbackup {
namespace {

constexpr std::string_view kTocMagic = "PGDMP";
constexpr int kCustomCode = 1;
/// Names versions of the archive format, 1.12 and so on: the first and the last that are known, and
/// those that added a field.
constexpr int kFirstKnown = 12;
constexpr int kWithTableAccessMethod = 14;
constexpr int kWithCompressionMethod = 15;
constexpr int kWithRelkind = 16;
constexpr int kLastKnown = 16;

/// Limits the table of contents to that of a database with a million objects.
constexpr uint64_t kMostTocBytes = uint64_t{256} << 20U;
constexpr int kMostDependencies = 1 << 20;

[[noreturn]] void refuse_contents(const char* what) {
  throw damaged(fmt::format("the archive's table of contents is damaged: {}", what));
}

int parse_id(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) refuse_contents("a number is none");
  return number;
}

}  // namespace

/// Reads fields from the start of `bytes`. Once they do not suffice, is_short() returns true and
/// what was read is worth nothing: it is read again when there are more.
class TocReader::Cursor {
 public:
  Cursor(std::string_view bytes, int int_bytes) : bytes_(bytes), int_bytes_(int_bytes) {}

  [[nodiscard]] bool is_short() const { return is_short_; }
  [[nodiscard]] size_t taken() const { return taken_; }

  std::string_view take(size_t count) {
    if (is_short_ || bytes_.size() - taken_ < count) {
      is_short_ = true;
      return {};
    }
    const std::string_view part = bytes_.substr(taken_, count);
    taken_ += count;
    return part;
  }
  int byte() {
    const std::string_view part = take(1);
    return part.empty() ? 0 : static_cast<unsigned char>(part[0]);
  }
  /// Reads a sign and the number's bytes, the lowest first.
  int number() {
    const bool is_negative = byte() != 0;
    int64_t value = 0;
    int shift = 0;
    for (const char c : take(static_cast<size_t>(int_bytes_))) {
      value |= int64_t{static_cast<unsigned char>(c)} << shift;
      shift += 8;
    }
    if (value > INT32_MAX) refuse_contents("a number is too large");
    return static_cast<int>(is_negative ? -value : value);
  }
  /// Returns a text; `is_null` tells a missing one from an empty one.
  std::string_view text(bool* is_null = nullptr) {
    const int length = number();
    if (is_null != nullptr) *is_null = length < 0;
    if (length <= 0) return {};
    const std::string_view text = take(static_cast<size_t>(length));
    if (text.find('\0') != std::string_view::npos) refuse_contents("a text holds a zero byte");
    return text;
  }

 private:
  std::string_view bytes_;
  int int_bytes_;
  size_t taken_ = 0;
  bool is_short_ = false;
};

void TocReader::write(std::string_view bytes) {
  if (is_complete()) return;
  total_ += bytes.size();
  if (total_ > kMostTocBytes) refuse_contents("it has more than 256 MiB");
  buffer_ += bytes;
  if (!has_head_ && !read_head()) return;
  while (left_ > 0 && read_entry()) --left_;
  buffer_.erase(0, taken_);
  taken_ = 0;
}

Toc TocReader::take() {
  if (!is_complete()) refuse_contents("it is cut off");
  return std::move(toc_);
}

bool TocReader::read_head() {
  Cursor in(buffer_, 4);
  const std::string_view magic = in.take(kTocMagic.size());
  if (!in.is_short() && magic != kTocMagic) {
    throw damaged("it is no archive of pg_dump in custom format");
  }
  const int major = in.byte();
  const int minor = in.byte();
  in.byte();  // revision
  const int int_bytes = in.byte();
  const int offset_bytes = in.byte();
  const int format = in.byte();
  if (in.is_short()) return false;
  if (major != 1 || minor < kFirstKnown || minor > kLastKnown) {
    throw Error(ErrorKind::failed,
                fmt::format("the archive has the format {}.{}, of which only the whole can be "
                            "restored",
                            major, minor),
                minor > kLastKnown ? "update pg-backup" : "");
  }
  if (int_bytes != 4 || offset_bytes < 1 || offset_bytes > 8)
    refuse_contents("its numbers have odd sizes");
  if (format != kCustomCode) refuse_contents("it is not of the custom format");
  if (minor >= kWithCompressionMethod) {
    in.byte();
  } else {
    in.number();
  }
  for (int i = 0; i < 7; ++i) in.number();  // when it was made
  for (int i = 0; i < 3; ++i) in.text();    // database, versions of server and pg_dump
  const int entries = in.number();
  if (in.is_short()) return false;
  if (entries < 0) refuse_contents("the number of entries is negative");
  has_head_ = true;
  minor_ = minor;
  int_bytes_ = int_bytes;
  offset_bytes_ = offset_bytes;
  left_ = entries;
  taken_ = in.taken();
  return true;
}

bool TocReader::read_entry() {
  Cursor in(std::string_view(buffer_).substr(taken_), int_bytes_);
  TocEntry entry;
  entry.id = in.number();
  in.number();                            // whether there is data
  for (int i = 0; i < 2; ++i) in.text();  // OIDs in the dumped database
  entry.name = in.text();
  entry.kind = in.text();
  const int section = in.number();
  const std::string_view definition = in.text();
  entry.inherits = definition.find("\nINHERITS (") != std::string_view::npos;
  for (int i = 0; i < 2; ++i) in.text();  // how to drop it, how its rows are copied
  entry.schema = in.text();
  in.text();  // tablespace
  if (minor_ >= kWithTableAccessMethod) in.text();
  if (minor_ >= kWithRelkind) in.number();
  entry.owner = in.text();
  in.text();  // WITH OIDS
  for (bool is_last = false; !is_last && !in.is_short();) {
    const std::string_view id = in.text(&is_last);
    if (!is_last && !in.is_short()) entry.depends_on.push_back(parse_id(id));
    if (entry.depends_on.size() > kMostDependencies)
      refuse_contents("an entry has too many dependencies");
  }
  in.take(1 + static_cast<size_t>(offset_bytes_));  // where its data begins
  if (in.is_short()) return false;
  if (section < 1 || section > 4) refuse_contents("a section is not known");
  if (entry.id < 1) refuse_contents("an id is not positive");
  entry.section = static_cast<TocSection>(section);
  toc_.push_back(std::move(entry));
  taken_ += in.taken();
  return true;
}

Toc read_toc(StoredDump& dump) {
  TocReader reader;
  dump.copy_head(reader, [&] { return reader.is_complete(); });
  return reader.take();
}

}  // namespace pgbackup
