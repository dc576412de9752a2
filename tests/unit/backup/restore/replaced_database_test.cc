#include "backup/restore/replaced_database.h"

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("A suffix is never cut off, and no character is cut in two") {
  constexpr const char* kSuffix = "_before_20261120T031500Z";
  CHECK(with_suffix("app", kSuffix) == "app_before_20261120T031500Z");
  CHECK(with_suffix("", "x") == "x");
  const std::string longest(63, 'a');
  CHECK(with_suffix(longest, kSuffix) == std::string(39, 'a') + kSuffix);
  CHECK(with_suffix(std::string(39, 'a'), kSuffix).size() == 63);
  std::string umlauts;
  for (int i = 0; i < 31; ++i) umlauts += "\u00fc";
  const std::string cut = with_suffix(umlauts, kSuffix);
  CHECK(cut.size() == 62);
  CHECK(cut.substr(0, 38) == umlauts.substr(0, 38));
  std::string wide = "a";
  for (int i = 0; i < 15; ++i) wide += "\U0001F600";
  CHECK(with_suffix(wide, kSuffix).substr(0, 38) == wide.substr(0, 37) + "_");
}

}  // namespace
}  // namespace pgbackup
