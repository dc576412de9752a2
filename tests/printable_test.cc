#include "common/base/printable.h"

#include "tests/test.h"

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

TEST_CASE("Text of others is cut off where it is too long for a message") {
  CHECK(short_line("a\nb") == "a?b");
  CHECK(short_line(std::string(300, 'x')) == std::string(300, 'x'));
  CHECK(short_line(std::string(301, 'x')) == std::string(300, 'x') + "...");
}

}  // namespace
}  // namespace pgbackup
