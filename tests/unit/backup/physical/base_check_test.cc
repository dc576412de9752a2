#include "backup/physical/base_check.h"

#include "common/codec/encoding.h"
#include "tests/support/error_of.h"
#include "tests/support/tar_builder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

std::string control_file(std::string bytes) {
  bytes.resize(8192);
  return bytes;
}

/// Bytes whose CRC-32C stands in RFC 3720, appendix B.4, and that behind them.
std::string checked_bytes() {
  std::string bytes;
  for (char c = 0; c < 32; ++c) bytes += c;
  return bytes + "\x4e\x79\xdd\x46";
}

const std::string kGood = control_file(checked_bytes());

bool is_torn(std::string_view bytes) {
  return fails_with(ErrorKind::transient, "global/pg_control", [&] {
    check_control_file(bytes);
    return 0;
  });
}

std::string check(const std::string& archive) {
  BaseCheck base;
  TarParser parser(base);
  parser.write(archive);
  parser.finish();
  base.require_complete();
  return "whole";
}

TEST_CASE("The control files of PostgreSQL 15 and 17 are whole") {
  const std::string of_15 = *decode_hex(
      "7b84886a36370c6b1405000025770d0c06000000000000008b380c6b0000000018b5000400000000"
      "e0b400040000000001000000010000000000000000000000e4020000000000000060000001000000"
      "00000000cd0200000100000001000000010000000000000074380c6b000000000000000000000000"
      "e402000000000000e803000000000000000000000000000000000000000000000000000000000000"
      "00000000000000000000000001000000000000006400000008000000080000000000000040000000"
      "00000000080000000000000087d63241002000000000020000200000000000014000000020000000"
      "cc0700000008000001000000000000001f8cc1070f951a7a6302a28850b03f2095bdeec780ded8f5"
      "5239bfaede7b5b7df21b8f0d");
  const std::string of_17 = *decode_hex(
      "bbba4aac05390c6ba40600008979100c0600000000000000dd3a0c6b00000000e856010300000000"
      "905601030000000001000000010000000100000001000000e7020000000000000060000001000000"
      "00000000da02000001000000010000000100000000000000db3a0c6b000000000000000000000000"
      "e702000000000000e803000000000000000000000000000000000000000000000000000000000000"
      "000000000000000000000000010000000000000064000000080000000a0000000000000040000000"
      "00000000080000000000000087d63241002000000000020000200000000000014000000020000000"
      "cc070000000800000100000000000000fbcdc9cad7fb20ff0c475c5effa1e1dfc464ce08fb5671a6"
      "a34b4abf83c6d9e76ba0dcc7");
  CHECK_NOTHROW(check_control_file(kGood));
  CHECK_NOTHROW(check_control_file(control_file(of_15)));
  CHECK_NOTHROW(check_control_file(control_file(of_17)));
  for (size_t at = 0; at < of_15.size(); ++at) {
    CAPTURE(at);
    std::string flipped = of_15;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x80);
    CHECK(is_torn(control_file(flipped)));
  }
}

TEST_CASE("A control file that is torn anywhere is noticed") {
  for (size_t at = 4; at < checked_bytes().size(); ++at) {
    CAPTURE(at);
    std::string zeroed = checked_bytes();
    zeroed.resize(at);
    CHECK(is_torn(control_file(zeroed)));
  }
  CHECK(is_torn(""));
  CHECK(is_torn(std::string(8192, '\0')));
  CHECK(is_torn(kGood.substr(0, 8191)));
  CHECK(is_torn(kGood + '\0'));
  CHECK(is_torn(kGood.substr(0, 512)));
  std::string late = kGood;
  late[8191] = 1;
  CHECK(is_torn(late));
}

TEST_CASE("A base backup is whole when the control file comes last") {
  CHECK(check(TarBuilder()
                  .file("backup_label", "START")
                  .file(std::string(kControlFile), kGood)
                  .end()) == "whole");
  for (const std::string& archive :
       {TarBuilder().end(), TarBuilder().file("backup_label", "START").end(),
        TarBuilder().file(std::string(kControlFile), kGood).file("base/1", "x").end(),
        TarBuilder().file(std::string(kControlFile), kGood).directory("base").end(),
        TarBuilder().file(std::string(kControlFile), "").end(),
        TarBuilder().directory(std::string(kControlFile)).end(),
        TarBuilder().file(std::string(kControlFile), kGood.substr(0, 8000)).end(),
        TarBuilder().file(std::string(kControlFile), std::string(8192, '\0')).end(),
        TarBuilder().file("pg_tblspc/1/global/pg_control", kGood).end()}) {
    CHECK(fails_with(ErrorKind::transient, "global/pg_control", [&] { return check(archive); }));
  }
}

TEST_CASE("Zeros in a configuration file mean that it was sent in the middle of its replacement") {
  using namespace std::literals;
  const std::string end = TarBuilder().file(std::string(kControlFile), kGood).end();
  for (const std::string name : {"postgresql.auto.conf", "postgresql.conf", "pg_hba.conf",
                                 "pg_ident.conf", "PG_VERSION", "backup_label", "tablespace_map"}) {
    CAPTURE(name);
    CHECK(check(TarBuilder().file(name, "text\n").text + end) == "whole");
    CHECK(check(TarBuilder().file(name, "").text + end) == "whole");
    for (const std::string_view torn : {"\0"sv, "text\n\0"sv, "te\0xt\n"sv}) {
      CHECK(fails_with(ErrorKind::transient, "there are zeros in " + name,
                       [&] { return check(TarBuilder().file(name, torn).text + end); }));
    }
  }
  CHECK(check(TarBuilder().file("base/1/postgresql.conf", "\0"sv).text + end) == "whole");
  CHECK(check(TarBuilder().file("pg_xact/0000", "\0"sv).text + end) == "whole");
}

}  // namespace
}  // namespace pgbackup
