#include "backup/physical/file_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/codec/digest.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

using Json = nlohmann::json;

/// Limits that no list of a server reaches. What comes from a store is not trusted.
constexpr size_t kMaxLineBytes = size_t{64} << 10U;
constexpr size_t kMaxPathBytes = 4096;
constexpr size_t kMaxAllPathBytes = size_t{1} << 30U;
constexpr size_t kMostFiles = 20'000'000;
constexpr size_t kMostRanges = 10'000;
/// PostgreSQL 17 writes version 2.
constexpr uint64_t kNewestVersion = 2;

[[noreturn]] void bad_list(const std::string& what) {
  throw Error(ErrorKind::corrupt, fmt::format("the backup_manifest is damaged: {}", what));
}

/// Reads the text character by character, and hashes all lines but the last one, which holds the
/// checksum of the others.
class Text {
 public:
  explicit Text(Source& source) : source_(source), buffer_(kCopyBytes) { fill(); }

  [[nodiscard]] bool is_at_end() const { return position_ == filled_; }
  [[nodiscard]] char current() const { return buffer_[position_]; }
  void advance() {
    if (line_.ends_with('\n')) {
      lines_.update(line_);
      line_.clear();
    }
    line_ += current();
    if (line_.size() > kMaxLineBytes) bad_list("a line is longer than 64 KiB");
    ++position_;
    if (position_ == filled_) fill();
  }
  /// Throws unless the text ends with a line that holds `checksum`, and that is right.
  void check(const std::string& checksum) const {
    if (line_ != fmt::format("\"Manifest-Checksum\": \"{}\"}}\n", checksum)) {
      bad_list("its last line is not its checksum");
    }
    if (lines_.hex() != checksum) bad_list("its checksum is wrong");
  }

 private:
  void fill() {
    position_ = 0;
    filled_ = source_.read(buffer_);
  }

  Source& source_;
  std::vector<char> buffer_;
  size_t position_ = 0;
  size_t filled_ = 0;
  std::string line_;  ///< the current line as far as it was read
  Sha256 lines_;      ///< all lines before
};

/// Hands the text to the JSON library.
struct TextIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  Text* text = nullptr;  ///< nullptr: the end

  char operator*() const { return text->current(); }
  TextIterator& operator++() {
    text->advance();
    return *this;
  }
  [[nodiscard]] bool is_end() const { return text == nullptr || text->is_at_end(); }
  friend bool operator==(const TextIterator& a, const TextIterator& b) {
    return a.is_end() == b.is_end();
  }
  friend bool operator!=(const TextIterator& a, const TextIterator& b) { return !(a == b); }
};

/// The values of one object of the list, by their keys.
class Fields {
 public:
  void add(std::string key, std::string text) { add({std::move(key), std::move(text), {}}); }
  void add(std::string key, uint64_t number) { add({std::move(key), {}, number}); }
  void clear() { fields_.clear(); }

  /// Takes a value out. Throws when it is missing or of the other type.
  std::string take_text(std::string_view key) {
    Field field = take(key);
    if (field.number) bad_list(fmt::format("{} is a number", key));
    return std::move(field.text);
  }
  uint64_t take_number(std::string_view key) {
    const Field field = take(key);
    if (!field.number) bad_list(fmt::format("{} is not a number", key));
    return *field.number;
  }
  [[nodiscard]] bool has(std::string_view key) const {
    return std::any_of(fields_.begin(), fields_.end(),
                       [&](const Field& field) { return field.key == key; });
  }
  /// Throws unless everything was taken out.
  void require_none() const {
    if (!fields_.empty()) {
      bad_list(fmt::format("the field '{}' is not known", short_line(fields_.front().key)));
    }
  }

 private:
  struct Field {
    std::string key;
    std::string text;
    std::optional<uint64_t> number;
  };

