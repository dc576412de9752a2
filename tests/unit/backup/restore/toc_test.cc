#include "backup/restore/toc.h"

#include <algorithm>

#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

/// Writes an archive's head and table of contents as pg_dump does.
class ArchiveBuilder {
 public:
  explicit ArchiveBuilder(int minor, int entries, int format = 1) : minor_(minor) {
    bytes_ = "PGDMP";
    for (const int byte : {1, minor, 0, 4, 8, format}) bytes_ += static_cast<char>(byte);
    if (minor >= 15) {
      bytes_ += '\1';
    } else {
      number(-1);
    }
    for (int i = 0; i < 7; ++i) number(i);
    for (const char* text_ : {"app", "15.18", "15.18"}) text(text_);
    number(entries);
  }

  ArchiveBuilder& entry(int id, int section, const char* name, const char* definition,
                        const std::vector<const char*>& depends_on) {
    number(id);
    number(0);
    for (const char* text_ : {"1259", "16386", name, "TABLE"}) text(text_);
    number(section);
    text(definition);
    text("DROP TABLE public.t;");
    text(nullptr);  // COPY
    text("public");
    text("");
    if (minor_ >= 14) text("heap");
    if (minor_ >= 16) number('r');
    text("app");
    text("false");
    for (const char* id_text : depends_on) text(id_text);
    text(nullptr);
    bytes_ += '\1';
    bytes_.append(8, '\0');
    return *this;
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void number(int value) {
    bytes_ += value < 0 ? '\1' : '\0';
    auto rest = static_cast<unsigned>(value < 0 ? -value : value);
    for (int i = 0; i < 4; ++i, rest >>= 8U) bytes_ += static_cast<char>(rest & 0xffU);
  }
  void text(const char* value) {
    if (value == nullptr) return number(-1);
    const std::string_view view(value);
    number(static_cast<int>(view.size()));
    bytes_ += view;
  }

  int minor_;
  std::string bytes_;
};

std::string archive(int minor) {
  return ArchiveBuilder(minor, 2)
      .entry(7, 2, "t", "CREATE TABLE public.t (a integer);", {})
      .entry(8, 2, "u v", "CREATE TABLE public.\"u v\" (\n)\nINHERITS (public.t);", {"7", "99"})
      .bytes();
}

Toc read(std::string_view bytes, size_t step) {
  TocReader reader;
  while (!bytes.empty()) {
    reader.write(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
  }
  return reader.take();
}

TEST_CASE("A table of contents is read in every known version, however it arrives") {
  for (const int minor : {12, 13, 14, 15, 16}) {
    for (const size_t step : {size_t{1}, size_t{7}, size_t{100000}}) {
      CAPTURE(minor, step);
      const Toc toc = read(archive(minor) + "the data", step);
      REQUIRE(toc.size() == 2);
      CHECK(toc[0].id == 7);
      CHECK(toc[0].kind == "TABLE");
      CHECK(toc[0].schema == "public");
      CHECK(toc[0].name == "t");
      CHECK(toc[0].owner == "app");
      CHECK(toc[0].section == TocSection::pre_data);
      CHECK_FALSE(toc[0].inherits);
      CHECK(toc[0].depends_on.empty());
      CHECK(toc[1].name == "u v");
      CHECK(toc[1].inherits);
      CHECK(toc[1].depends_on == std::vector<int>{7, 99});
    }
  }
}

TEST_CASE("What is cut off anywhere is damaged") {
  const std::string whole = archive(14);
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(fails_with(ErrorKind::corrupt, "", [&] { return read(whole.substr(0, size), 64); }));
  }
}

TEST_CASE("What is no archive, or of a version that is not known, is refused") {
  const std::string whole = archive(14);
  const auto changed = [&](size_t at, char byte) {
    std::string bytes = whole;
    bytes[at] = byte;
    return bytes;
  };
  struct Row {
    std::string bytes;
    ErrorKind kind;
    const char* text;
  };
  const std::vector<Row> rows = {
      {changed(0, 'X'), ErrorKind::corrupt, "no archive of pg_dump"},
      {archive(17), ErrorKind::failed, "update pg-backup"},
      {archive(11), ErrorKind::failed, "the format 1.11"},
      {changed(5, 2), ErrorKind::failed, "the format 2.14"},
      {changed(8, 8), ErrorKind::corrupt, "odd sizes"},
      {changed(9, 0), ErrorKind::corrupt, "odd sizes"},
      {ArchiveBuilder(14, 0, 3).bytes(), ErrorKind::corrupt, "not of the custom format"},
      {ArchiveBuilder(14, -1).bytes(), ErrorKind::corrupt, "negative"},
      {ArchiveBuilder(14, 1).entry(1, 5, "t", "", {}).bytes(), ErrorKind::corrupt, "section"},
      {ArchiveBuilder(14, 1).entry(0, 2, "t", "", {}).bytes(), ErrorKind::corrupt, "id"},
      {ArchiveBuilder(14, 1).entry(1, 2, "t", "", {"x"}).bytes(), ErrorKind::corrupt, "number"},
      {ArchiveBuilder(14, 1).entry(1, 2, "t", "", {""}).bytes(), ErrorKind::corrupt, "number"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(fails_with(row.kind, row.text, [&] { return read(row.bytes, 100); }));
  }
}

TEST_CASE("Bytes of every value in every place end in an error or a result") {
  const std::string whole = archive(16);
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const char byte : {'\0', '\1', '\x7f', '\xff'}) {
      std::string bytes = whole;
      bytes[at] = byte;
      const auto error = error_of([&] { return read(bytes, 4096); });
      const bool is_fine =
          !error || error->kind() == ErrorKind::corrupt || error->kind() == ErrorKind::failed;
      CHECK(is_fine);
    }
  }
}

}  // namespace
}  // namespace pgbackup
