#include "backup/postgres/database_list.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("A run for all databases says why it leaves one out") {
  // Accepts connections, is a template, was being dropped, the role may connect.
  CHECK(reason_to_leave_out({"t", "f", "f", "t"}).empty());
  CHECK(reason_to_leave_out({"t", "f", "f", "f"}) ==
        "the role may not connect to it (GRANT CONNECT)");
  CHECK(reason_to_leave_out({"f", "f", "f", "t"}) ==
        "it accepts no connections (ALLOW_CONNECTIONS)");
  CHECK(reason_to_leave_out({"f", "f", "f", "f"}) ==
        "it accepts no connections (ALLOW_CONNECTIONS)");
  for (const auto* connections : {"t", "f"}) {
    for (const auto* right : {"t", "f"}) {
      CHECK(reason_to_leave_out({connections, "t", "f", right}) ==
            "it is a template (IS_TEMPLATE)");
      CHECK(reason_to_leave_out({connections, "f", "t", right}) ==
            "an interrupted DROP DATABASE left it, and it can only be dropped");
    }
  }
}

}  // namespace
}  // namespace pgbackup
