#include "common/base/text.h"

#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("A list falls apart at commas and blanks, but not within double quotes") {
  struct Row {
    std::string list;
    Texts texts;
    Texts raw;
  };
  for (const Row& row : std::vector<Row>{
           {"", {}, {}},
           {" , ,", {}, {}},
           {"app", {"app"}, {"app"}},
           {"a,b c\td\n,e", {"a", "b", "c", "d", "e"}, {"a", "b", "c", "d", "e"}},
           {"\"a, b\"", {"a, b"}, {"\"a, b\""}},
           {"\"a\"\"b\"", {"a\"b"}, {"\"a\"\"b\""}},
           {"\"S\".\"my t\",x.*", {"S.my t", "x.*"}, {"\"S\".\"my t\"", "x.*"}},
           {"it's $(x) `y` \\z", {"it's", "$(x)", "`y`", "\\z"}, {"it's", "$(x)", "`y`", "\\z"}}}) {
    CAPTURE(row.list);
    Texts texts;
    Texts raw;
    for (const Word& word : split_list(row.list)) {
      texts.push_back(word.text);
      raw.push_back(word.raw);
    }
    CHECK(texts == row.texts);
    CHECK(raw == row.raw);
  }
  for (const auto* list : {"\"", "a \"b", "\"a\"\"", "\"\"", "a,\"\"", "a\"", "\"\"\"", "\"\" b"}) {
    CAPTURE(list);
    CHECK(error_of([&] { return split_list(list); })->kind() == ErrorKind::usage);
  }
}

TEST_CASE("A command line falls apart as in a shell, and nothing is expanded") {
  for (const auto& [line, words] : std::vector<std::pair<std::string, Texts>>{
           {"", {}},
           {"  ", {}},
           {"-O -x", {"-O", "-x"}},
           {"a'b c'd", {"ab cd"}},
           {"''", {""}},
           {"\"\" x", {"", "x"}},
           {"\"a \\\" \\\\ \\$ \\` \\n\"", {"a \" \\ $ ` \\n"}},
           {"'a\\'", {"a\\"}},
           {"a\\ b\\'c", {"a b'c"}},
           {"$HOME `id` $(id) * ~ #x", {"$HOME", "`id`", "$(id)", "*", "~", "#x"}},
           {"--table='\"My T\"'", {"--table=\"My T\""}},
           {"a;b|c>d&", {"a;b|c>d&"}}}) {
    CAPTURE(line);
    CHECK(split_command_line(line) == words);
  }
  for (const auto* line : {"'", "a 'b", "\"", "\"a\\\"", "a\\", "\\", "'a' \"b", "\"a'", "a''b'",
                           "x \"\\", "'\\''", "\"\\\\\\\""}) {
    CAPTURE(line);
    CHECK(error_of([&] { return split_command_line(line); })->kind() == ErrorKind::usage);
  }
}

}  // namespace
}  // namespace pgbackup
