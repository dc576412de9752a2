#include "common/base/printable.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("Control characters are shown as question marks, all else as it is") {
  CHECK(printable("plain \"text\" \xc3\xbc") == "plain \"text\" \xc3\xbc");
  CHECK(printable("a\x1b[31mb\nc\td\x7f") == "a?[31mb?c?d?");
  CHECK(has_control_characters("a\n"));
  CHECK(has_control_characters(std::string(1, '\0')));
  CHECK_FALSE(has_control_characters("a b \xff"));
  CHECK_FALSE(has_control_characters(""));
}

TEST_CASE("C1 control characters are such, as UTF-8 and as bytes, and no part of another is") {
  CHECK(printable("a\xc2\x9b"
                  "31mb") == "a?31mb");
  CHECK(printable("a\x9b"
                  "31mb") == "a?31mb");
  CHECK(printable("\xc2\x80\xc2\x9f\x80\x9f") == "????");
  CHECK(has_control_characters("\xc2\x85"));
  CHECK(has_control_characters("\xe2\x9b"));  // begins a sequence that does not go on
  // A with grave, the euro sign, an emoji, a non-breaking space; Latin-1 beyond the controls.
  for (const auto* text :
       {"\xc3\x80", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xc2\xa0", "\xa0\xff"}) {
    CAPTURE(text);
    CHECK(printable(text) == text);
    CHECK_FALSE(has_control_characters(text));
  }
}

TEST_CASE("Text of others is cut off where it is too long for a message") {
  CHECK(short_line("a\nb") == "a?b");
  CHECK(short_line(std::string(300, 'x')) == std::string(300, 'x'));
  CHECK(short_line(std::string(301, 'x')) == std::string(300, 'x') + "...");
}

}  // namespace
}  // namespace pgbackup
