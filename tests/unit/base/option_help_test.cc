#include "common/base/option_help.h"

#include <array>

#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

/// Two verbs; rows under two titles, of which one has an effect on one verb only.
struct Example {
  std::string host = "localhost";
  std::string bucket;
  bool yes = false;
  Secret key;
  int port = 5432;
  CommandLine command{.program = "prog",
                      .summary = "Does things.",
                      .verbs = {{.name = "serve", .help = "again and again"},
                                {.name = "restore", .help = "bring back", .arguments = "[ID]"}},
                      .options = {},
                      .notes = "The end."};

  Example() {
    static constexpr std::array<std::string_view, 2> kBoth = {"serve", "restore"};
    static constexpr std::array<std::string_view, 1> kServing = {"serve"};
    static constexpr std::array<std::string_view, 1> kRestoring = {"restore"};
    append_options(command.options, "Database",
                   {{.name = "HOST", .value = &host, .help = "Its host."},
                    {.name = "PORT", .value = Number{&port, 1, 65535}, .help = "Its port | none."},
                    {.name = "KEY", .value = &key, .help = "Its key."}},
                   kServing);
    append_options(command.options, "Store",
                   {{.name = "BUCKET", .value = &bucket, .help = "Its name."}}, kBoth);
    append_options(command.options, "Restore",
                   {{.name = "--yes", .value = &yes, .help = "do not ask"}}, kRestoring);
  }
};

TEST_CASE("The help of everything has all titles, and the commands of each setting") {
  const std::string help = help_text(Example().command);
  CHECK(contains(help, "Usage: prog [COMMAND] [OPTIONS]\n"));
  CHECK(contains(help, "  restore [ID] bring back\n"));
  CHECK(contains(help,
                 "\nDatabase:\n  HOST, --host TEXT  [serve]\n      Its host. (default: "
                 "localhost)\n"));
  CHECK(contains(help, "\nStore:\n  BUCKET, --bucket TEXT  [serve, restore]\n"));
  CHECK(contains(help, "\nRestore:\n  --yes "));
  CHECK(contains(help, "prog COMMAND --help shows those of one.\n"));
  CHECK(help.ends_with("The end.\n"));
}

TEST_CASE("The help of a command has what has an effect on it, and nothing else") {
  const std::string help = help_text(Example().command, "restore");
  CHECK(help.starts_with("Usage: prog restore [ID] [OPTIONS]\nbring back\n"));
  CHECK(contains(help, "\nStore:\n  BUCKET, --bucket TEXT\n      Its name.\n"));
  CHECK(contains(help, "--yes"));
  CHECK_FALSE(contains(help, "HOST"));
  CHECK_FALSE(contains(help, "Database"));
  CHECK_FALSE(contains(help, "The end."));
  CHECK_FALSE(contains(help_text(Example().command, "serve"), "--yes"));
}

TEST_CASE("A secret has no flag, and a number says so") {
  const std::string help = help_text(Example().command);
  CHECK(contains(help, "\n  KEY  [serve]\n"));
  CHECK(contains(help, "PORT, --port NUMBER"));
  CHECK_FALSE(contains(help, "--key"));
}

TEST_CASE("The documented table has a row per setting and none for flags") {
  const std::string table = markdown_table(Example().command);
  CHECK(contains(table, "| `PORT` | `5432` | Its port \\| none. |\n"));
  CHECK(contains(table, "| `KEY` |  | Its key. |\n"));
  CHECK_FALSE(contains(table, "yes"));
}

TEST_CASE("An unknown command gets the help of everything") {
  CHECK(help_text(Example().command, "nothing") == help_text(Example().command));
}

}  // namespace
}  // namespace pgbackup