  void add(Field field) {
    if (has(field.key)) bad_list(fmt::format("'{}' is there twice", short_line(field.key)));
    constexpr size_t kMost = 8;
    if (fields_.size() == kMost) bad_list("an object has too many fields");
    fields_.push_back(std::move(field));
  }
  Field take(std::string_view key) {
    const auto found = std::find_if(fields_.begin(), fields_.end(),
                                    [&](const Field& field) { return field.key == key; });
    if (found == fields_.end()) bad_list(fmt::format("{} is missing", key));
    Field field = std::move(*found);
    fields_.erase(found);
    return field;
  }

  std::vector<Field> fields_;
};

Lsn take_lsn(Fields& fields, std::string_view key) {
  const std::optional<Lsn> lsn = parse_lsn(fields.take_text(key));
  if (!lsn) bad_list(fmt::format("{} is not a position", key));
  return *lsn;
}

std::string take_path(Fields& fields) {
  if (!fields.has("Encoded-Path")) return fields.take_text("Path");
  std::optional<std::string> path = decode_hex(fields.take_text("Encoded-Path"));
  if (!path) bad_list("an encoded name is not hexadecimal");
  return std::move(*path);
}

std::string take_sha256(Fields& fields) {
  const std::string algorithm =
      fields.has("Checksum-Algorithm") ? fields.take_text("Checksum-Algorithm") : "no";
  if (algorithm != "SHA256") {
    throw Error(ErrorKind::failed,
                fmt::format("the backup_manifest has {} checksums, and only those of SHA256 can be "
                            "checked",
                            short_line(algorithm)));
  }
  std::optional<std::string> digest = decode_hex(fields.take_text("Checksum"));
  if (!digest) bad_list("a checksum is not hexadecimal");
  return std::move(*digest);
}

void check_version(uint64_t version) {
  if (version >= 1 && version <= kNewestVersion) return;
  throw Error(ErrorKind::failed,
              fmt::format("the backup_manifest is of version {}, which is not known", version),
              "update pg-backup");
}

}  // namespace

/// Takes the list from the JSON library, piece by piece.
class FileList::Reader final : public nlohmann::json_sax<Json> {
 public:
  explicit Reader(FileList& list) : list_(list) {}

  [[nodiscard]] const std::string& checksum() const { return checksum_; }

  bool null() override { bad_list("a value is null"); }
  bool boolean(bool /*value*/) override { bad_list("a value is a boolean"); }
  bool number_integer(number_integer_t /*value*/) override { bad_list("a number is negative"); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    bad_list("a number is not whole");
  }
  bool binary(binary_t& /*value*/) override { bad_list("a value is binary"); }
  bool number_unsigned(number_unsigned_t value) override {
    if (at_ == At::top && key_ == kVersion) check_version(value);
    fields_at().add(key_, value);
    return true;
  }
  bool string(string_t& value) override {
    fields_at().add(key_, std::move(value));
    return true;
  }
  bool key(string_t& key) override {
    key_ = std::move(key);
    return true;
  }
  bool start_object(size_t /*elements*/) override;
  bool end_object() override;
  bool start_array(size_t /*elements*/) override;
  bool end_array() override {
    at_ = At::top;
    return true;
  }
  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    bad_list(fmt::format("it is not valid JSON at byte {}", position));
  }

 private:
  enum class At { start, top, files, file, ranges, range, end };
  static constexpr std::string_view kVersion = "PostgreSQL-Backup-Manifest-Version";

  Fields& fields_at();
  void add_file();
  void add_range();
  void end_top();

  FileList& list_;
  At at_ = At::start;
  std::string key_;
  Fields top_;
  Fields item_;  ///< of the current file or range
  bool has_files_ = false;
  bool has_ranges_ = false;
  std::string checksum_;
};

Fields& FileList::Reader::fields_at() {
  if (at_ == At::top) return top_;
  if (at_ == At::file || at_ == At::range) return item_;
  bad_list("a value stands in the wrong place");
}

bool FileList::Reader::start_object(size_t /*elements*/) {
  switch (at_) {
    case At::start:
      at_ = At::top;
      return true;
    case At::files:
      at_ = At::file;
      return true;
    case At::ranges:
      at_ = At::range;
      return true;
    case At::top:
    case At::file:
    case At::range:
    case At::end:
      break;
  }
  bad_list("an object stands in the wrong place");
}

