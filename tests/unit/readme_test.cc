// README's tables of settings are the option tables. To write them anew: UPDATE_README=1 unit_tests
// "[readme]"
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "backup/config.h"
#include "prune/config.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

const std::string kReadme = std::string(SOURCE_DIR) + "/README.md";

std::string read_readme() {
  std::ifstream file(kReadme, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Compares what stands between the two marks of `program`, or replaces it.
void check_table(const std::string& program, const std::string& table) {
  const std::string begin = "<!-- settings of " + program + " -->\n";
  const std::string end = "<!-- end -->";
  std::string readme = read_readme();
  const size_t from = readme.find(begin);
  REQUIRE(from != std::string::npos);
  const size_t start = from + begin.size();
  const size_t stop = readme.find(end, start);
  REQUIRE(stop != std::string::npos);
  if (std::getenv("UPDATE_README") != nullptr) {
    readme.replace(start, stop - start, table);
    std::ofstream(kReadme, std::ios::binary) << readme;
    return;
  }
  CHECK(readme.substr(start, stop - start) == table);
}

TEST_CASE("README's tables are the programs' own", "[readme]") {
  BackupConfig backup;
  check_table("pg-backup", markdown_table(backup_command_line(backup)));
  PruneConfig prune;
  check_table("pg-prune", markdown_table(prune_command_line(prune)));
}

}  // namespace
}  // namespace pgbackup
