#include "backup/dump/dump_source.h"

#include <fmt/format.h>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("A few messages of a client program are kept as they are") {
  CHECK(select_messages("").empty());
  CHECK(select_messages("\n\n").empty());
  CHECK(select_messages("one\n\ntwo\n") == Texts{"one", "two"});
}

TEST_CASE("Of many messages warnings are kept first, and the rest is counted") {
  std::string text;
  for (int i = 0; i < 449; ++i) text += fmt::format("pg_dump: reading table {}\n", i);
  text +=
      "pg_dump: warning: there are circular constraints\npg_dump: detail: a\npg_dump: hint: b\n";
  const Texts kept = select_messages(text);
  REQUIRE(kept.size() == kMostMessages + 1);
  CHECK(kept[0] == "pg_dump: warning: there are circular constraints");
  CHECK(kept[2] == "pg_dump: hint: b");
  CHECK(kept[3] == "pg_dump: reading table 0");
  CHECK(kept.back() == "432 more lines are not kept");
}

}  // namespace
}  // namespace pgbackup