bool FileList::Reader::end_object() {
  if (at_ == At::file) add_file();
  if (at_ == At::range) add_range();
  if (at_ == At::top) end_top();
  item_.require_none();
  at_ = at_ == At::file ? At::files : at_ == At::range ? At::ranges : At::end;
  return true;
}

bool FileList::Reader::start_array(size_t /*elements*/) {
  if (at_ == At::top && key_ == "Files" && !std::exchange(has_files_, true)) {
    at_ = At::files;
  } else if (at_ == At::top && key_ == "WAL-Ranges" && !std::exchange(has_ranges_, true)) {
    at_ = At::ranges;
  } else {
    bad_list("an array stands in the wrong place");
  }
  return true;
}

void FileList::Reader::add_file() {
  const std::string path = take_path(item_);
  const std::string digest = take_sha256(item_);
  item_.take_text("Last-Modified");
  File file{.begin = list_.paths_.size(),
            .bytes = item_.take_number("Size"),
            .length = static_cast<uint32_t>(path.size())};
  if (digest.size() != kDigestBytes) bad_list("a checksum has not 64 digits");
  std::copy(digest.begin(), digest.end(), file.sha256.begin());
  if (path.empty() || path.size() > kMaxPathBytes) bad_list("a name is empty or too long");
  if (list_.files_.size() == kMostFiles || list_.paths_.size() > kMaxAllPathBytes) {
    bad_list("it lists too many files");
  }
  list_.paths_ += path;
  list_.files_.push_back(file);
}

void FileList::Reader::add_range() {
  WalRange range;
  const uint64_t timeline = item_.take_number("Timeline");
  if (!std::in_range<Timeline>(timeline)) bad_list("a timeline is out of range");
  range.timeline = static_cast<Timeline>(timeline);
  range.begin = take_lsn(item_, "Start-LSN");
  range.end = take_lsn(item_, "End-LSN");
  if (list_.wal_ranges_.size() == kMostRanges) bad_list("it has too many WAL-Ranges");
  list_.wal_ranges_.push_back(range);
}

void FileList::Reader::end_top() {
  const uint64_t version = top_.take_number(kVersion);
  if (version > 1) {
    list_.system_identifier_ = fmt::to_string(top_.take_number("System-Identifier"));
  }
  checksum_ = top_.take_text("Manifest-Checksum");
  top_.require_none();
  if (!has_files_ || !has_ranges_) bad_list("Files or WAL-Ranges are missing");
}

FileList::FileList(Source& source) {
  Text text(source);
  Reader reader(*this);
  Json::sax_parse(TextIterator{&text}, TextIterator{}, &reader);
  text.check(reader.checksum());
  sort();
}

void FileList::sort() {
  files_.shrink_to_fit();
  paths_.shrink_to_fit();
  std::sort(files_.begin(), files_.end(),
            [&](const File& a, const File& b) { return path_of(a) < path_of(b); });
  const auto twice =
      std::adjacent_find(files_.begin(), files_.end(),
                         [&](const File& a, const File& b) { return path_of(a) == path_of(b); });
  if (twice == files_.end()) return;
  bad_list(fmt::format("it lists '{}' twice", short_line(path_of(*twice))));
}

std::optional<size_t> FileList::find(std::string_view path) const {
  const auto found =
      std::lower_bound(files_.begin(), files_.end(), path,
                       [&](const File& file, std::string_view p) { return path_of(file) < p; });
  if (found == files_.end() || path_of(*found) != path) return std::nullopt;
  return static_cast<size_t>(found - files_.begin());
}

std::string_view FileList::path(size_t number) const { return path_of(files_.at(number)); }

std::string FileList::sha256(size_t number) const {
  const auto& digest = files_.at(number).sha256;
  return encode_hex({digest.data(), digest.size()});
}

}  // namespace pgbackup
