#include "backup/physical/tar.h"

#include "tests/support/error_of.h"
#include "tests/support/tar_builder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

/// Writes down what it is told: `name:mode:contents;`, a slash behind directories.
class Recorder final : public TarVisitor {
 public:
  void begin(const TarMember& member) override {
    seen += fmt::format("{}{}:{:o}:", member.name, member.is_directory ? "/" : "", member.mode);
    bytes += member.bytes;
  }
  void write(std::string_view more) override { seen += more; }
  void end() override { seen += ";"; }

  std::string seen;
  uint64_t bytes = 0;
};

std::string parse(std::string_view archive, size_t step = SIZE_MAX) {
  Recorder recorder;
  TarParser parser(recorder);
  for (; !archive.empty(); archive.remove_prefix(std::min(step, archive.size()))) {
    parser.write(archive.substr(0, step));
  }
  parser.finish();
  return recorder.seen;
}

std::string good_archive() {
  return TarBuilder()
      .file("backup_label", "START")
      .directory("base", 0750)
      .file("base/1", std::string(512, 'x'), 0640)
      .file("base/2", "")
      .directory("./pg_wal/archive_status")
      .file("base/3", std::string(513, 'y'))
      .end();
}

TEST_CASE("An archive is parsed, in whatever pieces it comes") {
  const std::string expected =
      "backup_label:600:START;base/:750:;base/1:640:" + std::string(512, 'x') +
      ";base/2:600:;pg_wal/archive_status/:700:;base/3:600:" + std::string(513, 'y') + ";";
  for (const size_t step : {1, 7, 511, 512, 513, 1024, 100'000}) {
    CHECK(parse(good_archive(), step) == expected);
  }
  CHECK(parse(std::string(1024, '\0')).empty());
}

TEST_CASE("An archive that is cut anywhere has no end") {
  const std::string archive = good_archive();
  for (size_t length = 0; length < archive.size(); ++length) {
    CAPTURE(length);
    REQUIRE(fails_with(ErrorKind::corrupt, "", [&] { return parse(archive.substr(0, length)); }));
  }
  CHECK(fails_with(ErrorKind::corrupt, "behind base/3",
                   [&] { return parse(archive.substr(0, archive.size() - 1024)); }));
  CHECK(fails_with(ErrorKind::corrupt, "it ends within base/3",
                   [&] { return parse(archive.substr(0, archive.size() - 1025)); }));
}

TEST_CASE("A flipped bit in a header is noticed") {
  const std::string archive = TarBuilder().file("base/1", "x").end();
  for (size_t at = 0; at < 512; ++at) {
    CAPTURE(at);
    std::string flipped = archive;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x04);
    const std::optional<Error> error = error_of([&] { return parse(flipped); });
    REQUIRE(error);
    CHECK(error->kind() == ErrorKind::corrupt);
  }
}

TEST_CASE("Names that lead elsewhere are refused") {
  for (const std::string name : {"/etc/passwd", "..", "../x", "a/../../x", "a/..", "a//b", "a/./b",
                                 ".", "./", "././a", "", "/", "./..", ".//a", "a/", "./../x"}) {
    CAPTURE(name);
    CHECK(fails_with(ErrorKind::corrupt, "no",
                     [&] { return parse(TarBuilder().file(name, "x").end()); }));
  }
  for (const std::string name : {"..", "/etc", "a/..", "a//", "./", ""}) {
    CAPTURE(name);
    CHECK(fails_with(ErrorKind::corrupt, "is not a plain relative name",
                     [&] { return parse(TarBuilder().directory(name).end()); }));
  }
  const TarHeader hidden{.name = std::string("base/1\0/../../x", 15)};
  CHECK(fails_with(ErrorKind::corrupt, "goes on behind its end",
                   [&] { return parse(TarBuilder().add(hidden).end()); }));
}

TEST_CASE("Names of up to 100 bytes are taken as they are") {
  for (const std::string& name : {std::string(99, 'n'), std::string(100, 'n'),
                                  std::string("...  ..a/\xff\n"), std::string("a\\..\\b")}) {
    CHECK(parse(TarBuilder().file(name, "x").end()) == name + ":600:x;");
  }
}

