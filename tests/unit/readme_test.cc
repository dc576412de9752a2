// The tables of settings in docs/configuration.md are the option tables. To write them anew:
// UPDATE_README=1 unit_tests "[readme]"
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "backup/config.h"
#include "common/base/option_help.h"
#include "prune/config.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

const std::string kPage = std::string(SOURCE_DIR) + "/docs/configuration.md";

std::string read_page() {
  std::ifstream file(kPage, std::ios::binary);
  REQUIRE(file.is_open());
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Compares what stands between the two marks of `program`, or replaces it.
void check_table(const std::string& program, const std::string& table) {
  const std::string begin = "<!-- settings of " + program + " -->\n";
  const std::string end = "<!-- end -->";
  std::string page = read_page();
  const size_t from = page.find(begin);
  REQUIRE(from != std::string::npos);
  REQUIRE(page.find(begin, from + 1) == std::string::npos);
  const size_t start = from + begin.size();
  const size_t stop = page.find(end, start);
  REQUIRE(stop != std::string::npos);
  REQUIRE(page.find("<!-- settings of ", start) >= stop);  // the end is this table's own
  if (std::getenv("UPDATE_README") != nullptr) {
    page.replace(start, stop - start, table);
    std::ofstream(kPage, std::ios::binary) << page;
    return;
  }
  CHECK(page.substr(start, stop - start) == table);
}

TEST_CASE("The documented tables of settings are the programs' own", "[readme]") {
  BackupConfig backup;
  check_table("pg-backup", markdown_table(backup_command_line(backup)));
  PruneConfig prune;
  check_table("pg-prune", markdown_table(prune_command_line(prune)));
}

}  // namespace
}  // namespace pgbackup