TEST_CASE("Everything but files and directories is refused by what it is") {
  const std::vector<std::pair<char, std::string>> types = {{'1', "a hard link"},
                                                           {'2', "a symbolic link"},
                                                           {'3', "a device"},
                                                           {'4', "a device"},
                                                           {'6', "a FIFO"},
                                                           {'7', "an entry of the type '7'"},
                                                           {'x', "an entry of the type 'x'"},
                                                           {'g', "an entry of the type 'g'"},
                                                           {'L', "an entry of the type 'L'"},
                                                           {'\n', "an entry of the type '?'"}};
  for (const auto& [type, words] : types) {
    CAPTURE(type);
    CHECK(
        fails_with(ErrorKind::corrupt, "the archive holds 'pg_tblspc/1/', " + words, [&, t = type] {
          return parse(TarBuilder().add({.name = "pg_tblspc/1/", .type = t, .link = "/"}).end());
        }));
  }
  CHECK(parse(TarBuilder().add({.name = "old", .type = '\0'}).end()) == "old:600:;");
}

TEST_CASE("A header that PostgreSQL does not write is refused") {
  const std::vector<TarHeader> headers = {
      {.name = "a", .link = "/etc/passwd"},
      {.name = "a", .magic = std::string("ustar  \0", 8)},
      {.name = "a", .magic = std::string(8, '\0')},
      {.name = "a", .prefix = "pg_tblspc"},
      {.name = "a/", .bytes = 5, .type = '5'},
  };
  for (const TarHeader& header : headers) {
    CHECK(
        fails_with(ErrorKind::corrupt, "", [&] { return parse(TarBuilder().add(header).end()); }));
  }
}

TEST_CASE("Numbers are octal, or base 256 from 8 GiB on") {
  const auto begin_with = [](std::string_view size) {
    Recorder recorder;
    TarParser parser(recorder);
    parser.write(TarBuilder::header({.name = "a"}, 124, size));
    return recorder.bytes;
  };
  using namespace std::literals;
  CHECK(begin_with("00000000777 ") == 0777);
  CHECK(begin_with("00000000777\0"sv) == 0777);
  CHECK(begin_with("777777777777") == (uint64_t{1} << 36U) - 1);
  CHECK(begin_with("7           ") == 7);
  CHECK(begin_with("\x80\0\0\0\0\0\0\x02\0\0\0\0"sv) == uint64_t{8} << 30U);
  CHECK(begin_with("\x80\0\0\0\x01\0\0\0\0\0\0\0"sv) == uint64_t{1} << 56U);
  for (const std::string_view bad :
       {"            "sv, "-0000000001 "sv, "0000000008  "sv, "0000 000001 "sv, "0x000000001 "sv,
        "\0\0\0\0\0\0\0\0\0\0\0\0"sv, "\x80\0\0\0\x80\0\0\0\0\0\0\0"sv,
        "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv,
        "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"sv,
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv}) {
    CHECK(
        fails_with(ErrorKind::corrupt, "a size is not a number", [&] { return begin_with(bad); }));
  }
}

TEST_CASE("Nothing may stand where zeros belong") {
  const std::string one = TarBuilder().file("a", "x").text;
  const std::string zeros(512, '\0');
  std::string padded = one;
  padded[1000] = 'y';
  CHECK(fails_with(ErrorKind::corrupt, "bytes follow a",
                   [&] { return parse(padded + zeros + zeros); }));
  CHECK(fails_with(ErrorKind::corrupt, "a block of zeros stands between two members",
                   [&] { return parse(one + zeros + one + zeros + zeros); }));
  CHECK(fails_with(ErrorKind::corrupt, "bytes follow its end",
                   [&] { return parse(one + zeros + zeros + one); }));
  CHECK(fails_with(ErrorKind::corrupt, "bytes follow its end",
                   [&] { return parse(one + zeros + zeros + zeros); }));
  CHECK(fails_with(ErrorKind::corrupt, "within a header",
                   [&] { return parse(one + zeros + zeros + "x"); }));
}

TEST_CASE("Only the permissions of a mode are taken") {
  CHECK(parse(TarBuilder().file("a", "", 07755).end()) == "a:755:;");
  CHECK(parse(TarBuilder().directory("d", 02770).end()) == "d/:770:;");
}

TEST_CASE("What the visitor throws ends the parse") {
  class Refusing final : public TarVisitor {
   public:
    void begin(const TarMember& /*member*/) override { throw Error(ErrorKind::conflict, "no"); }
    void write(std::string_view /*bytes*/) override {}
    void end() override {}
  };
  Refusing refusing;
  TarParser parser(refusing);
  CHECK(fails_with(ErrorKind::conflict, "no", [&] {
    parser.write(good_archive());
    return 0;
  }));
}

}  // namespace
}  // namespace pgbackup
